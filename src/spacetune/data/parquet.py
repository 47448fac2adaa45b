"""Parquet files, with the class names that Hugging Face `datasets` writes into them."""

# The types of PyArrow are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from spacetune.data.writing import ArrowType
from spacetune.errors import DataError, printable

__all__ = ["Named", "Types", "class_names", "named_classes", "parquet_blocks"]

Columns = dict[str, list[Any]]
Named = dict[str, tuple[str, ...]]
Types = dict[str, ArrowType]
"""Types by column."""

BUFFER = 1 << 20
"""Bytes that are read of a column at a time: a row group may be as large as the file."""


def parquet_blocks(
    path: Path, size: int | None = None, wanted: Collection[str] | None = None
) -> Iterator[tuple[Columns, Named, Types]]:
    """Read a file into columns, classes by their names, and all its columns' Arrow types.

    Each block has `size` rows, or all where it is None. `wanted` names the columns to read; None reads all.

    Raises `DataError` if it is damaged, or names a column twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = printable(path.name)
    try:
        # read_table would take columns from folders' names too; what is buffered ahead would stay until the end
        with pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
            schema = file.schema_arrow
            if len(set(schema.names)) < len(schema.names):
                raise DataError(f"{name} must name every column once: {printable(', '.join(schema.names))}; rename one")
            names = class_names(schema.metadata)
            types = {
                column.name: _named_type(column.type) if column.name in names else column.type for column in schema
            }
            columns = None if wanted is None else [column for column in schema.names if column in wanted]
            for table in _tables(file, size, columns):
                yield *named_classes(table.to_pydict(), names, name), types
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, LookupError, MemoryError) as error:
        why = printable(error).strip().removesuffix(".")
        raise DataError(f"{name} is not a readable Parquet file: {why:.300}; write it again") from error


def _tables(file: Any, size: int | None, columns: list[str] | None) -> Iterator[Any]:
    """Yield tables of `size` rows, the last of fewer; what a file's row groups are does not show."""
    import pyarrow as pa

    if size is None or not file.metadata.num_rows or columns == []:
        yield file.read(columns)
        return
    held: list[Any] = []
    lacking = size
    for batch in file.iter_batches(size, columns=columns):
        if len(batch) < lacking:
            held.append(batch)
            lacking -= len(batch)
            continue
        yield pa.Table.from_batches([*held, batch.slice(0, lacking)])
        rest = batch.slice(lacking)
        held, lacking = [rest] if len(rest) else [], size - len(rest)
    if held:
        yield pa.Table.from_batches(held)


def _named_type(kind: ArrowType) -> ArrowType:
    """Return the type of names in the place of numbers."""
    import pyarrow as pa

    return pa.list_(pa.string()) if pa.types.is_list(kind) else pa.string()


def class_names(metadata: Mapping[bytes, bytes] | None) -> Named:
    """Return the class names by column that a schema's metadata holds; none where it holds nothing readable."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        found = {column: _names(feature) for column, feature in features.items()}
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return {}
    return {column: names for column, names in found.items() if names}


def _names(feature: object) -> tuple[str, ...]:
    inner = feature[0] if isinstance(feature, list) and feature else feature
    inner = inner.get("feature", inner) if isinstance(inner, dict) else {}
    names = inner.get("names") if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def named_classes(columns: Columns, names: Named, source: str) -> tuple[Columns, Named]:
    """Write numbers of classes as their names.

    Raises `DataError` if a number has no name.
    """
    names = {column: of for column, of in names.items() if column in columns}
    named = {column: [_name(v, of, column, source) for v in columns[column]] for column, of in names.items()}
    return {**columns, **named}, names


def _name(number: object, names: tuple[str, ...], column: str, source: str) -> object:
    """Return a class's name; -1 is how `datasets` marks a row without a label."""
    if isinstance(number, list):
        return [_name(each, names, column, source) for each in number]
    if number is None or isinstance(number, str):
        return number
    if not isinstance(number, int) or number >= len(names):
        raise DataError(
            f"column {column!r} of {source} holds {number!r:.40}, and names its classes 0 to {len(names) - 1}; "
            "write the file again"
        )
    return None if number < 0 else names[number]
