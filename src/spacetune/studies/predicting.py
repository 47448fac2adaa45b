"""Predictions as a table: label, confidence, and every probability."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts
from spacetune.encoders import TextInput, Texts, as_inputs
from spacetune.errors import UsageError, counted
from spacetune.estimators import TextEstimator
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.reading import cut_at
from spacetune.fitting import probabilities
from spacetune.results import Result, jsonable

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
    columns
        The columns of the table that the texts came from: in `rows` they stand before the prediction, as they came.
    top
        How many classes `rows` name, the likeliest first; None gives every class a column.
    """

    texts: tuple[TextInput, ...]
    predicted: tuple[Any, ...]
    probabilities: np.ndarray[Any, Any] | None
    classes: tuple[Any, ...]
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict[str, Sequence[Any]], repr=False)
    top: int | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a text: its own columns, or the text (and pair); the prediction; probabilities.

        A column of the user's that has the name of one of these keeps its name, and ours is called ``spacetune …``.
        """
        return [{**self._own(i), **self._found(i)} for i in range(len(self.texts))]

    def _own(self, i: int) -> dict[str, Any]:
        if self.columns:
            return {name: values[i] for name, values in self.columns.items()}
        text = self.texts[i]
        return {"text": text} if isinstance(text, str) else {"text": text[0], "text_pair": text[1]}

    def _found(self, i: int) -> dict[str, Any]:
        label = self.predicted[i]
        row: dict[str, Any] = {"predicted": "|".join(map(str, label)) if isinstance(label, list) else label}
        if self.probabilities is not None and self.top is None:
            row |= {f"p({name})": p for name, p in zip(self.classes, self.probabilities[i].tolist(), strict=True)}
        for place, (name, p) in enumerate(self.likeliest(i), start=1):
            row |= {f"class {place}": name, f"p {place}": p}
        return {self._free(name): value for name, value in row.items()}

    def _free(self, name: str) -> str:
        while name in self.columns:
            name = f"spacetune {name}"
        return name

    def likeliest(self, i: int) -> list[tuple[Any, float]]:
        """Return the likeliest classes of a text with their probabilities, `top` of them; none where it is None."""
        if self.top is None or self.probabilities is None:
            return []
        order = np.argsort(-self.probabilities[i], kind="stable")[: self.top]
        return [(self.classes[k], float(self.probabilities[i, k])) for k in order.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Return the predictions as plain containers: also the table's own columns and the likeliest classes."""
        told = super().to_dict()
        if self.columns:
            told["columns"] = jsonable(self.columns)
        if self.top is not None and self.probabilities is not None:
            named = [self.likeliest(i) for i in range(len(self.texts))]
            told["likeliest"] = [[{"class": jsonable(name), "probability": p} for name, p in row] for row in named]
        return told


def predict_texts(
    model: TextEstimator, texts: Texts | LabelledTexts, *, top: int | None = None, progress: bool | None = None
) -> Predictions:
    """Predict texts or pairs.

    Parameters
    ----------
    model
        A fitted estimator.
    texts
        Strings or pairs of strings; `LabelledTexts` whose columns were kept give them to the predictions.
    top
        How many classes the rows name; None gives every class a column.
    progress
        Whether to show a bar.

    Returns
    -------
    Predictions
        In the order of the texts.

    Raises
    ------
    UsageError
        If `top` is below 1.
    """
    if top is not None and top < 1:
        raise UsageError(f"top must be at least 1, got {top}")
    inputs = as_inputs(texts.inputs if isinstance(texts, LabelledTexts) else texts)
    read = model.read(inputs, progress)
    found = predictions_of(model, inputs, read.logits, int(read.truncated.sum()))
    columns = texts.columns if isinstance(texts, LabelledTexts) else {}
    return dataclasses.replace(found, columns=columns, top=top)


def predictions_of(model: TextEstimator, inputs: Sequence[TextInput], logits: Array, n_truncated: int) -> Predictions:
    """Turn logits ``(text, output)`` of these texts into predictions; `n_truncated` of them were cut."""
    limit = cut_at(model.head_, model.encoder_.provenance(()), inputs)
    notes = (f"{counted(n_truncated, 'text')} cut at {limit:,} tokens",) if n_truncated else ()
    labels = model.task_.labels(logits)
    predicted = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if not isinstance(model, Classifier):
        return Predictions(tuple(inputs), tuple(predicted), None, (), notes)
    table = probabilities(logits, model.temperature_, model.kind_)
    return Predictions(tuple(inputs), tuple(predicted), table, tuple(model.classes_.tolist()), notes)
