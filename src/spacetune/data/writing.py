"""Tables as files, table by table: CSV that is safe in a spreadsheet, JSON lines, Parquet. Whole or not at all."""

# The types of PyArrow are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import csv
import functools
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spacetune.data.formulas import guarded
from spacetune.errors import DataError, SpacetuneError, counted
from spacetune.files import write_file
from spacetune.results import json_text, jsonable

__all__ = [
    "TABLES",
    "ArrowType",
    "Columns",
    "as_bytes",
    "beside",
    "check_lengths",
    "columns_of",
    "merged_type",
    "safe_cell",
    "table_pieces",
    "type_for",
    "type_of",
    "write",
    "write_table",
]

Columns = Mapping[str, Any]
"""Columns by name, one value a row in each: sequences, or Arrow arrays for Parquet."""

ArrowType = Any
"""A `pyarrow.DataType`, of which type checkers know nothing."""

UNFIT = (NotImplementedError, OverflowError, TypeError, ValueError)
"""What PyArrow raises on a value that a type does not hold: its own errors are of these kinds too."""

log = logging.getLogger("spacetune")


def write(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file whole or not at all.

    Raises `SpacetuneError` if it cannot be written there.
    """
    try:
        write_file(path, content)
    except OSError as error:
        raise SpacetuneError(f"{path} cannot be written: {error.strerror or error}") from error


def write_table(path: Path, table: Columns) -> None:
    """Write a table as the file's ending says: ``.csv``, ``.jsonl`` or ``.parquet``."""
    write(path, table_pieces(path.suffix, [table]))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns; what a row lacks is None.

    >>> columns_of([{"a": 1}, {"a": 2, "b": 3}])
    {'a': [1, 2], 'b': [None, 3]}
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def check_lengths(columns: Mapping[str, Sequence[Any]], source: str) -> None:
    """Refuse columns of several lengths: what stands in one row could not be told.

    Raises `DataError`, with two of them.
    """
    sizes = {name: len(values) for name, values in columns.items()}
    if len(set(sizes.values())) > 1:
        least, most = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
        raise DataError(
            f"all columns of {source} must be of one length, and {least!r:.80} has {counted(sizes[least], 'row')}, "
            f"{most!r:.80} {sizes[most]:,}; give every row a value in each (null where it has none)"
        )


def beside(own: Columns, found: Columns) -> dict[str, Any]:
    """Return what was found for each row beside the columns that were there, which keep their names.

    >>> beside({"id": [7], "label": ["a"]}, {"label": ["b"]})
    {'id': [7], 'label': ['a'], 'spacetune label': ['b']}
    """

    def free(name: str) -> str:
        return free(f"spacetune {name}") if name in own else name

    return {**own, **{free(name): values for name, values in found.items()}}


def table_pieces(
    ending: str,
    tables: Iterable[Columns],
    types: Mapping[str, ArrowType] | None = None,
    about: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of a file as its tables come; all have the columns of the first.

    Parameters
    ----------
    ending
        One of `TABLES`.
    tables
        Columns, some rows at a time: for Parquet each is a row group.
    types, about
        For Parquet: the types of columns, else taken from the first table, and what is noted in the file.
    """
    kinds = {**TABLES, ".parquet": functools.partial(_parquet, types=types or {}, about=about or {})}
    return kinds[ending](tables)


def safe_cell(value: object) -> Any:
    r"""Put an apostrophe before text that a spreadsheet would run as a formula, whatever unseen stands before it.

    A list or a mapping becomes JSON, which other programs read too.

    >>> safe_cell("=1+1"), safe_cell("\ufeff ＝1+1"), safe_cell("fine"), safe_cell(-0.5), safe_cell("-0.5")
    ("'=1+1", "'\ufeff ＝1+1", 'fine', -0.5, '-0.5')
    >>> safe_cell(["a", None])
    '["a", null]'
    """
    if isinstance(value, list | tuple | dict | np.ndarray):
        return json_text(jsonable(value))
    return guarded(value) if isinstance(value, str) else value


def _csv(tables: Iterable[Columns]) -> Iterator[bytes]:
    n_marked, first = 0, ""
    for i, table in enumerate(tables):
        text = io.StringIO()
        writer = csv.writer(text)
        if not i:
            writer.writerow([safe_cell(name) for name in table])
        for row in zip(*table.values(), strict=True):
            cells = [safe_cell(value) for value in row]
            for cell, value in zip(cells, row, strict=True):
                if cell is not value and isinstance(value, str):
                    n_marked, first = n_marked + 1, first or cell
            writer.writerow(cells)
        yield as_bytes(text.getvalue())
    if n_marked:
        log.warning(
            "! %s of the CSV file with an apostrophe in front, since a spreadsheet would take it for a formula: "
            "the first is %s; spacetune reads it without, and .jsonl and .parquet hold every cell as it was",
            counted(n_marked, "cell"),
            f"{first!r:.60}",
        )


def _json_lines(tables: Iterable[Columns]) -> Iterator[bytes]:
    for table in tables:
        rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
        yield as_bytes("".join(f"{json_text(jsonable(row))}\n" for row in rows))


class _Pieces(io.RawIOBase):
    """A file for `pyarrow` whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self.position, self.pieces = 0, list[bytes]()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def write(self, data: Any, /) -> int:
        self.pieces.append(bytes(data))
        self.position += len(self.pieces[-1])
        return len(self.pieces[-1])

    def taken(self) -> bytes:
        self.pieces, taken = [], b"".join(self.pieces)
        return taken


def _parquet(tables: Iterable[Columns], types: Mapping[str, ArrowType], about: Mapping[str, str]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file, writer = _Pieces(), None
    for table in tables:
        arrays = {_text(name): _array(values, types.get(name)) for name, values in table.items()}
        types = {**{name: array.type for name, array in zip(table, arrays.values(), strict=True)}, **types}
        rows = pa.table(arrays).replace_schema_metadata(about or None)
        writer = writer or pq.ParquetWriter(pa.PythonFile(file, "w"), rows.schema)
        writer.write_table(rows)
        yield file.taken()
    if writer is not None:
        writer.close()
        yield file.taken()


TABLES: Mapping[str, Callable[..., Iterator[bytes]]] = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
"""How the rows of each kind of file become bytes."""


def type_of(values: Sequence[Any]) -> ArrowType:
    """Return the Arrow type of a column; one whose cells are of several types is text."""
    return _array(values, None).type


def merged_type(one: ArrowType, other: ArrowType) -> ArrowType:
    """Return the type that holds what two blocks of a column hold: the wider number, else text."""
    import pyarrow as pa

    schemas = [pa.schema([("", each)]) for each in (one, other)]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.string()


def type_for(values: Sequence[Any], kind: ArrowType) -> ArrowType:
    """Return this type if it holds all of the values without loss, else text."""
    import pyarrow as pa

    try:
        pa.array(values, kind)
        return kind
    except UNFIT:
        return pa.string()


def _array(values: Any, kind: ArrowType | None) -> Any:
    import pyarrow as pa

    if isinstance(values, pa.Array):
        return values
    try:
        array = pa.array(values, kind)
    except UNFIT:
        if kind is not None and not pa.types.is_string(kind):
            raise SpacetuneError(f"a column of {kind} holds a value that is none; write .csv or .jsonl") from None
    else:
        if not _holds_nothing(array.type) and not _mixes_truth(values, array.type):
            return array
    return pa.array([None if value is None else _text(_told(value)) for value in values], pa.string())


def _told(value: object) -> str:
    """Return a value as text: a list or a mapping as JSON."""
    return json_text(jsonable(value)) if isinstance(value, list | tuple | dict) else str(value)


def _holds_nothing(kind: ArrowType) -> bool:
    """Tell whether a type has mappings without a key in it, which Parquet cannot hold."""
    import pyarrow as pa

    inner = [kind.field(i).type for i in range(kind.num_fields)]
    return (pa.types.is_struct(kind) and not inner) or any(_holds_nothing(each) for each in inner)


def _mixes_truth(values: Sequence[Any], kind: ArrowType) -> bool:
    """Tell whether numbers stand beside True and False, which would become 1 and 0."""
    import pyarrow as pa

    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return numbers and isinstance(values, list | tuple) and bool in map(type, values)


def as_bytes(text: str) -> bytes:
    """Return text in UTF-8, half characters, which have no bytes there, written out."""
    return text.encode("utf-8", "backslashreplace")


def _text(given: str) -> str:
    return as_bytes(given).decode("utf-8")
