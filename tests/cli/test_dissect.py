"""The dissect command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import run, write_rows


def test_json_holds_curves_and_rows(bundled: None) -> None:
    told = json.loads(run("dissect", "The bank raised its rates.", "--json").out)
    assert told["layers"] == list(range(7))
    tokens = [row["token"] for row in told["rows"] if row["layer"] == 0]
    assert tokens == ["[CLS]", "the", "bank", "raised", "its", "rates", ".", "[SEP]"]
    last = told["curves"][-1]
    assert sum(last[t] for t in ("input", "attention", "feed_forward", "correction")) == pytest.approx(1, abs=1e-4)
    assert told["residual"] < 1e-4


def test_for_people(bundled: None) -> None:
    shown = run("dissect", "The bank raised its rates.").out
    assert "largest residual |i + h + f + c - e|" in " ".join(shown.split())
    assert "layer" in shown
    assert "rates" in shown
    assert "hhh" in shown


@pytest.mark.slow
@pytest.mark.parametrize("split", ["layer", "head", "attended", "bias"])
def test_splits(split: str) -> None:
    assert f"by {split}, mean over tokens" in run("dissect", "The bank.", "--split", split).out
    told = json.loads(run("dissect", "The bank.", "--split", split, "--layers", "3", "--json").out)
    assert told["layers"] == [3]
    assert told["splits"][split]["name"] == split


@pytest.mark.slow
def test_a_file(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "texts.csv", [{"text": "one"}, {"text": "two words"}])
    told = json.loads(run("dissect", place, "--layers", "-1", "--json").out)
    assert {row["text"] for row in told["rows"]} == {0, 1}


def test_wrong_calls() -> None:
    answer = run("dissect", "text", "--layers", "last")
    assert (answer.code, answer.err) == (
        2,
        "spacetune: --layers must be a number, numbers as 2,4,6, or 'all', got 'last'\n",
    )
    assert run("dissect", "text", "--split", "heads").code == 2
    assert run("dissect", "text", "--layers", "99").code == 2


def test_a_report(tmp_path: Path) -> None:
    assert run("dissect", "The bank.", "--layers", "3", "--out", tmp_path / "bank.html").code == 0
    assert "At layer 3" in (tmp_path / "bank.html").read_text()
    wrong = run("dissect", "The bank.", "--out", tmp_path / "bank.gif")
    assert (wrong.code, wrong.out) == (2, "")
