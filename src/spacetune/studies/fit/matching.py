"""Labelled texts made comparable with what a model was trained on, or refused with the reason."""

from __future__ import annotations

import numpy as np

from spacetune.data import LabelledTexts
from spacetune.errors import DataError
from spacetune.fitting import Task

__all__ = ["as_trained"]


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


def _same_kind(kind: str, data: LabelledTexts) -> None:
    several = any(isinstance(label, list | tuple | set | np.ndarray) for label in data.labels or [])
    if several and kind != "multi":
        what = "a number" if kind == "regression" else "one class"
        raise DataError(f"the model gives {what} a text, and {data.source} holds several labels a text")
    if not several and kind == "multi":
        raise DataError(
            f"the model gives any number of labels a text, and {data.source} holds one; "
            "say what separates several in one cell with --label-separator"
        )
