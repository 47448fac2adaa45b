"""Several labels a text: an indicator in any container, or lists of names; answers come as y came."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from tests.estimators.kinds import KINDS

from spacetune import Encoder, LabelledTexts, LinearProbe, PrefixSimplexClassifier, SpaceClassifier
from spacetune.data import DataWarning
from spacetune.errors import DataError
from spacetune.estimators import load_estimator
from spacetune.studies import predict_texts, score_model

COLOURS, SHAPES = ["red", "blue"], ["cube", "ball", "cone"]
ROWS = [(i % 2, (i // 2) % 3) for i in range(48)]
TEXTS = [f"a {COLOURS[c]} {SHAPES[s]} number {i}" for i, (c, s) in enumerate(ROWS)]
Y = np.array([[c == 0, c == 1, s == 0, s == 1, s == 2] for c, s in ROWS], dtype=int)
SETS = [[COLOURS[c], SHAPES[s]] for c, s in ROWS]
CLASSIFIERS: list[Any] = [LinearProbe(store=None), SpaceClassifier(n_epochs=2, n_latent=4, store=None)]


@pytest.fixture(params=CLASSIFIERS, ids=lambda model: type(model).__name__)
def model(request: pytest.FixtureRequest, shallow: Encoder) -> Any:
    return clone(request.param).set_params(encoder=shallow)


@pytest.mark.parametrize(
    "container", [np.asarray, lambda y: y.astype(bool), lambda y: y.astype(float), sparse.csr_matrix, sparse.coo_array,
                  np.ndarray.tolist, lambda y: [tuple(row) for row in y], lambda y: list(y)],
)  # fmt: skip
def test_an_indicator_in_any_container_gives_an_indicator(encoder: Encoder, container: Any) -> None:
    y = container(Y)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = LinearProbe(encoder, C=1.0).fit(TEXTS, y)
    told = any("read as an indicator" in str(each.message) for each in said if each.category is DataWarning)
    assert told is isinstance(y, list)
    assert model.classes_.tolist() == [0, 1, 2, 3, 4]
    predicted = model.predict(TEXTS)
    assert isinstance(predicted, np.ndarray)
    assert (predicted.shape, predicted.dtype.kind, set(np.unique(predicted))) == (Y.shape, "i", {0, 1})
    assert model.score(TEXTS, y) == pytest.approx((predicted == Y).all(1).mean())
    assert model.score(TEXTS, y) > 0.9


def test_frames_of_columns_are_indicators(shallow: Encoder) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    expected = LinearProbe(shallow, store=None).fit(TEXTS, Y).predict(TEXTS)
    for frame in (pandas.DataFrame(Y, columns=list("abcde")), polars.DataFrame(Y)):
        np.testing.assert_array_equal(LinearProbe(shallow, store=None).fit(TEXTS, frame).predict(TEXTS), expected)


def test_lists_of_names_give_lists_of_names_and_a_score(model: Any) -> None:
    model.fit(TEXTS, SETS)
    predicted = model.predict(TEXTS)
    assert isinstance(predicted, list)
    right = [set(a) == set(b) for a, b in zip(predicted, SETS, strict=True)]
    assert model.score(TEXTS, SETS) == pytest.approx(np.mean(right))
    weights = np.arange(len(TEXTS))
    assert model.score(TEXTS, SETS, weights) == pytest.approx(np.average(right, weights=weights))
    assert model.score(TEXTS, [frozenset(row) for row in SETS]) == model.score(TEXTS, SETS)


def test_lists_and_indicator_of_the_same_labels_learn_the_same(shallow: Encoder) -> None:
    names = [*COLOURS, *SHAPES]
    order = np.argsort(names)
    by_name = LinearProbe(shallow, store=None).fit(TEXTS, SETS)
    by_column = LinearProbe(shallow, store=None).fit(TEXTS, Y[:, order])
    np.testing.assert_allclose(by_name.predict_logits(TEXTS), by_column.predict_logits(TEXTS), atol=1e-6)


@pytest.fixture(scope="module")
def means(shallow: Encoder) -> np.ndarray:
    return shallow.encode(TEXTS).means()[:, 0].double().numpy()


@pytest.mark.slow
def test_cross_validation_on_an_indicator(model: Any, means: np.ndarray) -> None:
    assert np.isfinite(cross_val_score(model, means, Y, cv=3, error_score="raise")).all()
    assert np.isfinite(cross_val_score(model, means, Y, cv=3, scoring="f1_macro", error_score="raise")).all()


def test_cross_validation_of_texts_on_an_indicator(shallow: Encoder) -> None:
    scores = cross_val_score(LinearProbe(shallow, store=None), TEXTS, Y, cv=2, error_score="raise")
    assert scores.min() > 0.3


def test_grid_search_takes_the_better_candidate(means: np.ndarray) -> None:
    search = GridSearchCV(LinearProbe(), {"C": [1e-9, 1e-2]}, cv=3, error_score="raise").fit(means, Y)
    assert search.best_params_ == {"C": 1e-2}
    assert search.best_score_ > 0.8


def test_cross_validation_on_lists_works_or_says_to_pass_an_indicator(means: np.ndarray) -> None:
    model, ragged = LinearProbe(), [row[: 1 + i % 2] for i, row in enumerate(SETS)]
    assert np.isfinite(cross_val_score(model, means, SETS, cv=3, error_score="raise")).all()
    with pytest.raises(ValueError, match="use a binary array or sparse matrix instead"):
        cross_val_score(model, means, ragged, cv=3)


def test_a_column_that_no_text_carries_is_a_column_of_the_answer(model: Any, means: np.ndarray) -> None:
    wide = np.c_[Y, np.zeros(len(Y), dtype=int)]
    assert model.fit(means, wide).predict(means).shape == wide.shape


def test_dev_and_refit_take_an_indicator_too(shallow: Encoder) -> None:
    for y in (Y, Y.tolist(), sparse.csr_matrix(Y)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            fitted = LinearProbe(shallow, store=None).fit(TEXTS, y, dev=(TEXTS[:12], y[:12]))
            assert fitted.refit(TEXTS, y).score(TEXTS, y) > 0.9


def test_saved_and_explained(shallow: Encoder, tmp_path: Path) -> None:
    model = LinearProbe(shallow, store=None).fit(TEXTS, Y)
    model.save_pretrained(tmp_path / "m")
    again: Any = load_estimator(tmp_path / "m", encoder=shallow)
    np.testing.assert_array_equal(again.predict(TEXTS), model.predict(TEXTS))
    assert again.explain(TEXTS[:1])[0].predicted == np.flatnonzero(model.predict(TEXTS[:1])[0]).tolist()
    data = LabelledTexts(TEXTS, Y.tolist())
    assert score_model(again, data).scores["accuracy"] == pytest.approx(model.score(TEXTS, Y))
    assert predict_texts(again, TEXTS[:1]).predicted[0] == np.flatnonzero(Y[0]).tolist()


def test_an_ensemble_answers_as_y_came() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    y = (X[:, :3] > 0).astype(int)
    model = PrefixSimplexClassifier(n_vertices=2, n_epochs=2).fit(X, y)
    assert model.predict(X, n_samples=2).shape == model.predict(X).shape == y.shape
    assert all(row is None or len(row) == 3 for row in model.predict(X, abstain_above=0.5))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y * 2, "0 and 1 alone"),
        (Y - 0.5, "0 and 1 alone"),
        (np.zeros_like(Y), "no text carries any label"),
        (Y.astype(str), "0 and 1 alone"),
        ([[] for _ in Y], "no text carries any label"),
        ([["a"], *["b"] * 47], "labels must be of one type"),
        ([[1, "a"] for _ in Y], "labels in lists must be of one type"),
        ({"a": 1}, "labels must be a list"),
        ("ab", "labels must be a list"),
        (3, "labels must be a list"),
        ([1, "a"] * 24, "labels must be of one type"),
    ],
)
def test_labels_that_are_neither_are_refused(shallow: Encoder, y: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        LinearProbe(shallow, store=None).fit(TEXTS, y)


def test_wrong_labels_to_score_are_refused(shallow: Encoder) -> None:
    model = LinearProbe(shallow, store=None).fit(TEXTS, Y)
    for y, message in ((Y[:, :3], "3 columns, and the model was fitted on 5"), (Y * 3, "0 and 1 alone"),
                       (["red"] * 48, "set of labels"), ([[7]] * 48, "label 7 was not among")):  # fmt: skip
        with pytest.raises(DataError, match=message):
            model.score(TEXTS, y)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "Regressor" not in kind.__name__])
def test_scores_of_single_classes_stay_scikit_learns(kind: Any) -> None:
    X = np.random.default_rng(0).normal(size=(30, 3))
    y = np.where(X[:, 0] > 0, "a", "b")
    model = kind(**{"n_epochs": 2} if "n_epochs" in kind._get_param_names() else {}).fit(X, y)
    assert model.score(X, y) == (model.predict(X) == y).mean()


@pytest.mark.parametrize("rows", [[[1, 1], [0, 1], [1, 1], [0, 0]], [[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]]])
def test_an_indicator_comes_back_as_one_for_a_single_text_too(tiny_encoder: Encoder, rows: list[list[int]]) -> None:
    texts = ["good", "bad", "fine", "awful"] * 4
    model = LinearProbe(tiny_encoder, store=None, seed=0).fit(texts, np.array(rows * 4))
    together = model.predict(texts)
    assert together.shape == (16, len(rows[0]))
    assert np.array_equal(np.concatenate([model.predict([text]) for text in texts]), together)
    assert np.array_equal(together, model.predict_logits(texts) >= model.task_.threshold)
