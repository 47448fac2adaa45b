"""Weights of texts: 0 leaves a text out, 2 counts it twice, and all that is learnt or chosen by goes by them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from tests.estimators.kinds import KINDS

from spacetune import Encoder, LabelledTexts, LinearProbe, SpaceClassifier
from spacetune.errors import DataError, UsageError
from spacetune.estimators import LinearProbeRegressor, TextEstimator
from spacetune.studies import fit_model

TEXTS = ["my card was charged twice", "where is my order?", "a fine day, thank you", "the parcel never came"] * 10
LABELS = ["bill", "order"] * 20
QUICK = {"n_epochs": 2, "n_latent": 4, "prefix_length": 2, "n_validation_samples": 1, "batch_size": 20, "store": None}
RNG = np.random.default_rng(0)
ROWS, NUMBERS, COUNTS = RNG.normal(size=(60, 4)), RNG.normal(size=60), RNG.integers(0, 4, 60)
CLASSES = np.where(ROWS[:, 0] + NUMBERS > 0, "a", "b")
REPEATED = np.repeat(np.arange(60), COUNTS)


def make(kind: type[TextEstimator], encoder: Encoder, **settings: Any) -> Any:
    known = kind._get_param_names()
    return kind(encoder, **{name: value for name, value in {**QUICK, **settings}.items() if name in known})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_text_of_weight_0_is_left_out(kind: type[TextEstimator], tiny_encoder: Encoder) -> None:
    model = make(kind, tiny_encoder)
    labels = LABELS if is_classifier(model) else [float(len(text)) for text in TEXTS]
    weights = np.tile([1.0, 2.0, 0.0, 0.5], 10)
    kept = np.flatnonzero(weights)
    whole = clone(model).fit(TEXTS, labels, weights)
    part = clone(model).fit([TEXTS[i] for i in kept], [labels[i] for i in kept], weights[kept])
    np.testing.assert_array_equal(whole.predict_logits(TEXTS), part.predict_logits(TEXTS))
    assert whole.report_ == part.report_
    assert whole.report_["n_texts"] == 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_where_labels_disagree_the_heavier_wins(kind: type[TextEstimator], tiny_encoder: Encoder) -> None:
    model = make(kind, tiny_encoder, n_epochs=8, lexicon=False)
    texts, half = [text for text in TEXTS[:20] for _ in "01"], [0, 1] * 20
    for weights, wins in (([9.0, 1.0] * 20, 0), ([1.0, 9.0] * 20, 1)):
        predicted = clone(model).fit(texts, half, weights).predict(TEXTS[:4])
        assert np.round(np.asarray(predicted, dtype=float)).tolist() == [wins] * 4


@pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 3.0}], ids=str)
def test_a_weight_of_2_counts_as_the_row_twice(class_weight: Any) -> None:
    model = LinearProbe(C=0.1, class_weight=class_weight)
    weighed, repeated = clone(model).fit(ROWS, CLASSES, COUNTS), clone(model).fit(ROWS[REPEATED], CLASSES[REPEATED])
    np.testing.assert_allclose(weighed.predict_logits(ROWS), repeated.predict_logits(ROWS), atol=2e-3)


def test_so_for_numbers_for_several_labels_and_for_pairs(tiny_encoder: Encoder) -> None:
    ridge, several = LinearProbeRegressor(C=0.1), LinearProbe(C=0.1)
    marks = np.c_[ROWS[:, 0] > 0, ROWS[:, 1] + NUMBERS > 0].astype(int)
    for model, y, atol in ((ridge, NUMBERS, 1e-9), (several, marks, 2e-2)):
        weighed, repeated = clone(model).fit(ROWS, y, COUNTS), clone(model).fit(ROWS[REPEATED], y[REPEATED])
        np.testing.assert_allclose(weighed.predict_logits(ROWS), repeated.predict_logits(ROWS), atol=atol)
    pairs, scale = [(text, text[::-1]) for text in TEXTS[:4]], [0.0, 1.0, 2.0, 3.0]
    apart = LinearProbeRegressor(tiny_encoder, C=0.1, symmetric=True, store=None)
    weighed = clone(apart).fit(pairs, scale, [1, 2, 1, 3])
    repeated = clone(apart).fit([pairs[i] for i in (0, 1, 1, 2, 3, 3, 3)], [scale[i] for i in (0, 1, 1, 2, 3, 3, 3)])
    np.testing.assert_allclose(weighed.predict(pairs), repeated.predict(pairs), atol=1e-6)


def test_dev_scores_that_choose_go_by_weights() -> None:
    model = LinearProbe(C=0.1, dev_fraction=0.5).fit(ROWS, CLASSES, np.where(CLASSES == "a", 1e6, 1.0))
    assert model.report_["dev_scores"]["accuracy"] > 0.999
    assert set(model.predict(ROWS)) == {"a"}


def test_dev_texts_given_with_weights_choose_by_them(tiny_encoder: Encoder) -> None:
    weights = np.tile([1.0, 0.0, 1e-9, 1e-9], 10)
    dev = LabelledTexts(TEXTS, ["bill"] * 40, weights=weights)  # three of four are wrong, and hardly count
    model = LinearProbe(tiny_encoder, C=0.1, store=None).fit(TEXTS, LABELS, dev=dev)
    assert model.predict(TEXTS[:4]).tolist() == LABELS[:4]
    assert model.report_["dev_scores"]["accuracy"] > 0.999


def test_a_whole_fit_goes_by_them_and_its_baselines_too(tiny_encoder: Encoder) -> None:
    texts, weights = [f"{text} {i}" for i, text in enumerate(TEXTS)], np.tile([1.0, 2.0, 0.0, 0.5], 10)
    data = LabelledTexts(texts, LABELS, weights=weights)
    settings = {"encoder": tiny_encoder, "store": None, "C": 0.1}

    def table(of: LabelledTexts) -> list[dict[str, Any]]:
        model, report = fit_model(of, method="probe", settings=settings, dev_fraction=0.3)
        assert report.scored["dev"].scores == pytest.approx(model.report_["dev_scores"])
        assert any("10 texts weigh 0 and are left out" in note for note in report.notes) == (len(of) == 40)
        return [{name: value for name, value in row.items() if name != "seconds"} for row in report.table]

    kept = data.take(np.flatnonzero(weights).tolist())
    assert table(data) == table(kept) != table(dataclasses.replace(kept, weights=None))
    model, _ = fit_model(data, method="probe", settings=settings, dev_fraction=0.3, baselines=False)
    direct = LinearProbe(**settings, dev_fraction=0.3).fit(texts, LABELS, weights)
    np.testing.assert_array_equal(model.predict_logits(texts), direct.predict_logits(texts))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 39 + [-1.0], "must be 0, or from 1e-15 to 1e.15; -1.0 at row 40"),
        ([1.0] * 39 + [np.nan], "must be 0, or from 1e-15 to 1e.15; nan at row 40"),
        ([1.0] * 39, r"one number per text: 40 texts, weights of shape \(39,\)"),
        ([[1.0]] * 40, r"weights of shape \(40, 1\)"),
        ([0.0] * 40, "zero for all texts but 0"),
        ([0.0] * 39 + [1.0], "zero for all texts but 1"),
        (["heavy"] * 40, "sample_weight must be numbers"),
        ([0.0, 1.0] * 20, "got 1 class"),
    ],
)
def test_wrong_weights_are_named(tiny_encoder: Encoder, weights: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        LinearProbe(tiny_encoder, store=None).fit(TEXTS, LABELS, weights)


@pytest.mark.parametrize(("kind", "y"), [(LinearProbe, CLASSES), (LinearProbeRegressor, NUMBERS)])
@pytest.mark.parametrize("weights", [[1e308] * 60, [np.nan] * 60, [1.0] * 59])
def test_wrong_weights_of_a_score_are_named(kind: Any, y: Any, weights: list[float]) -> None:
    with pytest.raises(DataError, match="sample_weight must be"):
        kind().fit(ROWS, y).score(ROWS, y, weights)


def test_they_are_routed_through_searches_and_scores() -> None:
    weights = COUNTS + 1.0
    with config_context(enable_metadata_routing=True):
        model = LinearProbe().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        grid = GridSearchCV(model, {"C": [0.01, 0.1]}, cv=2).fit(ROWS, CLASSES, sample_weight=weights)
        scores = cross_val_score(clone(model), ROWS, CLASSES, cv=2, params={"sample_weight": weights})
    alone = LinearProbe(**grid.best_params_).fit(ROWS, CLASSES, sample_weight=weights)
    np.testing.assert_array_equal(grid.predict_proba(ROWS), alone.predict_proba(ROWS))
    assert np.isfinite(scores).all()
    weighed = accuracy_score(CLASSES, alone.predict(ROWS), sample_weight=weights)
    assert alone.score(ROWS, CLASSES, sample_weight=weights) == weighed


def test_a_checkpoint_of_other_weights_is_refused(tiny_encoder: Encoder, tmp_path: Path) -> None:
    model = SpaceClassifier(tiny_encoder, n_epochs=2, lexicon=False, store=None)
    model.fit(TEXTS, LABELS, np.arange(1, 41), checkpoint=tmp_path / "state")
    with pytest.raises(UsageError, match="weights"):
        model.fit(TEXTS, LABELS, np.arange(2, 42), checkpoint=tmp_path / "state")


@pytest.mark.parametrize("times", [1e-3, 1e3])
def test_only_the_ratio_of_weights_counts_for_trained_heads(times: float, tiny_encoder: Encoder) -> None:
    def answers(size: float, labels: Any) -> np.ndarray:
        model = SpaceClassifier(tiny_encoder, n_epochs=2, n_latent=4, store=None)
        return model.fit(TEXTS, labels, np.full(len(TEXTS), size)).predict_proba(TEXTS)

    for labels in (LABELS, [[name, "all"] for name in LABELS]):
        np.testing.assert_allclose(answers(times, labels), answers(1.0, labels), atol=1e-5)
