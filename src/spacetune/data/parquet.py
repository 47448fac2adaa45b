"""Parquet files, with the class names that Hugging Face `datasets` writes into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spacetune.errors import DataError, printable

__all__ = ["Named", "class_names", "named_classes", "read_parquet"]

Columns = dict[str, list[Any]]
Named = dict[str, tuple[str, ...]]


def read_parquet(path: Path) -> tuple[Columns, Named]:
    """Read a file into columns, classes by their names.

    Raises `DataError` if it is damaged, or names a column twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = printable(path.name)
    try:
        with pq.ParquetFile(path) as file:  # read_table would take columns from the names of folders too
            table = file.read()
        columns = table.to_pydict()
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, LookupError, MemoryError) as error:
        why = printable(error).strip().removesuffix(".")
        raise DataError(f"{name} is not a readable Parquet file: {why:.300}; write it again") from error
    if len(columns) < len(table.column_names):
        raise DataError(f"{name} must name every column once: {printable(', '.join(table.column_names))}; rename one")
    return named_classes(columns, class_names(table.schema.metadata), name)


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
