"""The ``terms`` commands give the Python functions' results, drawn, as JSON and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spacetune.dissection import TERMS
from spacetune.estimators import load_estimator
from spacetune.studies import term_use

from .conftest import Place, run

TEXT = "My parcel went to the old flat."


def told(*words: Any) -> Any:
    answer = run("terms", *words, "--json")
    assert answer.code == 0
    return json.loads(answer.out)


@pytest.mark.slow
def test_use_is_the_functions_result(place: Place) -> None:
    fitted: Any = load_estimator(place.model)
    assert told("use", place.model, TEXT) == json.loads(term_use(fitted, [TEXT]).to_json())
    shown = " ".join(run("terms", "use", place.model, TEXT).out.split())
    assert "predictions kept without" in shown
    assert "feed_forward" in shown


@pytest.mark.slow
def test_subsets(place: Place) -> None:
    found = told("subsets", place.train, place.test)
    assert (len(found["table"]), found["n_test"], found["seeds"]) == (15, 24, [0])


def test_geometry(place: Place) -> None:
    found = told("geometry", place.test, "--layer", 0)
    assert [row["term"] for row in found["table"]] == ["input", "correction", "embedding"]


def test_no_shift_between_an_encoder_and_itself(place: Place) -> None:
    found = told("shift", "default", place.model, place.test)
    assert {row[f"{term} change"] for row in found["table"] for term in TERMS} == {0}


@pytest.mark.parametrize("ending", ["html", "md", "json", "csv"])
def test_to_a_file(place: Place, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"terms.{ending}"
    assert run("terms", "geometry", place.test, "--out", out).code == 0
    assert "embedding" in out.read_text()
