"""A column of cells becomes a column of labels: parsed where it is text, split or read as lists where that is asked."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import ast
import dataclasses
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Literal

from spacetune.data.labelled_texts import DataNote
from spacetune.data.labels import fits_int64, is_indicator, is_missing, parse_text_labels
from spacetune.errors import DataError

__all__ = ["AS_LISTS", "LabelColumn", "Task", "read_label_column"]

Task = Literal["auto", "classification", "regression"]
AS_LISTS = "list"
"""The separator that stands for: every cell is a list as Python or JSON writes it."""
LONGEST_LIST = 10_000
LISTED = re.compile(r"\s*(\[.*\]|\{\s*\"choices\".*\})\s*", re.DOTALL)
ONE_STRING = re.compile(r"""[A-Za-z]{0,2}('([^'\\]|\\.)*'|"([^"\\]|\\.)*")""", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class LabelColumn:
    """Labels, the cells they were read from where these are text, and what was noticed."""

    labels: list[Any]
    cells: list[str] | None
    notes: tuple[DataNote, ...]


def read_label_column(
    column: Sequence[Any], *, untyped: bool, separator: str | None, task: Task, name: str
) -> LabelColumn:
    """Read labels from a column of this name, one cell a row.

    The cells are `untyped` text where the file knows nothing else (CSV). `separator` stands between several labels in a
    cell; ``list`` says that each cell is a list as Python or JSON writes it. For the task ``classification`` text stays
    text, except whole numbers: 1.1 and 1.10 are names. Raises `DataError` if a cell is not the list that it should be.
    """
    values = [v.tolist() if hasattr(v, "tolist") else v for v in column]
    values = [list(v) if isinstance(v, tuple | set) else v for v in values]
    values, notes = _composed([_stripped(v) for v in values], name)
    if separator is not None:
        return LabelColumn([_split(v, separator, i + 1, name) for i, v in enumerate(values)], None, notes)
    if not untyped:
        notes += (*_list_notes(values, name), *_indicator_note(values, name))
        values, told = _small_integers(values, name)
        return LabelColumn(values, None, (*notes, *told))
    cells = [str(v) for v in values]
    labels = parse_text_labels(cells)
    if any(isinstance(v, float) for v in labels) and task == "classification":
        labels = [cell or None for cell in cells]
    notes += (*_list_notes(cells, name), *_number_notes(cells, labels, name))
    return LabelColumn(labels, cells, notes)


def _stripped(value: object) -> object:
    if isinstance(value, list):
        return [v.strip() if isinstance(v, str) else v for v in value]
    return value.strip() if isinstance(value, str) else value


def _composed(values: list[Any], name: str) -> tuple[list[Any], tuple[DataNote, ...]]:
    """Write every name in Unicode's composed form, in which two that look the same are the same."""

    def compose(value: object) -> object:
        if isinstance(value, list):
            return [compose(v) if isinstance(v, str) else v for v in value]
        return unicodedata.normalize("NFC", value) if isinstance(value, str) and not value.isascii() else value

    composed = [compose(v) for v in values]
    changed = [i + 1 for i, (new, old) in enumerate(zip(composed, values, strict=True)) if _differ(new, old)]
    if not changed:
        return values, ()
    what = "label{s} in column {name!r} {are} spelled in another Unicode form; read in the composed one (NFC)"
    return composed, (DataNote.of("unicode", changed, what, name=name),)


def _differ(new: object, old: object) -> bool:
    return isinstance(new, str | list) and new != old


def _split(value: object, separator: str, row: int, name: str) -> list[Any]:
    if isinstance(value, list):
        return value
    cell = "" if is_missing(value) else str(value)
    if separator == AS_LISTS:
        return _listed(cell, row, name)
    return [part.strip() for part in cell.split(separator) if part.strip()]


def _listed(cell: str, row: int, name: str) -> list[Any]:
    """Read a list as Python or JSON writes it, by its syntax alone."""
    if not cell:
        return []
    found: object = None
    if len(cell) <= LONGEST_LIST:
        try:
            found = json.loads(cell)
        except (ValueError, RecursionError):
            found = _literal(cell)
    if isinstance(found, dict) and set(found) == {"choices"}:  # as Label Studio writes several in CSV
        found = found["choices"]
    if not isinstance(found, list | tuple | set):
        raise DataError(
            f"column {name!r} must hold lists such as ['joy', 'love'], and row {row} holds {cell!r:.80}; "
            f"write it so, or name what separates its labels with --label-separator"
        )
    return [v.strip() if isinstance(v, str) else v for v in found]


def _literal(cell: str) -> Any:
    try:
        node = ast.parse(cell.strip(), mode="eval").body
        found = ast.literal_eval(node)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    strings = [n for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    joined = any(not ONE_STRING.fullmatch(ast.get_source_segment(cell.strip(), n) or "") for n in strings)
    return None if joined else found  # ['a' 'b'], as NumPy prints, is one string to Python


def _list_notes(values: Sequence[Any], name: str) -> list[DataNote]:
    rows = [i + 1 for i, v in enumerate(values) if isinstance(v, str) and LISTED.fullmatch(v)]
    if not rows:
        return []
    what = "label{s} in column {name!r} look{v} like lists and {are} read as one name each"
    return [DataNote.of("lists", rows, f"{what}; --label-separator {AS_LISTS} reads them as lists", name=name)]


def _indicator_note(values: Sequence[Any], name: str) -> list[DataNote]:
    if not is_indicator(values):
        return []
    what = f"lists of 0 and 1 of one length are read as an indicator matrix: each place of column {name!r} is a class"
    return [DataNote("indicator", (), what)]


def _small_integers(values: list[Any], name: str) -> tuple[list[Any], list[DataNote]]:
    """Write whole numbers as names where some are too large for an array of integers."""
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in values if not is_missing(v))
    if not whole or all(is_missing(v) or fits_int64(v) for v in values):
        return values, []
    try:
        return [None if is_missing(v) else str(v) for v in values], _large_note(values, name)
    except ValueError:  # thousands of digits
        return values, []


def _large_note(labels: Sequence[Any], name: str) -> list[DataNote]:
    rows = [i + 1 for i, v in enumerate(labels) if not is_missing(v) and not fits_int64(v)]
    what = "label{s} in column {name!r} {are} too large for 64 bits; the column is read as names"
    return [DataNote.of("numbers", rows, what, name=name)] if rows else []


def _number_notes(cells: Sequence[str], labels: Sequence[Any], name: str) -> list[DataNote]:
    """Say where text that looks like numbers would lose something as numbers, as versions do: 1.10 is 1.1."""
    if all(isinstance(v, str) for v in labels if v is not None):
        digits = [cell for cell in cells if cell]
        whole = digits and all(re.fullmatch(r"-?[0-9]{1,1000}", cell) for cell in digits)
        plain = whole and all(cell == str(int(cell)) for cell in digits)
        return _large_note([int(cell) if cell else None for cell in cells], name) if plain else []
    spellings: dict[Any, str] = {}
    pairs = [(v, cell) for v, cell in zip(labels, cells, strict=True) if isinstance(v, float)]
    for value, cell in pairs:
        if spellings.setdefault(value, cell) != cell:
            what = f"{spellings[value]!r:.80} and {cell!r:.80} in column {name!r} are one number"
            rows = [i + 1 for i, v in enumerate(labels) if v == value]
            return [DataNote("numbers", tuple(rows), f"{what}; if they are names, say --task classification")]
    decimals = {len(cell.partition(".")[2]) for _, cell in pairs if "." in cell}
    lost = next((cell for value, cell in pairs if cell.endswith("0") and "." in cell and repr(value) != cell), None)
    if lost is None or len(decimals) < 2:
        return []
    what = f"labels in column {name!r} are read as numbers, and {lost!r:.80} loses its last zero"
    return [DataNote("numbers", (), f"{what}; if they are names, say --task classification")]
