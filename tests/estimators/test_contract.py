"""Every estimator, found automatically, held to scikit-learn's own checks and to ours for texts."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from tests.estimators.kinds import KINDS

from spacetune import Encoder
from spacetune.errors import DataError, ModelFileError, UsageError
from spacetune.estimators import TextEstimator, load_estimator
from spacetune.estimators.reading import Reader
from spacetune.studies import demo_texts

DEMO = demo_texts("train").take(range(64))
FRESH = demo_texts("test").take(range(12))
QUICK = {"n_epochs": 2, "n_latent": 4, "prefix_length": 2, "n_validation_samples": 1}
FULL_PASSES = {"batch_size": 32}  # for an estimator whose every step runs the encoder


LONG = ("PrefixSimplexClassifier", "SpaceRegressor")
"""Whose checks take longest, and are of a kind with those of others here."""
ALL = [pytest.param(k, marks=pytest.mark.slow if k.__name__ in LONG else (), id=k.__name__) for k in KINDS]


@pytest.fixture(params=ALL)
def kind(request: pytest.FixtureRequest) -> type[TextEstimator]:
    return request.param


def make(kind: type[TextEstimator], **settings: Any) -> Any:
    known = kind._get_param_names()
    quick = {**QUICK, **FULL_PASSES} if "prefix_length" in known else QUICK
    return kind(**{k: v for k, v in {**quick, **settings}.items() if k in known})


def short(kind: type[TextEstimator]) -> dict[str, Any]:
    """Return settings by which a fit of a few rows learns in a few steps."""
    if "n_epochs" not in kind._get_param_names():
        return {"C": 1.0}
    return {"n_epochs": 2, "learning_rate": 0.1, "n_latent": 2, "batch_size": 32 if is_classifier(kind()) else 16}


def labels_for(model: Any, data: Any = DEMO) -> list[Any]:
    return data.labels if is_classifier(model) else [len(text) / 10 for text in data.texts]


@pytest.fixture
def encoder(kind: type[TextEstimator], request: pytest.FixtureRequest) -> Encoder:
    """Give real states of one layer, or a tiny encoder where every training step runs it."""
    return request.getfixturevalue("tiny_encoder" if "prefix_length" in kind._get_param_names() else "shallow")


@pytest.fixture
def fitted(kind: type[TextEstimator], encoder: Encoder, done: dict[str, Any]) -> Any:
    """Give a model fitted once for all tests; a shallow copy, so that no test meets another's refit."""
    if kind.__name__ not in done:
        model = make(kind, encoder=encoder)
        done[kind.__name__] = model.fit(DEMO.texts, labels_for(model))
    return copy.copy(done[kind.__name__])


@pytest.fixture(scope="module")
def done() -> dict[str, Any]:
    return {}


def test_all_are_found() -> None:
    names = {kind.__name__ for kind in KINDS}
    assert names == {
        "LinearProbe",
        "LinearProbeRegressor",
        "PrefixSimplexClassifier",
        "PrefixSimplexRegressor",
        "SpaceClassifier",
        "SpaceRegressor",
    }


@pytest.mark.parametrize("kind", ALL)
def test_scikit_learns_own_checks_on_ready_embeddings(kind: type[TextEstimator]) -> None:
    model = make(kind) if "prefix_length" in kind._get_param_names() else kind(**short(kind))
    apart = {"check_sample_weight_equivalence_on_dense_data": "what is set aside, and batches, are of rows"}
    results = check_estimator(model, on_skip=None, expected_failed_checks=apart)
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert sum(r["status"] == "passed" for r in results) > 40


def test_constructor_only_stores(kind: type[TextEstimator]) -> None:
    model = kind()
    assert vars(model) == model.get_params(deep=False)


def test_clone_shares_the_encoder(kind: type[TextEstimator], encoder: Encoder) -> None:
    assert clone(kind(encoder)).encoder is encoder


def test_same_seed_same_result_and_global_state_untouched(kind: type[TextEstimator], encoder: Encoder) -> None:
    import torch

    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    runs = [make(kind, encoder=encoder, seed=3) for _ in range(2)]
    some = DEMO.take(range(24)) if "prefix_length" in kind._get_param_names() else DEMO
    logits = [m.fit(some.texts, labels_for(m, some)).predict_logits(FRESH.texts) for m in runs]
    np.testing.assert_array_equal(logits[0], logits[1])
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_before, np.random.get_state()[1])  # type: ignore[index]


def test_a_text_is_predicted_the_same_alone_and_in_company(fitted: Any) -> None:
    together = fitted.predict_logits(FRESH.texts)
    alone = np.concatenate([fitted.predict_logits([text]) for text in FRESH.texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_explanations_add_up(fitted: Any) -> None:
    explanation = fitted.explain(FRESH.texts)
    assert len(explanation) == len(FRESH)
    assert explanation.check() <= 1e-4
    for one in explanation:
        words = sum(word["score"] for word in one.words())
        column = one.column(one.predicted)
        assert words + one.bias[column] == pytest.approx(one.logits[column], abs=1e-4)
        assert all(one.text[w["start"] : w["stop"]] == w["word"] for w in one.words() if w["part"] == 0)


def test_classifiers_speak_of_their_classes(fitted: Any) -> None:
    if not is_classifier(fitted):
        pytest.skip("a regressor has no classes")
    assert set(fitted.predict(FRESH.texts)) <= set(fitted.classes_) == set(DEMO.labels or [])
    probabilities = fitted.predict_proba(FRESH.texts)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert fitted.decision_function(FRESH.texts).shape == (len(FRESH), len(fitted.classes_))


def test_saved_and_loaded_it_predicts_the_same(fitted: Any, encoder: Encoder, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path / "model")
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    again = type(fitted).from_pretrained(tmp_path / "model", encoder=encoder)
    np.testing.assert_allclose(fitted.predict_logits(FRESH.texts), again.predict_logits(FRESH.texts), rtol=1e-12)
    assert again.report_ == fitted.report_
    assert again.get_params(deep=False).keys() == fitted.get_params(deep=False).keys()


def test_a_model_of_another_encoder_is_refused(fitted: Any, encoder: Encoder, tmp_path: Path) -> None:
    own = fitted.fitted_
    other = dataclasses.replace(fitted.fitted_.provenance, sha256="0" * 64)
    fitted.fitted_ = dataclasses.replace(own, provenance=other)
    fitted.save_pretrained(tmp_path / "model")
    fitted.fitted_ = own
    with pytest.raises(ModelFileError, match="its predictions would mean nothing"):
        load_estimator(tmp_path / "model", encoder=encoder)


def test_kinds_of_input_are_not_mixed(fitted: Any) -> None:
    with pytest.raises(DataError, match="fitted on texts and was given matrix"):
        fitted.predict(np.zeros((3, 384)))
    with pytest.raises(UsageError, match="explain needs texts"):
        fitted.explain(np.zeros((3, 384)))


def test_grid_search_pipeline_and_cross_validation(kind: type[TextEstimator], encoder: Encoder) -> None:
    model = make(kind, encoder=encoder)
    labels = labels_for(model)
    if is_classifier(model):
        labels = ["a" if label < "d" else "b" for label in labels]
    grid = GridSearchCV(model, {"seed": [0, 1]}, cv=2).fit(DEMO.texts, labels)
    assert grid.best_params_["seed"] in (0, 1)
    pipe = make_pipeline(FunctionTransformer(lambda texts: [t.lower() for t in texts]), clone(model))
    assert len(cross_val_score(pipe, DEMO.texts, labels, cv=2)) == 2


def test_numpy_and_pandas_columns_are_texts_too(kind: type[TextEstimator], encoder: Encoder) -> None:
    pandas = pytest.importorskip("pandas")
    model = make(kind, encoder=encoder)
    labels = labels_for(model)
    by_list = clone(model).fit(DEMO.texts, labels).predict_logits(FRESH.texts)
    by_series = clone(model).fit(pandas.Series(DEMO.texts), pandas.Series(labels)).predict_logits(np.array(FRESH.texts))
    np.testing.assert_allclose(by_list, by_series, atol=1e-6)


def test_pairs(kind: type[TextEstimator], encoder: Encoder, tmp_path: Path) -> None:
    model = make(kind, encoder=encoder)
    pairs = [(text, text[::-1]) for text in DEMO.texts]
    model.fit(pairs, labels_for(model))
    explanation = model.explain(pairs[:3])
    assert explanation.check() <= 1e-4
    assert "<span>Fitted</span>" in model._repr_html_()  # though it has no space head to show
    assert {w["part"] for w in explanation[0].words()} == {-1, 0, 1}
    model.save_pretrained(tmp_path / "m")
    assert model.fitted_.pairs
    assert load_estimator(tmp_path / "m", encoder=encoder).fitted_.pairs


def test_a_notebook_shows_whether_it_is_fitted(kind: type[TextEstimator], fitted: Any) -> None:
    assert "<span>Not fitted</span>" in kind()._repr_html_()
    assert "<span>Fitted</span>" in fitted._repr_html_()


def test_a_notebook_loads_no_encoder(fitted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any) -> None:
        raise AssertionError("the encoder was asked for")

    again = pickle.loads(pickle.dumps(fitted))
    monkeypatch.setattr(Reader, "encoder_of", load)
    assert "<span>Fitted</span>" in again._repr_html_()


def test_a_small_pickle_keeps_predictions(fitted: Any) -> None:
    held = pickle.dumps(fitted)
    assert len(held) < 200_000  # an encoder, the smallest aside, has some million numbers
    again = pickle.loads(held)
    np.testing.assert_array_equal(fitted.predict_logits(FRESH.texts), again.predict_logits(FRESH.texts))


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([], [], "0 samples|no texts"),
        (["a", "b"], ["x"], "2 texts and 1 label"),
        (["a", 3], ["x", "y"], "number 2 is 3"),
        ("one text", ["x", "y"], "got one string"),
    ],
)
def test_wrong_inputs(kind: type[TextEstimator], encoder: Encoder, X: Any, y: Any, message: str) -> None:
    model = make(kind, encoder=encoder)
    labels = y if is_classifier(model) else [float(i) for i in range(len(y))]
    if is_classifier(model) and len(X) == 2 and len(labels) == 1:
        labels = ["x", "y", "x"]
        message = "2 texts and 3 labels"
    with pytest.raises(DataError, match=message):
        model.fit(X, labels)
