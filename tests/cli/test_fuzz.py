"""A few random calls of the command line; `python -m tests.fuzz.commands` tries many."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.commands import calls, furnish, trouble_of


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("fuzz")
    return folder, furnish(folder)


@settings(max_examples=12, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1))
def test_whatever_is_typed_ends_in_order(seed: int, furnished: tuple[Path, list[str]]) -> None:
    folder, places = furnished
    for words in itertools.islice(calls(seed, places), 2):
        assert trouble_of(folder, words, seconds=60) == "", words
