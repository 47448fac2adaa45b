"""Texts in any container are the same texts; what cannot be read is named in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, LabelledTexts, LinearProbe
from spacetune.encoders import as_given, as_inputs, holds_texts
from spacetune.errors import DataError, UsageError
from spacetune.estimators.inputs import tell

TEXTS, LABELS = ["good one", "bad one", "so good", "so bad"] * 4, ["g", "b"] * 8


def pandas() -> Any:
    return pytest.importorskip("pandas")


CONTAINERS: dict[str, Any] = {
    "list": lambda: list(TEXTS),
    "tuple": lambda: tuple(TEXTS),
    "generator": lambda: (text for text in TEXTS),
    "map": lambda: map(str, TEXTS),
    "dict values": lambda: dict(enumerate(TEXTS)).values(),
    "array of strings": lambda: np.array(TEXTS),
    "array of objects": lambda: np.array(TEXTS, dtype=object),
    "column of strings": lambda: np.array(TEXTS)[:, None],
    "column of objects": lambda: np.array(TEXTS, dtype=object)[:, None],
    "series": lambda: pandas().Series(TEXTS),
    "series with an odd index": lambda: pandas().Series(TEXTS, index=[7, 7, *range(100, 114)]),
    "categories": lambda: pandas().Series(TEXTS, dtype="category"),
    "pandas strings": lambda: pandas().Series(TEXTS, dtype="string"),
    "index": lambda: pandas().Index(TEXTS),
    "pandas frame": lambda: pandas().DataFrame({"text": TEXTS}, index=range(5, 21)),
    "polars frame": lambda: pytest.importorskip("polars").DataFrame({"text": TEXTS}),
    "polars series": lambda: pytest.importorskip("polars").Series(TEXTS),
    "arrow table": lambda: pytest.importorskip("pyarrow").table({"text": TEXTS}),
    "arrow column": lambda: pytest.importorskip("pyarrow").table({"text": TEXTS})["text"],
    "arrow column in pieces": lambda: pytest.importorskip("pyarrow").chunked_array([TEXTS[:5], TEXTS[5:]]),
    "data set": lambda: pytest.importorskip("datasets").Dataset.from_dict({"text": TEXTS}),
    "data set's column": lambda: pytest.importorskip("datasets").Dataset.from_dict({"text": TEXTS, "n": LABELS})[
        "text"
    ],
    "arrow array": lambda: pytest.importorskip("pyarrow").array(TEXTS),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_texts_in_any_container_are_the_same_texts(container: str) -> None:
    assert as_given(CONTAINERS[container]()) == TEXTS
    assert as_inputs(CONTAINERS[container]()) == TEXTS


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> LinearProbe:
    return LinearProbe(encoder).fit(TEXTS, LABELS)


@pytest.mark.parametrize("container", ["generator", "column of objects", "series with an odd index", "pandas frame",
                                       "polars frame", "arrow table", "data set"])  # fmt: skip
def test_fit_and_predict_take_them(encoder: Encoder, model: LinearProbe, container: str) -> None:
    make = CONTAINERS[container]
    fitted = LinearProbe(encoder).fit(make(), LABELS, dev=(make(), LABELS)).refit(make(), LABELS)
    assert fitted.predict(make()).tolist() == LABELS
    np.testing.assert_array_equal(model.predict_proba(make()), model.predict_proba(TEXTS))
    assert len(model.explain(make())) == 16
    assert model.score(make(), LABELS) == 1


def test_frames_of_numbers_stay_matrices() -> None:
    X = np.random.default_rng(0).normal(size=(16, 1))
    for given in (
        pandas().DataFrame(X),
        pandas().DataFrame({"a": X[:, 0], "b": X[:, 0]}),
        X.tolist(),
        X.astype(object),
    ):
        assert tell(given, LinearProbe()).kind == "matrix"
        assert LinearProbe().fit(given, LABELS).predict(given).shape == (16,)
    twice = pandas().DataFrame(np.c_[X, X], columns=["a", "a"])
    assert not holds_texts(as_given(twice))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: "one text", "got one string; wrap it"),
        (lambda: b"one text", "texts must be a list of strings or of pairs of strings, got b'one text'"),
        (lambda: {"text": TEXTS}, "texts must be a list .* got {'text'"),
        (lambda: set(TEXTS), "texts must be a list"),
        (lambda: None, "texts must be a list .* got None"),
        (lambda: 3, "texts must be a list .* got 3"),
        (lambda: LabelledTexts(TEXTS), "texts must be a list .* got LabelledTexts"),
        (lambda: [*TEXTS[:3], None, *TEXTS[4:]], "number 4 is None"),
        (lambda: [None, *TEXTS[1:]], "number 1 is None"),
        (lambda: [float("nan"), *TEXTS[1:]], "number 1 is nan"),
        (lambda: [b"bytes"] * 16, "number 1 is b'bytes'"),
        (lambda: [{"text": "a"}] * 16, "number 1 is {'text': 'a'}"),
        (lambda: [*TEXTS[:15], 3], "number 16 is 3"),
        (lambda: [("a", "b", "c")] * 16, r"number 1 is \('a', 'b', 'c'\)"),
        (lambda: [("a", None)] * 16, r"number 1 is \('a', None\)"),
        (lambda: [*TEXTS[:15], ("a", "b")], "all single or all pairs"),
        (lambda: np.array([None, *TEXTS[1:]], dtype=object), "number 1 is None"),
        (lambda: np.array([TEXTS, TEXTS, TEXTS]).T, r"an array of shape \(16, 3\)"),
        (lambda: np.array("one text"), r"an array of shape \(\)"),
        (lambda: pandas().Series([*TEXTS[:15], None]), "number 16 is (None|nan)"),
        (lambda: pandas().DataFrame({"text": [None, *TEXTS[1:]]}), "number 1 is (None|nan)"),
        (lambda: pandas().DataFrame({"a": TEXTS, "b": TEXTS}), r"a frame of 2 columns \('a', 'b'\)"),
        (lambda: pandas().DataFrame({"a": TEXTS, "n": range(16)}), r"a frame of 2 columns \('a', 'n'\)"),
        (lambda: pytest.importorskip("polars").DataFrame({"a": TEXTS, "b": TEXTS}), "a frame of 2 columns"),
        (lambda: pytest.importorskip("pyarrow").table({"a": TEXTS, "b": TEXTS}), "a frame of 2 columns"),
        (lambda: pytest.importorskip("datasets").Dataset.from_dict({"a": TEXTS, "b": TEXTS}), "a frame of 2 columns"),
    ],
)
def test_what_is_no_texts_is_named(model: LinearProbe, given: Any, message: str) -> None:
    for use in (lambda X: LinearProbe().fit(X, LABELS), model.predict, model.explain, model.encoder_.encode):
        with pytest.raises((DataError, UsageError), match=message):
            use(given())


@pytest.mark.parametrize(
    ("dev", "message"),
    [
        (TEXTS, r"dev must be LabelledTexts or a pair \(texts, labels\)"),
        (3, "dev must be LabelledTexts"),
        ((TEXTS, LABELS[:3]), "16 texts, 3 labels"),
        (([], []), "0 texts"),
    ],
)
def test_wrong_dev_data_is_named(encoder: Encoder, dev: Any, message: str) -> None:
    with pytest.raises((DataError, UsageError), match=message):
        LinearProbe(encoder).fit(TEXTS, LABELS, dev=dev)


def test_numbers_are_no_texts() -> None:
    assert not holds_texts([[1.0, 2.0]])
    assert not holds_texts(np.zeros((2, 2)))
    assert not holds_texts([1, 2])
    assert holds_texts([])
