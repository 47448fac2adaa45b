"""A damaged file gives one sentence and no traceback; ``python -m tests.fuzz.reader`` is the long run of this."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz import reader

WHOLE = reader.seeds()


@settings(max_examples=200, derandomize=True, database=None)
@given(st.integers(0, 2**32))
def test_only_spacetune_errors_leave_the_reader(number: int) -> None:
    ending, content, options = reader.case(WHOLE, number)
    with tempfile.TemporaryDirectory() as folder:
        reader.read_damaged(ending, content, options, Path(folder))


@pytest.mark.parametrize("quoting", ["auto", "none"])
@pytest.mark.parametrize("number", range(len(WHOLE)))
def test_whole_files_and_those_that_once_broke_the_rule_keep_it(number: int, quoting: str, tmp_path: Path) -> None:
    ending, content = WHOLE[number]
    for label in ("label", "n", "score", "tags", "flags"):
        reader.read_damaged(ending, content, {"label": label, "quoting": quoting}, tmp_path)
