"""What glibc is told while a fit runs, and afterwards; nothing where somebody else chose."""

from __future__ import annotations

import contextlib

import pytest

from spacetune.encoders.loading import kept_blocks
from spacetune.encoders.loading.kept_blocks import (
    CHOSEN,
    KEPT,
    LARGEST,
    MMAP_THRESHOLD,
    TRIM_THRESHOLD,
    USUAL,
    blocks_kept,
    keep_freed_memory,
)


class Library:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    def mallopt(self, number: int, value: int) -> int:
        self.asked.append(("mallopt", number, value))
        return 1

    def malloc_trim(self, pad: int) -> int:
        self.asked.append(("trim", 0, pad))
        return 1


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setattr(kept_blocks, "_glibc", lambda: made)
    return made


def test_freed_memory_is_kept_until_the_last_fit_ends(library: Library) -> None:
    begin = [("mallopt", MMAP_THRESHOLD, LARGEST), ("mallopt", TRIM_THRESHOLD, KEPT)]
    with blocks_kept():
        with blocks_kept():
            pass
        assert library.asked == begin * 2
    assert library.asked == [*begin * 2, ("mallopt", TRIM_THRESHOLD, 2 * LARGEST), ("trim", 0, 0)]


@pytest.mark.parametrize(("in_a_fit", "kept"), [(False, USUAL), (True, KEPT)])
def test_an_encoder_loaded_in_a_fit_does_not_take_its_memory(in_a_fit: bool, kept: int, library: Library) -> None:
    with blocks_kept() if in_a_fit else contextlib.nullcontext():
        assert keep_freed_memory.__wrapped__()
        assert library.asked[-2:] == [("mallopt", MMAP_THRESHOLD, LARGEST), ("mallopt", TRIM_THRESHOLD, kept)]


def test_it_is_given_back_after_an_error(library: Library) -> None:
    with pytest.raises(KeyboardInterrupt), blocks_kept():
        raise KeyboardInterrupt
    assert library.asked[-1] == ("trim", 0, 0)


@pytest.mark.parametrize("name", CHOSEN)
def test_whoever_chose_an_allocator_keeps_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in CHOSEN:
        monkeypatch.delenv(other, raising=False)
    there = kept_blocks._glibc()
    assert there is None or there.mallopt(TRIM_THRESHOLD, 2 * LARGEST) == 1
    monkeypatch.setenv(name, "1")
    assert kept_blocks._glibc() is None


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_blocks.sys, "platform", "darwin")
    assert kept_blocks._glibc() is None
    with blocks_kept():
        pass
