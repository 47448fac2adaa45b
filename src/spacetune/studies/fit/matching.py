"""Labelled texts made what can be learnt from, or comparable with what was, or refused with the reason."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts, is_indicator, label_kind
from spacetune.data.labels import has_no_label
from spacetune.data.weights import weighing_rows
from spacetune.errors import DataError, name_rows
from spacetune.estimators.labels import label_task
from spacetune.fitting import MultiLabel, Regression, Task
from spacetune.studies.fit.methods import is_regression

MOST_ALONE, SHARE_ALONE = 100, 0.9
"""Classes, and their share of the rows, above which labels are taken for something else."""

__all__ = ["as_named", "as_trained", "comparable", "learnable", "weighing"]


def as_trained(task: Task, pairs: bool, data: LabelledTexts) -> LabelledTexts:
    """Return the texts with their labels written as the classes of a task are.

    Parameters
    ----------
    task
        What was trained: classes, sets of them, or a number.
    pairs
        Whether it was trained on pairs of texts.
    data
        Labelled texts.

    Returns
    -------
    LabelledTexts
        Where one file has the class ``"10"`` and the other the number 10, they are one class.

    Raises
    ------
    DataError
        If there are no labels, labels of another kind, unknown ones, or pairs where there were none.
    """
    if data.labels is None:
        raise DataError(f"{data.source} carries no labels to score against; say which column holds them with --label")
    if data.weights is not None and not data.weights.any():
        raise DataError(f"all weights of {data.source} are 0: nothing is left to score; give some texts a weight above")
    if pairs != (data.pairs is not None):
        trained, given = ("pairs of texts", "single texts") if pairs else ("single texts", "pairs of texts")
        what = "name the column with the second texts with --text-pair" if pairs else "take the second texts out"
        raise DataError(f"the model was trained on {trained}, and {data.source} holds {given}; {what}")
    _same_kind(task.kind, data)
    matched = data if task.kind == "regression" else data.labelled_as(task.classes)
    try:
        task.targets(matched.labels or [])
    except DataError as error:
        raise DataError(f"{data.source}: {error}") from error
    return matched


def as_named(task: Task, data: LabelledTexts) -> list[Any] | None:
    """Return the labels as a task names its predictions, to compare them: None where a text has none.

    An indicator becomes names; a label that is no class stays as it is. None where nothing is labelled, or numbers are
    predicted. Raises `DataError` for labels of another kind.
    """
    rows = [i for i, label in enumerate(data.labels or []) if not has_no_label(label)]
    if task.kind == "regression" or not rows:
        return None
    labelled = data.take(rows).labelled_as(task.classes)
    _same_kind(task.kind, labelled)
    known = labelled.labels or []
    if isinstance(task, MultiLabel) and task.indicator and is_indicator(known):
        known = task.names(task.targets(known).numpy() == 1)
    by_row = dict(zip(rows, known, strict=True))
    return [by_row.get(i) for i in range(len(data))]


def _same_kind(kind: str, data: LabelledTexts) -> None:
    several = any(isinstance(label, list | tuple | set | np.ndarray) for label in data.labels or [])
    if several and kind != "multi":
        what = "a number" if kind == "regression" else "one class"
        raise DataError(f"the model gives {what} per text, and {data.source} holds several labels per text")
    if not several and kind == "multi":
        raise DataError(
            f"the model gives any number of labels per text, and {data.source} holds one; "
            "say what separates several in one cell with --label-separator, or name the column of every label with "
            "--label"
        )


def learnable(train: LabelledTexts, task: str) -> LabelledTexts:
    """Return training texts with labels of the kind that a task asks for.

    Raises `DataError` if they carry none, or none of that kind.
    """
    if train.labels is None:
        raise DataError(f"{train.source} carries no labels; say which column holds them with --label")
    if task == "regression":
        wrong = [row for row, label in enumerate(train.labels, start=1) if not _is_number(label)]
        if wrong:
            first = train.labels[wrong[0] - 1]
            raise DataError(f"--task regression needs numbers as labels: {first!r:.60} at {name_rows(wrong)}")
        return dataclasses.replace(train, labels=[float(label) for label in train.labels])
    if task == "classification" and label_kind(train.labels) == "regression":
        if train.cells is None:
            raise DataError(
                "--task classification was asked for, but the labels are numbers with fractions; write names as strings"
            )
        train = dataclasses.replace(train, labels=list(train.cells))
    _refuse_names(train)
    return train


def _is_number(label: Any) -> bool:
    try:
        float(label)
    except (TypeError, ValueError):
        return False
    return True


def _refuse_names(train: LabelledTexts) -> None:
    """Raise `DataError` where nearly every row has a label of its own, as a column of names or numbers has."""
    labels = train.labels or []
    if is_indicator(labels) or label_kind(labels) != "single":
        return
    if (n_classes := len(set(labels))) > MOST_ALONE and n_classes > SHARE_ALONE * len(labels):
        raise DataError(
            f"{train.source} has {n_classes:,} different labels in {len(labels):,} rows, such as {labels[0]!r:.40}: "
            "nothing can be learnt of classes with one text; name the column of the labels with --label"
        )


def comparable(train: LabelledTexts, task: str, other: LabelledTexts) -> LabelledTexts:
    """Return dev or test texts with labels as in training; what is wrong with them is said before the training."""
    labels = train.labels or []
    if is_indicator(labels):  # read as sets of classes only when it is fitted
        return other
    trained = Regression.of(labels) if is_regression(labels, task) else label_task(labels, None, 0.0)
    return as_trained(trained, train.pairs is not None, other)


def weighing(train: LabelledTexts) -> LabelledTexts:
    """Return the texts that weigh more than 0.

    Raises `DataError` if fewer than two do.
    """
    if train.weights is None or train.weights.all():
        return train
    return train.take(weighing_rows(train.weights, f"{train.source}: weights are 0").tolist())
