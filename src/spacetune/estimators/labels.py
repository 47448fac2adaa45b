"""Labels as a classifier takes them: one class a text, lists of labels, or an indicator in any container."""

# The types of NumPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from spacetune.data import DataWarning, is_indicator, label_kind
from spacetune.data.labels import by_its_own_way
from spacetune.errors import DataError
from spacetune.fitting import MultiLabel, SingleLabel, class_weights

__all__ = ["label_task", "read_labels"]

Array = np.ndarray[Any, Any]


def read_labels(estimator: object, labels: object, *, of_texts: bool) -> list[Any]:
    """Return labels as a list: one class a text, a list of labels a text, or a row of 0 and 1 a text (an indicator).

    Lists of one length of at least 2, of 0 and 1 alone, are an indicator, as the same numbers in an array are; a
    `DataWarning` says so.

    Raises
    ------
    DataError
        If there are none, or they are numbers to predict, not classes.
    """
    if labels is None:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    if not all(isinstance(name, int) for name in getattr(labels, "columns", ())):
        _warn("the names of the labels' columns are not kept: classes are 0, 1, …; to keep them give lists of names")
    rows = _rows(labels)
    _say_spaces(rows)
    if isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] > 1:
        if not is_indicator(rows.tolist()):
            raise DataError("labels in columns must be 0 and 1 alone, one column per label")
        return rows.astype(int).tolist()
    if isinstance(rows, list) and any(isinstance(row, list) for row in rows):
        label_kind(rows)
        if is_indicator(rows):
            _say_indicator(len(rows[0]))
        return rows
    if of_texts and label_kind(np.ravel(rows).tolist() if isinstance(rows, np.ndarray) else rows) != "single":
        raise DataError("labels are numbers with fractions; use SpaceRegressor to predict them (--task regression)")
    values = column_or_1d(np.asarray(rows), warn=True)
    if not of_texts:
        check_classification_targets(values)
    return values.tolist()


def _rows(labels: Any) -> Any:
    """Return an array as it is (a sparse one or a frame as an array), and anything else as a list of labels."""
    if hasattr(labels, "toarray"):
        return labels.toarray()
    if hasattr(labels, "columns") and hasattr(labels, "to_numpy"):
        return labels.to_numpy()
    if isinstance(labels, np.ndarray) and (labels.dtype != object or labels.ndim == 2):
        return labels
    if hasattr(labels, "__array__") and not isinstance(labels, Iterable):
        return np.asarray(labels)
    told = by_its_own_way(labels)
    if not isinstance(told, Iterable) or isinstance(told, str | bytes | Mapping):
        raise DataError(f"labels must be a list with one label per text, got {labels!r:.80}")
    several = (list, tuple, set, frozenset)
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in told]
    return [list(row) if isinstance(row, several) else row for row in rows]


def _say_indicator(width: int) -> None:
    _warn(
        f"labels are lists of {width} numbers, 0 and 1 alone: read as an indicator, one column per label; "
        "to name the labels of every text instead, write them as strings"
    )


def _say_spaces(rows: Any) -> None:
    """Warn of names that files would be read without: with spaces around, or in another Unicode form."""
    names = {name for row in rows for name in (row if isinstance(row, list) else [row]) if isinstance(name, str)}
    odd = sorted(name for name in names if unicodedata.normalize("NFC", name.strip()) != name)
    if odd:
        _warn(
            f"labels such as {odd[0]!r:.60} have spaces around them, or another Unicode form than the composed one: "
            "they are kept so, and files are read without"
        )


def _warn(told: str) -> None:
    warnings.warn(told, DataWarning, stacklevel=6)


def label_task(
    labels: Sequence[Any],
    class_weight: str | dict[Any, float] | None,
    label_smoothing: float,
    weights: Array | None = None,
) -> SingleLabel | MultiLabel:
    """Choose the task from the labels; a class has as many texts as these weigh.

    Raises
    ------
    DataError
        If there is one class only.
    """
    if not labels:
        raise DataError("there are no texts to learn from: 0 samples")
    if isinstance(labels[0], list):
        return _multi_task(labels, class_weight, weights)
    classes, place = np.unique(np.asarray(labels), return_inverse=True)
    counts = np.bincount(place, weights)
    if len(classes) < 2:
        raise DataError(
            f"a classifier needs at least 2 classes, got 1 class: all {len(labels)} labels are {classes.tolist()[0]!r}"
        )
    names = classes.tolist()
    # a user's own weights say what a mistake costs, so dev is scored by them too
    monitor = "neg_log_loss" if isinstance(class_weight, dict) else "macro_f1"
    return SingleLabel(names, class_weights(counts, class_weight, names), label_smoothing, monitor)


def _multi_task(
    labels: Sequence[Any], class_weight: str | dict[Any, float] | None, weights: Array | None
) -> MultiLabel:
    """Return the task of an indicator, whose classes are its columns, or of lists of labels."""
    indicator = is_indicator(labels)
    if indicator:
        carried = np.asarray(labels, dtype=int)
        names: list[Any] = list(range(carried.shape[1]))
    else:
        binarizer = MultiLabelBinarizer().fit(labels)
        carried, names = binarizer.transform(labels), binarizer.classes_.tolist()
    counts = carried.sum(0) if weights is None else weights @ carried
    if not counts.sum():
        raise DataError("no text carries any label")
    return MultiLabel(names, class_weights(counts, class_weight, names), indicator=indicator)
