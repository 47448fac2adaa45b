"""Every marked figure of the documents is what its result says."""

from __future__ import annotations

from pathlib import Path

import pytest

figures = pytest.importorskip("benchmarks.figures", reason="run from the root of the checkout")


@pytest.mark.parametrize("page", figures.PAGES, ids=lambda page: page.name)
def test_every_marked_figure_is_its_results(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = list(figures.MARKED.finditer(text))
    assert {f["name"]: f["figure"] for f in found} == {f["name"]: figures.figure(f["name"]) for f in found}
    names = [name for name in figures.FIGURES if f"<!-- {name} -->" in text]
    assert {f["name"] for f in found} == set(names), "a mark stands right behind its figure"


def test_every_figure_is_used() -> None:
    together = "".join(page.read_text(encoding="utf-8") for page in figures.PAGES)
    assert [name for name in figures.FIGURES if f"<!-- {name} -->" not in together] == []


@pytest.mark.parametrize(
    ("value", "digits", "written"), [(0.9094, 3, ".909"), (-0.22, 1, "-.2"), (2.616, 1, "2.6"), (-0.04, 1, ".0")]
)
def test_numbers_are_written_as_the_pages_do(value: float, digits: int, written: str) -> None:
    assert figures.short(value, digits) == written
