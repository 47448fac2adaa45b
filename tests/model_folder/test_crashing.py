"""A save that fails or is killed at any call to the system leaves the old model or the new one, and no litter."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest
from tests.faults import failing_at, killed_at, n_calls

from spacetune.errors import UsageError

from .conftest import number_at, write

PARTS = ["README.md", "config.json", "model.safetensors"]


def numbers_of(place: Path, old: bool) -> int | None:
    return number_at(place) if old or place.exists() else None


@pytest.mark.parametrize("number", [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.slow)])
@pytest.mark.parametrize("encoder", [False, True])
def test_a_failure_at_every_call_leaves_one_whole_model(place: Path, number: int, encoder: bool) -> None:
    write(place, 1, encoder)
    total = n_calls(lambda: write(place, 2, encoder))
    assert total > 20
    for n in range(total):
        write(place, 1, encoder)
        with failing_at(n, number), contextlib.suppress(UsageError):
            write(place, 2, encoder)
        assert number_at(place) in (1, 2)
        write(place, 3, encoder)
        assert sorted(os.listdir(place)) == sorted([*PARTS, "encoder"] if encoder else PARTS)
        assert os.listdir(place.parent) == ["m"]
        assert (place / "README.md").read_text() == "card 3\n"


def test_a_failure_of_a_first_save_leaves_nothing(place: Path) -> None:
    total = n_calls(lambda: write(place / "a", 1))
    for n in range(total):
        new = place.parent / f"new{n}"
        with failing_at(n), contextlib.suppress(UsageError):
            write(new, 1)
        assert numbers_of(new, old=False) in (None, 1)
        write(new, 2)
        assert number_at(new) == 2
        assert sorted(os.listdir(new)) == PARTS
    assert not [name for name in os.listdir(place.parent) if name.startswith(".")]


@pytest.mark.parametrize("encoder", [False, True])
def test_a_kill_at_every_call_leaves_one_whole_model(place: Path, encoder: bool) -> None:
    write(place, 1, encoder)
    for n in range(n_calls(lambda: write(place, 2, encoder))):
        write(place, 1, encoder)
        killed_at(n, lambda: write(place, 2, encoder))
        assert number_at(place) in (1, 2)
        write(place, 3, encoder)
        assert sorted(os.listdir(place)) == sorted([*PARTS, "encoder"] if encoder else PARTS)
        assert os.listdir(place.parent) == ["m"]


def test_a_kill_in_a_first_save_leaves_nothing_half_and_no_litter(place: Path) -> None:
    for n in range(n_calls(lambda: write(place, 1))):
        new = place.parent / f"new{n}"
        killed_at(n, lambda new=new: write(new, 1))
        assert numbers_of(new, old=False) in (None, 1)
        write(new, 2)
        assert sorted(os.listdir(new)) == PARTS
    assert not [name for name in os.listdir(place.parent) if name.startswith(".")]


def test_a_kill_in_place_of_an_empty_folder_can_be_written_over(place: Path) -> None:
    for n in range(n_calls(lambda: (place.parent / "e").mkdir() or write(place.parent / "e", 1))):
        new = place.parent / f"new{n}"
        new.mkdir()
        killed_at(n, lambda new=new: write(new, 1))
        write(new, 2)
        assert number_at(new) == 2
        assert sorted(os.listdir(new)) == PARTS
