"""What is printed of a result: what its command prints, without a terminal."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import numpy as np
import pytest

from spacetune import Encoder, LinearProbe, SpaceRegressor
from spacetune.estimators.uncertainty import uncertainty_of
from spacetune.fitting.history import Epoch
from spacetune.reports import printed
from spacetune.reports.printing import DRAWINGS, MOST_ROWS
from spacetune.reports.rendering import LAYOUTS, document_of
from spacetune.results import Result
from spacetune.studies import embed_texts, predict_texts


def kinds(of: type[Result] = Result) -> Iterator[type[Result]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_of_a_kind_of_result_and_is_there(name: str) -> None:
    for module in ("bridges.exporting", "studies.terms"):
        importlib.import_module(f"spacetune.{module}")
    module, function = DRAWINGS[name].split(".")
    assert name in {kind.__name__ for kind in kinds()}
    assert callable(getattr(importlib.import_module(f"spacetune.reports.{module}"), function))


def test_a_result_is_printed_as_by_its_command(tiny_encoder: Encoder) -> None:
    model = LinearProbe(tiny_encoder, store=None).fit(["good", "fine", "bad", "awful"] * 3, ["a", "a", "b", "b"] * 3)
    found = predict_texts(model, ["good \x1b[31m day"])
    assert str(found) == printed(found)
    assert "%  good \\x1b[31m day" in str(found)
    both = str(model.explain(["good day", "bad day"]))
    assert both.count("▸") == 2
    assert str(model.explain(["good day"])[0]) in both


def test_what_has_no_drawing_of_its_own_is_printed_as_its_report() -> None:
    points = np.full((2, MOST_ROWS + 5, 2), 0.5)
    found = uncertainty_of(points, "single", ("a", "b"))
    assert type(found) in LAYOUTS
    assert str(found).startswith("The mean uncertainty is 1.000 of the largest entropy")
    assert f"and {5:,} more rows" in str(found)


def test_any_other_record_is_printed_as_its_row() -> None:
    said = str(Epoch(epoch=3, seconds=0.5, loss=0.25, scores={"accuracy": 0.75})).splitlines()
    assert said[0] == "Values"
    assert said[-1] == "accuracy │ 0.75"


def test_unsure_is_no_class(tiny_encoder: Encoder) -> None:
    model = LinearProbe(tiny_encoder, store=None).fit(["good", "fine", "bad", "awful"] * 3, ["a", "a", "b", "b"] * 3)
    none = document_of(predict_texts(model, ["good day", "bad day"], abstain=1.0))
    assert none.finding.startswith("2 texts: the most frequent class is none (0), 2 are left unsure;")
    all_sure = document_of(predict_texts(model, ["good day"], abstain=0.0))
    assert "unsure" not in all_sure.finding


def test_embeddings_are_a_sentence(tiny_encoder: Encoder) -> None:
    assert str(embed_texts(tiny_encoder, ["one", "two"])).startswith(f"2 vectors of {tiny_encoder.dim} numbers")


def test_numbers_are_told_by_their_size_and_classes_that_are_numbers_as_they_are(tiny_encoder: Encoder) -> None:
    texts = ["good", "fine", "bad", "awful"] * 3
    small = SpaceRegressor(encoder=tiny_encoder, store=None, n_epochs=1).fit(texts, [2.5e-5, 2.1e-5] * 6)
    assert "0.000" not in str(predict_texts(small, ["good"]))
    assert "e-05" in str(predict_texts(small, ["good"]))
    assert "e-05" in str(small.explain(["good"]))
    years = SpaceRegressor(encoder=tiny_encoder, store=None, n_epochs=1).fit(texts, [1.7e9, 1.7e9 + 0.5] * 6)
    assert "1700000000." in str(years.explain(["good"])), "not 1.7e+09"
    classes = LinearProbe(tiny_encoder, store=None).fit(texts, [0.0, 0.0, 1.0, 1.0] * 3)
    for told in (str(classes.explain(["good"])), str(predict_texts(classes, ["good"]))):
        assert "0.0" in told
        assert "0.000" not in told
        assert "deviations" not in told


def test_a_class_keeps_its_column_beside_the_uncertainties() -> None:
    points = np.array([[[0.9, 0.1]], [[0.5, 0.5]]])
    (row,) = uncertainty_of(points, "single", ("total", "b")).rows()
    assert (row["class total"], row["b"]) == (pytest.approx(0.7), pytest.approx(0.3))
    assert row["total"] == pytest.approx(0.881, abs=1e-3)
