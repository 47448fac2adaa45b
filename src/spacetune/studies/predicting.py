"""Predictions as a table: label, confidence, and every probability."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from spacetune.encoders import TextInput, Texts, as_inputs
from spacetune.estimators import TextEstimator
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.reading import cut_at
from spacetune.fitting import probabilities
from spacetune.results import Result

__all__ = ["Predictions", "predict_texts", "predictions_of"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Predictions(Result):
    """One prediction a text.

    Parameters
    ----------
    texts
        The texts, in their order.
    predicted
        A class, a list of labels, or a number each.
    probabilities
        ``(text, class)`` calibrated, or None for regression.
    classes
        The classes.
    notes
        Warnings, such as how many texts were cut.
    """

    texts: tuple[TextInput, ...]
    predicted: tuple[Any, ...]
    probabilities: np.ndarray[Any, Any] | None
    classes: tuple[Any, ...]
    notes: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a text: text (and pair), prediction, and a probability column a class."""
        rows: list[dict[str, Any]] = []
        for i, (text, label) in enumerate(zip(self.texts, self.predicted, strict=True)):
            row: dict[str, Any] = {"text": text} if isinstance(text, str) else {"text": text[0], "text_pair": text[1]}
            row["predicted"] = "|".join(map(str, label)) if isinstance(label, list) else label
            if self.probabilities is not None:
                named = zip(self.classes, self.probabilities[i].tolist(), strict=True)
                row |= {f"p({name})": p for name, p in named}
            rows.append(row)
        return rows


def predict_texts(model: TextEstimator, texts: Texts) -> Predictions:
    """Predict texts or pairs.

    Parameters
    ----------
    model
        A fitted estimator.
    texts
        Strings or pairs of strings.

    Returns
    -------
    Predictions
        In the order of the texts.
    """
    inputs = as_inputs(texts)
    read = model.read(inputs)
    return predictions_of(model, inputs, read.logits, int(read.truncated.sum()))


def predictions_of(model: TextEstimator, inputs: Sequence[TextInput], logits: Array, n_truncated: int) -> Predictions:
    """Turn logits ``(text, output)`` of these texts into predictions; `n_truncated` of them were cut."""
    limit = cut_at(model.head_, model.encoder_.provenance(()), inputs)
    notes = (f"{n_truncated} texts were cut at {limit:,} tokens",) if n_truncated else ()
    labels = model.task_.labels(logits)
    predicted = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if not isinstance(model, Classifier):
        return Predictions(tuple(inputs), tuple(predicted), None, (), notes)
    table = probabilities(logits, model.temperature_, model.kind_)
    return Predictions(tuple(inputs), tuple(predicted), table, tuple(model.classes_.tolist()), notes)
