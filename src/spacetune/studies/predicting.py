"""Predictions as a table: label, confidence, and every probability."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts
from spacetune.data.blocks import Block, Survey
from spacetune.data.writing import Columns, beside, table_pieces, type_of
from spacetune.encoders import TextInput, Texts, as_inputs
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.estimators.classifier import Classifier
from spacetune.fitting import probabilities
from spacetune.results import Result, json_text, jsonable, shown_fields
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.data.thresholds import Thresholds, as_thresholds, single_label
from spacetune.studies.fit.scoring import cut_notes
from spacetune.studies.streaming import Stream, Streamed, model_run

__all__ = ["Predictions", "predict_file", "predict_texts", "predictions_of"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Predictions(Result):
    """One prediction a text.

    Parameters
    ----------
    texts
        The texts, in their order.
    predicted
        A class, a list of labels, or a number each; None where the model is unsure.
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
    errors
        What is wrong with each row, None where nothing is: `rows` mark it and name no prediction there. None altogether
        where no row can be wrong.
    """

    texts: tuple[TextInput, ...]
    predicted: tuple[Any, ...]
    probabilities: np.ndarray[Any, Any] | None
    classes: tuple[Any, ...]
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict[str, Sequence[Any]], repr=False)
    top: int | None = None
    errors: tuple[str | None, ...] | None = dataclasses.field(default=None, repr=False)

    def table(self) -> dict[str, Sequence[Any]]:
        """Return a table by columns: its own, or the text (and pair); the prediction; probabilities; what is wrong.

        Several labels stand in one cell with | between, or as a JSON list where a class has | in its name. A column of
        the user's that has the name of one of these keeps its name, and ours is called ``spacetune …``.
        """
        found: dict[str, Sequence[Any]] = {
            "predicted": [self._joined(p) if isinstance(p, list) else p for p in self.predicted]
        }
        if self.probabilities is not None and self.top is None:
            found |= {f"p({c})": self.probabilities[:, k].tolist() for k, c in enumerate(self.classes)}
        elif self.probabilities is not None:
            named = [self.likeliest(i) for i in range(len(self.texts))]
            for k in range(min(self.top or 0, len(self.classes))):
                found |= {f"class {k + 1}": [row[k][0] for row in named], f"p {k + 1}": [row[k][1] for row in named]}
        if self.errors is not None:
            found = {name: _where_right(values, self.errors) for name, values in found.items()}
            found["error"] = self.errors
        return beside(self._own(), found)

    def _joined(self, labels: list[Any]) -> str:
        """Return several labels in one cell: with | between, or as a JSON list where a class has it in its name."""
        parted = any("|" in str(name) for name in self.classes)
        return json_text(jsonable(labels)) if parted else "|".join(map(str, labels))

    def rows(self) -> list[dict[str, Any]]:
        """Return `table` as one row a text."""
        table = self.table()
        return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]

    def _own(self) -> Mapping[str, Sequence[Any]]:
        if self.columns:
            return self.columns
        if all(isinstance(text, str) for text in self.texts):
            return {"text": self.texts}
        return {"text": [text[0] for text in self.texts], "text_pair": [text[1] for text in self.texts]}

    @property
    def said(self) -> tuple[Any, ...]:
        """What people are told: ``unsure`` where nothing is predicted."""
        return tuple("unsure" if label is None else label for label in self.predicted)

    def likeliest(self, i: int) -> list[tuple[Any, float]]:
        """Return the likeliest classes of a text with their probabilities, `top` of them; none where it is None."""
        if self.top is None or self.probabilities is None:
            return []
        order = np.argsort(-self.probabilities[i], kind="stable")[: self.top]
        return [(self.classes[k], float(self.probabilities[i, k])) for k in order.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Return the predictions as plain containers: also the table's own columns and the likeliest classes."""
        told = shown_fields(self)
        if self.columns:
            told["columns"] = jsonable(self.columns)
        if self.top is not None and self.probabilities is not None:
            named = [self.likeliest(i) for i in range(len(self.texts))]
            told["likeliest"] = [[{"class": jsonable(name), "probability": p} for name, p in row] for row in named]
        return told


def _where_right(values: Sequence[Any], errors: Sequence[str | None]) -> list[Any]:
    return [None if error else value for value, error in zip(values, errors, strict=True)]


@checked_arguments
def predict_texts(
    model: TextEstimator,
    texts: Texts | LabelledTexts,
    *,
    top: int | None = None,
    abstain: float | Thresholds | None = None,
    progress: bool | None = None,
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
    abstain
        Predict None below this probability, or below these thresholds (`choose_thresholds`).
    progress
        Whether to show a bar.

    Returns
    -------
    Predictions
        In the order of the texts.

    Raises
    ------
    UsageError
        If `top` is below 1; or `abstain` is no probability, not for this model's classes, or the model does not give
        one class a text.
    """
    _check_top(top)
    limits = _limits(model, abstain)
    found, _ = _predicted(
        model, as_inputs(texts.inputs if isinstance(texts, LabelledTexts) else texts), limits, progress
    )
    columns = texts.columns if isinstance(texts, LabelledTexts) else {}
    return dataclasses.replace(found, columns=columns, top=top)


def _check_top(top: int | None) -> None:
    if top is not None and top < 1:
        raise UsageError(f"top must be at least 1, got {top}")


def _limits(model: TextEstimator, abstain: float | Thresholds | None) -> tuple[Classifier, Thresholds] | None:
    return None if abstain is None else (single_label(model), as_thresholds(abstain))


def _predicted(
    model: TextEstimator,
    inputs: Sequence[TextInput],
    limits: tuple[Classifier, Thresholds] | None,
    progress: bool | None,
) -> tuple[Predictions, int]:
    """Return predictions, None in place of those that the model is unsure of; and how many texts were cut."""
    read = model.read(inputs, progress)
    n_cut = int(read.truncated.sum())
    found = predictions_of(model, inputs, read.logits, n_cut)
    if limits is None:
        return found, n_cut
    sure = limits[1].sure(limits[0], read.logits)
    given = tuple(label if ok else None for label, ok in zip(found.predicted, sure, strict=True))
    return dataclasses.replace(found, predicted=given), n_cut


@checked_arguments
def predict_file(
    model: TextEstimator,
    source: object,
    out: str | os.PathLike[str],
    *,
    top: int | None = None,
    abstain: float | Thresholds | None = None,
    resume: bool = False,
    progress: bool | None = None,
    engine: str = "local",
    workers: int | None = None,
) -> Streamed:
    """Predict texts of any number, and write the predictions beside the columns that the texts came with.

    All rows are looked over first, so that what is wrong with them ends the run before its work; then a block of them
    is read, predicted and written at a time.

    Parameters
    ----------
    model
        A fitted estimator.
    source
        What `read_texts` reads, a folder of tables, or `TextBlocks` of either: they say which columns stay, and more.
    out
        ``.csv``, ``.jsonl`` or ``.parquet``, written whole or not at all; or a folder of Parquet parts, one a block.
    top
        How many classes are named, the likeliest first; None gives every class a column.
    abstain
        Predict nothing below this probability, or below these thresholds (`choose_thresholds`).
    resume
        Go on from the parts that an interrupted run left in the folder.
    progress
        Whether to show bars; None shows them on a terminal.
    engine
        ``local`` is this process. ``ray`` spreads the parts of a folder over processes of Ray (extra ``ray``): those of
        ``RAY_ADDRESS``, else of this machine; ``ray://host:port`` those of a cluster.
    workers
        How many processes of Ray; None takes all its CPUs but one.

    Returns
    -------
    Streamed
        What was written.

    Raises
    ------
    DataError
        If the texts cannot be read.
    UsageError
        If `out` is no such place, or holds the parts of another run; or as for `predict_texts`.
    """
    _check_top(top)
    limits = _limits(model, abstain)
    stream = Stream(source, out, "predictions", resume, progress, engine, workers)
    stream.check()
    asked = {"top": top, "abstain": None if limits is None else jsonable(limits[1].to_dict())}

    def make(block: Block) -> tuple[Columns, int]:
        found, n_cut = _predicted(model, as_inputs(block.texts.inputs), limits, progress)
        return dataclasses.replace(found, columns=block.texts.columns, top=top, errors=block.errors).table(), n_cut

    return stream.write(make, functools.partial(_pieces, model, top), lambda: {**model_run(model), **asked})


def _pieces(
    model: TextEstimator, top: int | None, ending: str, tables: Iterator[Columns], survey: Survey
) -> Iterator[bytes]:
    """Write tables of predictions, whose types hang on the model and not on what comes first."""
    one = predictions_of(model, [""], np.zeros((1, model.task_.n_outputs)), 0)
    own = {name: [None] for name in survey.types}
    table = dataclasses.replace(one, columns=own, top=top, errors=("",)).table()
    types = {name: survey.types.get(name) or type_of(values) for name, values in table.items()}
    return table_pieces(ending, tables, types)


def predictions_of(model: TextEstimator, inputs: Sequence[TextInput], logits: Array, n_truncated: int) -> Predictions:
    """Turn logits ``(text, output)`` of these texts into predictions; `n_truncated` of them were cut."""
    notes = cut_notes(model.head_, model.encoder_.provenance((), n_truncated), inputs)
    labels = model.task_.labels(logits)
    predicted = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if not isinstance(model, Classifier):
        return Predictions(tuple(inputs), tuple(predicted), None, (), notes)
    table = probabilities(logits, model.temperature_, model.kind_)
    return Predictions(tuple(inputs), tuple(predicted), table, tuple(model.classes_.tolist()), notes)
