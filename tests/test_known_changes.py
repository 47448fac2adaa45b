"""Changes that once went unnoticed still stand somewhere: `make mutants` tries them, each with its test."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHANGES = pytest.importorskip("benchmarks.mutation.known_changes", reason="run from the root of the checkout").CHANGES


def test_each_has_one_place_and_one_test() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    for old, _, name in CHANGES:
        assert sum(text.count(old) for text in sources) == 1, old
        assert sum(f"def {name}(" in text for text in tests) == 1, name
