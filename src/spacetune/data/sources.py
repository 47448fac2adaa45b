"""Open any source of rows as a `Table`: columns of plain Python values."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from spacetune.data import text_files
from spacetune.data.labelled_texts import DataNote
from spacetune.errors import DataError, MissingExtraError, did_you_mean

__all__ = ["Table", "open_table"]


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns by name, and where they came from; `untyped` where every cell was read as text (CSV)."""

    name: str
    columns: dict[str, list[Any]]
    untyped: bool = False
    notes: tuple[DataNote, ...] = ()
    class_names: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict[str, tuple[str, ...]])


def open_table(source: Any, *, delimiter: str | None, encoding: str, split: str | None) -> Table:
    """Open a path, a data set, a frame, a mapping of columns or a list of strings.

    Raises
    ------
    DataError
        If it is none of these, or cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        return _open_path(Path(source), delimiter, encoding, split)
    if isinstance(source, Mapping) and not hasattr(source, "column_names"):
        return _from_mapping(cast("Mapping[str, Any]", source))
    if isinstance(source, list | tuple):
        return _from_list(cast("list[Any]", list(source)))
    if hasattr(source, "column_names") and (hasattr(source, "features") or isinstance(source, Mapping)):
        return _from_dataset(source, "a datasets.Dataset", split)
    return _from_frame(source)


def _open_path(path: Path, delimiter: str | None, encoding: str, split: str | None) -> Table:
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = did_you_mean(path.name, siblings)
        raise DataError(f"{path} does not exist" + (f"; did you mean {path.parent / near}?" if near else ""))
    if path.is_dir():
        return _from_dataset(_load_dataset_folder(path), path.name, split)
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes); it must hold a header and rows, or one JSON object a line")
    endings = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    ending = endings[-1] if endings else ""
    if ending == ".parquet":
        return _from_parquet(path)
    if ending in (".csv", ".tsv", ".txt") or (ending == "" and delimiter):
        separator = ("\t" if ending == ".tsv" else ",") if delimiter is None else delimiter
        columns, notes = text_files.read_delimited(path, separator, encoding)
        return Table(path.name, columns, untyped=True, notes=notes)
    if ending in (".jsonl", ".ndjson", ".json"):
        columns, notes = text_files.read_json_lines(path, encoding)
        return Table(path.name, columns, notes=notes)
    raise DataError(
        f"{path.name}: the ending says the format, and {ending or 'none'!r} is not one of "
        ".csv .tsv .txt (as CSV) .jsonl .json (each also .gz) .parquet, or a folder saved by datasets; "
        "export it as one of these"
    )


def _from_list(rows: list[Any]) -> Table:
    if rows and all(isinstance(row, Mapping) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        return Table("memory", {name: [row.get(name) for row in rows] for name in names})
    return Table("memory", {"text": rows})


def _from_mapping(columns: Mapping[str, Any]) -> Table:
    for name, column in columns.items():
        if isinstance(column, str) or not isinstance(column, Iterable):
            raise DataError(f"column {name!r} must be a list with one value a row, got {type(column).__name__}")
    return Table("memory", {str(name): list(column) for name, column in columns.items()})


def _from_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name} is not a readable Parquet file: {error}; write it again") from error
    return Table(path.name, table.to_pydict())


def _load_dataset_folder(path: Path) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(f"reading the folder {path.name}", "data") from error
    try:
        return datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} must be a folder that `datasets` saved with save_to_disk, and cannot be read as one: {error}; "
            "save it again, or name a file in it"
        ) from error


def _from_dataset(dataset: Any, name: str, split: str | None) -> Table:
    if isinstance(dataset, Mapping):
        splits = list(dataset)
        if split is None and len(splits) == 1:
            split = splits[0]
        if split not in dataset:
            got = "" if split is None else f", not {split!r}"
            raise DataError(f"{name} has the splits {', '.join(splits)}{got}; say which with --split")
        dataset = dataset[split]
    dataset = dataset.with_format(None)
    columns = {column: list(dataset[column]) for column in dataset.column_names}
    names: dict[str, tuple[str, ...]] = {}
    for column, feature in dataset.features.items():
        if hasattr(feature, "int2str"):
            names[column] = tuple(feature.names)
            columns[column] = [_class_name(feature, v) for v in columns[column]]
        elif hasattr(getattr(feature, "feature", None), "int2str"):
            inner: Any = feature.feature
            names[column] = tuple(inner.names)
            columns[column] = [None if row is None else [_class_name(inner, v) for v in row] for row in columns[column]]
    return Table(name, columns, class_names=names)


def _class_name(feature: Any, number: int | None) -> str | None:
    """Return a class's name; -1 is how `datasets` marks a row without a label."""
    return None if number is None or number < 0 else feature.names[number]


def _from_frame(source: Any) -> Table:
    import narwhals as nw

    try:
        frame = nw.from_native(source)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        columns = frame.to_dict(as_series=False)
    except TypeError as error:
        raise DataError(
            "texts must come as a path, a frame (pandas, polars, pyarrow), a datasets.Dataset, a mapping of "
            f"columns or a list of strings, got {type(source).__name__}"
        ) from error
    except nw.exceptions.NarwhalsError as error:
        raise DataError(f"a frame must name every column once: {error}") from error
    name = f"a {type(source).__module__.split('.')[0]} frame"
    return Table(name, {str(column): values for column, values in columns.items()})
