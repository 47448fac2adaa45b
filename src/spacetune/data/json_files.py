"""JSON: an object a line, a list of objects, and the tables that pandas and Label Studio write."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from spacetune.data import label_studio
from spacetune.data.labelled_texts import DataNote
from spacetune.data.opening import blank_note, open_text, text_lines
from spacetune.data.writing import check_lengths, columns_of
from spacetune.errors import DataError, printable

__all__ = ["json_blocks"]

Columns = dict[str, list[Any]]
ROW = 'a JSON object such as {"text": …, "label": …}'
RECORDS = "write it with orient='records'"


def json_blocks(path: Path, encoding: str, size: int | None = None) -> Iterator[tuple[Columns, tuple[DataNote, ...]]]:
    """Read one JSON object a line, a list of objects, or a table in one object; absent keys become None.

    Each block has `size` rows, or all where it is None. A list and a table are read whole before they are divided.
    Blank lines hold no row; those before the last row are noted.

    Raises `DataError` if a line is not a JSON object; its number and what is wrong are named.
    """
    name = printable(path.name)
    blank: list[int] = []
    with open_text(path, encoding) as file:
        rows = _rows(file, name, blank)
        first, second = next(rows, None), next(rows, None)
        if first is None:
            raise DataError(f"{name} holds no rows; write one JSON object per line")
        table = _as_table(first[0], name) if second is None and first[1] else None
        if table is not None:
            yield table, ()
            return
        records = (row for row, _ in itertools.chain([first], [second] if second else [], rows))
        while block := list(itertools.islice(records, size)):
            columns, notes = label_studio.read_export(block, name) or (columns_of(block), [])
            yield columns, (*blank_note(blank, name), *notes)
            blank.clear()


def _rows(file: IO[str], name: str, blank: list[int]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the rows, and whether each is a value of its own; note blank lines that a row follows."""
    between: list[int] = []
    begun = False
    for number, line in enumerate(text_lines(file, name, "write one JSON object per line"), start=1):
        if not line.strip():
            between.append(number)
            continue
        blank += between
        between.clear()
        value = _parse(line, number, name) if begun else _first_value(line, file, number, name)
        listed = not begun and isinstance(value, list)
        for row in value if listed else [value]:
            begun = True
            yield _as_row(row, number, name), not listed


def _first_value(line: str, file: IO[str], number: int, name: str) -> Any:
    """Read the first line, or the whole file where it is one value over several lines."""
    try:
        return _read(line)
    except json.JSONDecodeError as error:
        whole = line + file.read()
        broken_off = error.pos >= len(line.rstrip())
        return _parse(whole if broken_off or line.lstrip()[0] not in "[{" else line, number, name)
    except (ValueError, RecursionError):
        return _parse(line, number, name)


def _parse(line: str, number: int, name: str) -> Any:
    try:
        return _read(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"line {number + error.lineno - 1} of {name} must be {ROW} and is not JSON: "
            f"{error.msg} at character {error.colno}"
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists without end
        raise DataError(f"line {number} of {name} cannot be read as JSON: {error}; correct the line") from error


def _read(text: str) -> Any:
    """Read JSON in which no object has a key twice: the last of its values would stand for all."""
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice!r:.80} occurs twice in one object")
    return found


def _as_row(value: object, number: int, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        hint = f"; a list of lists does not name its columns, {RECORDS}" if isinstance(value, list) else ""
        raise DataError(f"line {number} of {name} must be {ROW}, got {type(value).__name__}{hint}")
    return value


def _as_table(table: dict[str, Any], name: str) -> Columns | None:
    """Read an object that is a whole table, as pandas writes several kinds of; None where it is one row."""
    rows = table.get("data")
    if "columns" in table and isinstance(rows, list):
        return _from_split(table["columns"], rows, name)
    if "schema" in table and isinstance(rows, list):
        return columns_of([_as_row(row, 1, name) for row in rows])
    values = list(table.values())
    if len(values) > 1 and all(isinstance(v, list) for v in values):
        check_lengths(table, name)
        return table
    if values and all(isinstance(v, dict) and v for v in values):
        return _from_nested(table, name)
    under = [key for key, v in table.items() if isinstance(v, list) and v and all(isinstance(r, dict) for r in v)]
    if under and not any(isinstance(v, str) for v in table.values()):
        raise DataError(f"{name} is one object whose rows seem to lie under {under[0]!r:.80}; write that list alone")
    return None


def _from_split(names: object, rows: list[Any], name: str) -> Columns:
    if not isinstance(names, list) or any(not isinstance(c, str) for c in names) or not _fit(rows, len(names)):
        raise DataError(f"{name} looks like pandas' orient='split', and its rows do not fit its columns; {RECORDS}")
    return {column: [row[i] for row in rows] for i, column in enumerate(names)}


def _fit(rows: list[Any], width: int) -> bool:
    """Tell whether all rows are lists of so many cells."""
    return all(isinstance(row, list) and len(row) == width for row in rows)


def _from_nested(table: dict[str, dict[str, Any]], name: str) -> Columns:
    """Read columns by row number, or rows by their number; which it is, the numbers tell."""
    inner = next(iter(table.values()))
    numbered_rows = all(key.isdecimal() for key in inner) and all(v.keys() == inner.keys() for v in table.values())
    if numbered_rows:
        return {column: [cells[row] for row in inner] for column, cells in table.items()}
    if all(key.isdecimal() for key in table):
        return columns_of(list(table.values()))
    raise DataError(
        f"{name} is one object of objects, as pandas' to_json writes by default; {RECORDS}, lines=True "
        "(and reset_index() before, where the index is no number)"
    )
