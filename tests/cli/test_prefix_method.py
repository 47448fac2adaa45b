"""`fit --method prefix-simplex`: the same commands for a model that acts inside the encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spacetune import Encoder, PrefixSimplexClassifier, SpaceClassifier, SpaceRegressor
from spacetune.studies.fit.methods import make_estimator

from .conftest import Place, read_rows, run, write_rows

QUICK = ("--method", "prefix-simplex", "--n-vertices", 2, "--prefix-length", 2, "--n-epochs", 1, "--no-baselines")


def test_fit_and_predict(place: Place, tiny_encoder: Encoder, tmp_path: Path) -> None:
    words = ("--encoder", tiny_encoder.source.folder, *QUICK)
    answer = run("fit", place.train, "--out", tmp_path / "m", *words, "--json")
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    assert report["method"] == "prefix-simplex"
    assert "1 epoch, kept epoch" in report["history"]
    settings = json.loads((tmp_path / "m/config.json").read_text())["settings"]
    assert (settings["n_vertices"], settings["prefix_length"]) == (2, 2)
    few = write_rows(tmp_path / "few.csv", read_rows(place.test)[:6])  # every point of the simplex runs the encoder
    scored = run("score", tmp_path / "m", few, "--json")
    accuracy = json.loads(scored.out)["scores"]["accuracy"]
    assert 0 <= accuracy <= 1
    answer = run("simplex", tmp_path / "m", few, "--points", 2, "--json", "--out", tmp_path / "s.html")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    centroid = next(point for point in found["points"] if point["kind"] == "centroid")
    assert centroid["scores"]["accuracy"] == accuracy
    assert [row["epoch"] for row in found["epochs"]] == [0, 1]
    assert "Stochastic validation" in (tmp_path / "s.html").read_text()
    assert "2 random points" in run("simplex", tmp_path / "m", few, "--points", 2).out


def test_a_model_without_a_simplex(place: Place) -> None:
    answer = run("simplex", place.model, place.test)
    assert (answer.code, answer.out) == (2, "")
    assert "SpaceClassifier was fitted without a simplex" in answer.err


def test_the_probe_has_no_vertices(place: Place, tmp_path: Path) -> None:
    answer = run("fit", place.train, "--out", tmp_path / "m", "--method", "probe", "--n-vertices", 2)
    assert answer.code == 2
    assert "LinearProbe has no setting 'n_vertices'" in answer.err


def test_low_rank_matrices_are_a_method_too() -> None:
    model = make_estimator("lora-simplex", False, {"rank": 4}, 0)
    assert isinstance(model, PrefixSimplexClassifier)
    assert (model.adapter, model.rank, model.learning_rate) == ("lora", 4, 1e-3)


@pytest.mark.slow
def test_a_simplex_of_spaces_is_a_method_and_can_be_looked_into(place: Place, tmp_path: Path) -> None:
    model = make_estimator("space-simplex", False, {}, 0)
    assert isinstance(model, SpaceClassifier)
    assert model.n_vertices == 6
    assert isinstance(make_estimator("space-simplex", True, {"n_vertices": 3}, 0), SpaceRegressor)
    out = tmp_path / "m"
    words = ("--method", "space-simplex", "--n-vertices", 2, "--n-epochs", 1, "--no-baselines")
    answer = run("fit", place.train, "--out", out, *words)
    assert answer.code == 0
    assert "space-simplex" in answer.out
    assert run("simplex", out, place.test, "--points", 2).code == 0
