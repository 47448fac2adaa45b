"""What a caller may give as texts: the one place where texts are told from numbers, and made a list."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, cast

import numpy as np

from spacetune.errors import DataError

__all__ = [
    "TextInput",
    "Texts",
    "as_columns",
    "as_given",
    "as_inputs",
    "as_line",
    "each_once",
    "holds_features",
    "holds_texts",
]

TextInput = str | tuple[str, str]
"""A text, or a pair of texts."""

Texts = Iterable[TextInput | list[str]]
"""Texts or pairs in order: a list, an iterator, an array, a series, a frame of one column."""

WANTED = "texts must be a list of strings or of pairs of strings"


def holds_features(given: object) -> bool:
    """Tell a source of token features from texts and matrices."""
    return hasattr(given, "take") and hasattr(given, "lengths")


def holds_texts(given: object) -> bool:
    """Tell texts (or pairs), in whatever container, from numbers and features; an iterator has to be a list first."""
    return _is_bare(given) or _texts_in(given) is not None


def as_given(given: object) -> Any:
    """Return texts as a list, an iterator's rows as a list, and anything else as it is: what to begin a call with."""
    rows = list(given) if isinstance(given, Iterator) else given
    return as_inputs(rows) if holds_texts(rows) else rows


def as_inputs(texts: object) -> list[TextInput]:
    """Check that these are texts or pairs of texts, and return them as a list.

    They may come in a list or another collection in order, an iterator, an array, a series, or in an array, a frame or
    a data set of one column.

    Raises
    ------
    DataError
        If something else came; the position is named.
    """
    if isinstance(texts, str):
        raise DataError("texts must be a list of strings, got one string; wrap it: [text]")
    rows = list(texts) if isinstance(texts, Iterator) else texts
    found = None if _is_bare(rows) or holds_features(rows) else _texts_in(rows) or rows
    if not isinstance(found, Iterable):
        raise DataError(f"{WANTED}, got {texts!r:.80}")
    inputs: list[TextInput] = []
    for i, row in enumerate(found):
        if isinstance(row, str):
            inputs.append(row)
        elif isinstance(row, list | tuple) and len(row) == 2 and all(isinstance(t, str) for t in row):
            inputs.append((row[0], row[1]))
        else:
            raise DataError(f"every text must be a string or a pair of strings; number {i + 1} is {row!r:.80}")
    if len({isinstance(row, str) for row in inputs}) > 1:
        raise DataError("texts must be all single or all pairs, got both")
    return inputs


def as_line(text: TextInput) -> str:
    """Return a text, or both of a pair, as one line for people.

    >>> as_line(("where is it?", "it is late"))
    'where is it? | it is late'
    """
    return text if isinstance(text, str) else " | ".join(text)


def as_columns(text: TextInput) -> dict[str, str]:
    """Return a text, or both of a pair, by the names that their columns have.

    >>> as_columns(("where is it?", "it is late"))
    {'text': 'where is it?', 'text_pair': 'it is late'}
    """
    return {"text": text} if isinstance(text, str) else dict(zip(("text", "text_pair"), text, strict=True))


def each_once(inputs: Sequence[TextInput]) -> tuple[list[TextInput], np.ndarray]:
    """Return the different texts in order of appearance, and for each text given its place among them.

    >>> each_once(["a", "b", "a"])[1].tolist()
    [0, 1, 0]
    """
    first: dict[TextInput, int] = {}
    places = [first.setdefault(row, len(first)) for row in inputs]
    return list(first), np.asarray(places, dtype=np.int64)


def _is_bare(given: object) -> bool:
    """Tell what may hold texts, and is no collection of them in order."""
    return isinstance(given, str | bytes | Mapping | Set) or given is None


def _texts_in(given: object) -> list[Any] | None:
    """Return the rows of what holds texts, not yet checked one by one; None for numbers and features."""
    if holds_features(given):
        return None
    if isinstance(given, np.ndarray):
        return _texts_of_array(given)
    columns = _columns(given)
    if columns is not None:
        return _texts_of_frame(columns)
    if getattr(given, "ndim", 1) != 1:
        return None
    told = next((getattr(given, n)() for n in ("tolist", "to_list", "to_pylist") if hasattr(given, n)), given)
    if not hasattr(told, "__len__") or not isinstance(told, Iterable):
        if hasattr(given, "__array__"):
            return None
        raise DataError(f"{WANTED}, got {given!r:.80}")
    rows = told if isinstance(told, list) else list(told)
    return rows if not rows or any(map(_is_text, rows)) else None


def _is_text(row: object) -> bool:
    """Tell a row of texts, or one where a text is missing, from numbers."""
    if isinstance(row, list | tuple):
        return any(isinstance(part, str) for part in row[:2])
    return row is None or isinstance(row, str | bytes | Mapping) or type(row).__name__ in ("NAType", "NaTType")


def _texts_of_array(given: np.ndarray) -> list[Any] | None:
    """Return the texts of one column, or the pairs of two."""
    if given.dtype.kind not in "USO" or not given.size:
        return None
    if given.ndim == 1 or (given.ndim == 2 and given.shape[1] == 1):
        rows = given.ravel().tolist()
        return rows if any(map(_is_text, rows)) else None
    if given.ndim == 2 and not any(isinstance(value, str) for value in given[0].tolist()):
        return None
    if given.ndim == 2 and given.shape[1] == 2:
        return given.tolist()
    raise DataError(f"{WANTED}, got an array of shape {given.shape}; take one column of it, or two for pairs")


def _texts_of_frame(columns: dict[str, list[Any]]) -> list[Any] | None:
    written = [name for name, values in columns.items() if any(isinstance(value, str) for value in values)]
    if not written:
        return None
    if len(columns) == 1:
        return columns[written[0]]
    raise DataError(
        f"{WANTED}, got a frame of {len(columns)} columns ({', '.join(map(repr, columns)):.80}); take the one with the "
        "texts, or pairs of two: list(zip(frame[first], frame[second]))"
    )


def _columns(given: object) -> dict[str, list[Any]] | None:
    """Return a frame's columns that may hold texts, with the others empty; None for what is no frame."""
    if not {"pandas", "polars", "pyarrow"} & sys.modules.keys() or isinstance(given, list | tuple):
        return None
    import narwhals as nw

    datasets, table = sys.modules.get("datasets"), cast("Any", given)
    if datasets is not None and isinstance(given, datasets.Dataset):
        table = table.with_format("arrow")[:]
    try:
        frame = nw.from_native(table, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError:  # columns of one name: numbers do without names
        return None
    if not isinstance(frame, nw.DataFrame):
        return None
    return {str(name): [] if frame[:, i].dtype.is_numeric() else frame[:, i].to_list()
            for i, name in enumerate(frame.columns)}  # fmt: skip
