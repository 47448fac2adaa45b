"""What kind of labels these are, and whether they can be learnt from."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, SupportsFloat, SupportsInt

import numpy as np

from spacetune.errors import DataError, name_rows

__all__ = [
    "LabelKind",
    "by_its_own_way",
    "class_counts",
    "classes_of_rows",
    "fits_int64",
    "has_no_label",
    "is_indicator",
    "is_missing",
    "label_kind",
    "parse_text_labels",
]

WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,999})")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?|nan|[+-]?inf", re.IGNORECASE)

LabelKind = Literal["single", "multi", "regression"]


def _type_name(label: object) -> str:
    if isinstance(label, bool | np.bool_):
        return "bool"
    for name, kinds in (
        ("str", str),
        ("int", int | np.integer),
        ("float", float | np.floating),
        ("list", (list, tuple, set, np.ndarray)),
    ):
        if isinstance(label, kinds):
            return name
    return type(label).__name__


def is_missing(value: object) -> bool:
    """Tell whether a cell is empty: None, NaN, or the missing value of a frame library."""
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def by_its_own_way(collection: Any) -> Any:
    """Return an array, a series or a column as the list that it makes of itself; anything else as it is.

    >>> by_its_own_way(np.array([1, 2])), by_its_own_way((1, 2))
    ([1, 2], (1, 2))
    """
    ways = ("tolist", "to_list", "to_pylist")
    return next((getattr(collection, way)() for way in ways if hasattr(collection, way)), collection)


def has_no_label(label: object) -> bool:
    """Tell whether a row's label is missing, or a name without a letter."""
    return is_missing(label) or (isinstance(label, str) and not label.strip())


def label_kind(labels: Sequence[Any], rows: Sequence[int] | None = None) -> LabelKind:
    """Tell whether labels are classes, sets of classes, or numbers to predict.

    Lists are multi-label; floats with at least one fraction are regression; everything else is classes. `rows` are the
    labels' own rows, where these are some of a table.

    Raises `DataError` if labels are missing, or of types that do not go together; the rows are named.

    >>> label_kind(["spam", "ham"]), label_kind([0.5, 2.0]), label_kind([["joy"], []])
    ('single', 'regression', 'multi')
    """
    at = rows or range(1, len(labels) + 1)
    missing = [row for row, label in zip(at, labels, strict=True) if has_no_label(label)]
    if missing:
        raise DataError(
            f"every row needs a label: {len(missing)} of {len(labels)} have none ({name_rows(missing)}); "
            "label them or take them out"
        )
    _check_ends(labels, at)
    types = Counter(_type_name(label) for label in labels)
    if set(types) == {"int", "float"}:
        types = Counter({"float": len(labels)})
    if len(types) > 1:
        rare = types.most_common()[-1][0]
        theirs = [row for row, label in zip(at, labels, strict=True) if _type_name(label) == rare]
        kinds = ", ".join(f"{count} {name}" for name, count in types.most_common())
        raise DataError(f"labels must be of one type, got {kinds}; {rare} at {name_rows(theirs)}; write them all alike")
    kind = next(iter(types), "str")
    if kind == "list":
        _check_lists(labels, at)
        return "multi"
    if kind == "float":
        return _float_kind(labels, at)
    if kind not in ("str", "int", "bool"):
        raise DataError(f"labels must be strings, integers, floats or lists of strings, got {kind}; convert them first")
    if kind == "int":
        _check_size(labels, at)
    return "single"


def _check_ends(labels: Sequence[Any], at: Sequence[int]) -> None:
    """Refuse names that end in a NUL: an array of names drops it, and two classes may become one."""
    ends = [
        row
        for row, label in zip(at, labels, strict=True)
        if any(
            isinstance(name, str) and name.endswith("\0") for name in (label if isinstance(label, list) else [label])
        )
    ]
    if ends:
        raise DataError(f"a label must not end in the character NUL; it does at {name_rows(ends)}; take it off")


LARGEST = 1e30
"""Of the numbers to predict: what single precision holds, with room for sums."""


def _float_kind(labels: Sequence[Any], at: Sequence[int]) -> LabelKind:
    numbers = [_as_float(label) for label in labels]
    infinite = [row for row, number in zip(at, numbers, strict=True) if not math.isfinite(number)]
    if infinite:
        raise DataError(f"labels to predict must be finite numbers; infinite at {name_rows(infinite)}; take them out")
    beyond = [row for row, number in zip(at, numbers, strict=True) if abs(number) > LARGEST]
    if beyond:
        raise DataError(
            f"labels to predict must lie within ±{LARGEST:g}, since their squares are summed; beyond it at "
            f"{name_rows(beyond)}; divide all by one number"
        )
    if 0 < max(numbers) - min(numbers) < 1 / LARGEST:
        raise DataError(f"labels to predict lie within {1 / LARGEST:g} of each other; multiply all by one number")
    return "regression" if any(float(label) != int(label) for label in labels) else "single"


def _as_float(number: SupportsFloat) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf


def fits_int64(number: SupportsInt | str) -> bool:
    """Tell whether a whole number can be held by an array of 64-bit integers."""
    return -(2**63) <= int(number) < 2**63


def _check_size(labels: Sequence[Any], at: Sequence[int]) -> None:
    beyond = [row for row, label in zip(at, labels, strict=True) if not fits_int64(label)]
    if beyond:
        raise DataError(
            f"whole numbers as labels must fit in 64 bits; {len(beyond)} do not ({name_rows(beyond)}); "
            "write them as strings"
        )


def _check_lists(labels: Sequence[Any], at: Sequence[int]) -> None:
    """Say which lists hold anything but the names of classes, all of one type."""
    types = [{_type_name(name) for name in row} for row in labels]
    checks: Sequence[tuple[Callable[[Iterable[Any]], bool], str]] = (
        (lambda row: any(_type_name(v) == "list" or has_no_label(v) for v in row), "lists or nothing"),
        (lambda row: any(_type_name(v) not in ("str", "int", "bool", "float") for v in row), "other things"),
        (lambda row: any(_type_name(v) == "float" and not float(v).is_integer() for v in row), "fractions"),
        (lambda row: any(_type_name(v) == "int" and not fits_int64(v) for v in row), "numbers beyond 64 bits"),
    )
    for wrong, what in checks:
        rows = [place for place, row in zip(at, labels, strict=True) if wrong(row)]
        if rows:
            raise DataError(
                f"a list of labels must hold the names of classes, and {len(rows)} hold {what} ({name_rows(rows)}); "
                "write every label as a list of strings"
            )
    if len({"number" if name in ("int", "float") else name for row in types for name in row}) > 1:
        common = Counter(name for row in types for name in row).most_common()
        rows = [place for place, row in zip(at, types, strict=True) if common[-1][0] in row]
        raise DataError(
            f"labels in lists must be of one type, got {', '.join(name for name, _ in common)}; {common[-1][0]} at "
            f"{name_rows(rows)}; write them all alike"
        )


def is_indicator(labels: Sequence[Any]) -> bool:
    """Tell whether labels are an indicator matrix: lists of 0 and 1 alone, all of one length of at least 2.

    >>> is_indicator([[1, 0], [0, 1]]), is_indicator([[1, 0], [1]]), is_indicator([["a", "b"]])
    (True, False, False)
    """
    rows = list(labels)
    if not rows or not all(isinstance(row, list | tuple | np.ndarray) for row in rows):
        return False
    width = len(rows[0]) if np.ndim(rows[0]) else 0
    numbers = bool | int | float | np.bool_ | np.integer | np.floating
    return width >= 2 and all(
        np.shape(row)[:1] == (width,) and all(isinstance(v, numbers) and v in (0, 1) for v in row) for row in rows
    )


def parse_text_labels(column: Sequence[str]) -> list[Any]:
    """Give labels read as text the type they would have in JSON: all whole numbers, all numbers, or text.

    So the same data in CSV and in JSON Lines gives the same model. Empty cells are missing labels; whole numbers beyond
    64 bits are names.

    >>> parse_text_labels(["0", "1"]), parse_text_labels(["0.5", "2"]), parse_text_labels(["01", "2"])
    ([0, 1], [0.5, 2.0], ['01', '2'])
    """
    present = [label for label in column if label != ""]
    digits = all(label.removeprefix("-").isascii() and label.removeprefix("-").isdigit() for label in present)
    kind: Callable[[str], Any] = str
    if present and all(WHOLE.fullmatch(label) and label != "-0" for label in present):
        kind = int if all(fits_int64(label) for label in present) else str
    elif not digits and all(NUMBER.fullmatch(label) for label in present):
        kind = float
    return [None if label == "" else kind(label) for label in column]


def classes_of_rows(labels: Sequence[Any], kind: LabelKind) -> list[list[Any]]:
    """Return every row's classes, each once; of an indicator the places of its ones. Numbers to predict have none."""
    if kind == "multi" and is_indicator(labels):
        return [np.flatnonzero(row).tolist() for row in labels]
    if kind == "multi":
        return [list(dict.fromkeys(row)) for row in labels]
    return [[label] if kind == "single" else [] for label in labels]


def class_counts(labels: Sequence[Any], kind: LabelKind) -> Counter[Any]:
    """Count how many rows carry each class, most frequent first; for multi-label a row counts for each.

    Of an indicator the columns are counted, in their order.
    """
    if kind == "multi" and is_indicator(labels):
        return Counter({column: int(n) for column, n in enumerate(np.asarray(labels, dtype=int).sum(0))})
    if kind == "multi":
        return Counter(dict(Counter(name for row in labels for name in row).most_common()))
    return Counter(dict(Counter(labels).most_common()))
