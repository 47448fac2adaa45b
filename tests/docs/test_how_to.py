"""The examples in the how-tos run."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_page_on_scikit_learn_runs() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "scikit-learn.md"
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 10
    assert not found.failed
