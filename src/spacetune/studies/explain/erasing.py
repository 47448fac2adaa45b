"""Texts without some of their words, or with these alone; and what a model answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from spacetune.encoders import TextInput
from spacetune.estimators import TextEstimator
from spacetune.explanations import TextExplanation

if TYPE_CHECKING:
    from spacetune.estimators.classifier import Classifier

__all__ = ["alone", "answers", "ranked", "without"]

Array = np.ndarray[Any, Any]
Words = Sequence[dict[str, Any]]


def without(text: TextInput, words: Words) -> TextInput:
    """Return a text, or both of a pair, without these words; what stands around them moves together.

    >>> without("a very bad day", [{"part": 0, "start": 2, "stop": 10}])
    'a day'
    """
    parts = (text,) if isinstance(text, str) else text
    left = [_cut(each, [w for w in words if w["part"] == i]) for i, each in enumerate(parts)]
    return left[0] if isinstance(text, str) else (left[0], left[1])


def alone(text: TextInput, words: Words) -> TextInput:
    """Return these words of a text, or of both of a pair, and nothing else, in their order.

    >>> alone("a very bad day", [{"part": 0, "start": 7, "stop": 10}, {"part": 0, "start": 0, "stop": 1}])
    'a bad'
    """
    parts = (text,) if isinstance(text, str) else text
    ordered = sorted(words, key=lambda word: word["start"])
    kept = [" ".join(each[w["start"] : w["stop"]] for w in ordered if w["part"] == i) for i, each in enumerate(parts)]
    return kept[0] if isinstance(text, str) else (kept[0], kept[1])


def _cut(text: str, words: Words) -> str:
    left, at = "", 0
    for word in sorted(words, key=lambda word: word["start"]):
        left += text[at : word["start"]]
        at = word["stop"]
    left += text[at:]
    return " ".join(left.split()) if words else text


def answers(model: TextEstimator, texts: Sequence[TextInput]) -> Array:
    """Return ``(text, output)``: calibrated probabilities, or for a regressor the number."""
    if hasattr(model, "classes_"):
        return np.asarray(cast("Classifier", model).predict_proba(list(texts)))
    return np.asarray(model.task_.labels(model.read(list(texts), progress=False).logits), dtype=float).reshape(-1, 1)


def ranked(one: TextExplanation) -> list[dict[str, Any]]:
    """Return the words by what they give to the prediction, strongest first.

    Of a number that is predicted, by what they move it either way.
    """
    one_number = one.probabilities is None
    return sorted(one.own_words(), key=lambda word: -abs(word["score"]) if one_number else -word["score"])
