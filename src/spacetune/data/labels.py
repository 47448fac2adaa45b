"""What kind of labels these are, and whether they can be learnt from."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from spacetune.errors import DataError, name_rows

__all__ = ["LabelKind", "class_counts", "is_missing", "label_kind", "parse_text_labels"]

WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,999})")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|nan|[+-]?inf", re.IGNORECASE)

LabelKind = Literal["single", "multi", "regression"]


def _type_name(label: Any) -> str:
    if isinstance(label, bool | np.bool_):
        return "bool"
    for name, kinds in (
        ("str", str),
        ("int", int | np.integer),
        ("float", float | np.floating),
        ("list", list | tuple | set | np.ndarray),
    ):
        if isinstance(label, kinds):
            return name
    return type(label).__name__


def is_missing(value: Any) -> bool:
    """Tell whether a cell is empty: None, NaN, or the missing value of a frame library."""
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _missing(label: Any) -> bool:
    return is_missing(label) or (isinstance(label, str) and not label.strip())


def label_kind(labels: Sequence[Any]) -> LabelKind:
    """Tell whether labels are classes, sets of classes, or numbers to predict.

    Lists are multi-label; floats with at least one fraction are regression; everything else is classes.

    Raises
    ------
    DataError
        If labels are missing, or of types that do not go together; the rows are named.

    >>> label_kind(["spam", "ham"]), label_kind([0.5, 2.0]), label_kind([["joy"], []])
    ('single', 'regression', 'multi')
    """
    missing = [i + 1 for i, label in enumerate(labels) if not isinstance(label, list | tuple) and _missing(label)]
    if missing:
        raise DataError(
            f"every row needs a label: {len(missing)} of {len(labels)} have none ({name_rows(missing)}); "
            "label them or take them out"
        )
    types = Counter(_type_name(label) for label in labels)
    if set(types) == {"int", "float"}:
        types = Counter({"float": len(labels)})
    if len(types) > 1:
        rare = types.most_common()[-1][0]
        rows = [i + 1 for i, label in enumerate(labels) if _type_name(label) == rare]
        kinds = ", ".join(f"{count} {name}" for name, count in types.most_common())
        raise DataError(f"labels must be of one type, got {kinds}; {rare} at {name_rows(rows)}; write them all alike")
    kind = next(iter(types), "str")
    if kind == "list":
        return "multi"
    if kind == "float":
        return _float_kind(labels)
    if kind not in ("str", "int", "bool"):
        raise DataError(f"labels must be strings, integers, floats or lists of strings, got {kind}; convert them first")
    return "single"


def _float_kind(labels: Sequence[Any]) -> LabelKind:
    infinite = [i + 1 for i, label in enumerate(labels) if not math.isfinite(label)]
    if infinite:
        raise DataError(f"labels to predict must be finite numbers; infinite at {name_rows(infinite)}; take them out")
    return "regression" if any(float(label) != int(label) for label in labels) else "single"


def parse_text_labels(column: Sequence[str]) -> list[Any]:
    """Give labels read as text the type they would have in JSON: all whole numbers, all numbers, or text.

    So the same data in CSV and in JSON Lines gives the same model. Empty cells are missing labels.

    >>> parse_text_labels(["0", "1"]), parse_text_labels(["0.5", "2"]), parse_text_labels(["01", "2"])
    ([0, 1], [0.5, 2.0], ['01', '2'])
    """
    present = [label for label in column if label != ""]
    digits = all(label.removeprefix("-").isascii() and label.removeprefix("-").isdigit() for label in present)
    kind: Callable[[str], Any] = str
    if present and all(WHOLE.fullmatch(label) and label != "-0" for label in present):
        kind = int
    elif not digits and all(NUMBER.fullmatch(label) for label in present):
        kind = float
    return [None if label == "" else kind(label) for label in column]


def class_counts(labels: Sequence[Any], kind: LabelKind) -> Counter[Any]:
    """Count how many rows carry each class, most frequent first; for multi-label a row counts for each."""
    if kind == "multi":
        return Counter(dict(Counter(name for row in labels for name in row).most_common()))
    return Counter(dict(Counter(labels).most_common()))
