"""Changes that once went unnoticed still stand somewhere: `make mutants` tries them, each with its test."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
known = pytest.importorskip("benchmarks.mutation.known", reason="run from the root of the checkout")


def test_each_has_one_place_and_one_test() -> None:
    for change in known.CHANGES:
        found = known.Known(*change)
        assert found.place(ROOT / "src" / "spacetune").exists()
        assert "::" in found.node(ROOT / "tests")
