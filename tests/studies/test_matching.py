"""Labels of test texts are read as the model's classes are, and what does not fit is said before the training."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import pytest

from spacetune import Encoder, LinearProbe
from spacetune.data import LabelledTexts
from spacetune.errors import DataError
from spacetune.estimators.classifier import label_task
from spacetune.fitting import Regression
from spacetune.studies import fit_model, map_spaces, score_model
from spacetune.studies.fit.matching import as_trained

TEXTS = ["the code does not come", "no code again", "the bill is wrong", "a wrong bill"] * 4
CODES = ["10", "10", "01", "01"] * 4
STARS: list[Any] = ["5", "unknown", "1", "1"] * 4


@pytest.fixture(scope="module")
def probe(shallow: Encoder) -> LinearProbe:
    return LinearProbe(encoder=shallow, store=None).fit(TEXTS, CODES)


def test_numbers_of_a_test_file_are_the_text_classes_of_training(probe: LinearProbe) -> None:
    scored = score_model(probe, LabelledTexts(TEXTS[:2], [10, 10]))
    assert scored.scores["accuracy"] == 1.0
    assert [row["label"] for row in scored.hardest] == ["10", "10"]
    assert map_spaces(probe, LabelledTexts(TEXTS[:3], [10, 10, "01"])).labels == ("10", "10", "01")


def test_what_weighs_nothing_is_neither_learnt_nor_scored(probe: LinearProbe) -> None:
    with pytest.raises(DataError, match="all weights of memory are 0"):
        score_model(probe, LabelledTexts(TEXTS[:2], ["10", "10"], weights=np.zeros(2)))
    train = LabelledTexts([*TEXTS, "new"], [*CODES, "99"], weights=np.array([1.0] * len(TEXTS) + [0.0]))
    with pytest.raises(DataError, match=r"label '99' .* was not among"):  # before the training
        fit_model(train, test=LabelledTexts(["new"], ["99"]))


def test_a_fit_reads_dev_and_test_as_training(shallow: Encoder) -> None:
    parts: dict[str, Any] = {"dev": LabelledTexts(["great", "bad"], [5, 1]), "test": LabelledTexts(["great"], [5])}
    settings: dict[str, Any] = {"encoder": shallow}
    model, report = fit_model(LabelledTexts(TEXTS, STARS), method="probe", settings=settings, **parts)
    assert [row["n"] for row in report.rows() if row["split"] == "test"] == [1, 1, 1]
    assert model.classes_.tolist() == ["1", "5", "unknown"]


@pytest.mark.parametrize("role", ["dev", "test"])
@pytest.mark.parametrize(
    ("other", "said"),
    [
        (LabelledTexts(["a"], ["11"], source="o.csv"), "o.csv: label '11' (str) was not among the training labels"),
        (LabelledTexts(["a"], [1.5], source="o.csv"), "o.csv: label 1.5 (float) was not among"),
        (LabelledTexts(["a"], [["10"]], source="o.csv"), "one class per text, and o.csv holds several labels per text"),
        (LabelledTexts(["a"], ["10"], ["b"], source="o.csv"), "single texts, and o.csv holds pairs of texts"),
        (LabelledTexts(["a"], source="o.csv"), "o.csv carries no labels"),
    ],
)
def test_what_does_not_fit_is_said_before_the_training(
    role: str, other: LabelledTexts, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*given: Any, **named: Any) -> NoReturn:
        raise AssertionError("the training began")

    monkeypatch.setattr("spacetune.studies.fit.fitting.make_estimator", trained)
    with pytest.raises(DataError) as caught:
        fit_model(LabelledTexts(TEXTS, CODES), **{role: other})
    assert said in str(caught.value)


def test_labels_of_another_kind_are_named() -> None:
    several = label_task([["a"], ["b"]], None, 0.0)
    assert as_trained(several, False, LabelledTexts(["x"], [["b"]])).labels == [["b"]]
    with pytest.raises(DataError, match="say what separates several in one cell with --label-separator"):
        as_trained(several, False, LabelledTexts(["x"], ["a"]))
    with pytest.raises(DataError, match="trained on pairs of texts, and memory holds single texts"):
        as_trained(several, True, LabelledTexts(["x"], [["a"]]))
    with pytest.raises(DataError, match="memory: labels must be numbers"):
        as_trained(Regression.of([1.5, 2.5]), False, LabelledTexts(["x"], ["many"]))
