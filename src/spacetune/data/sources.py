"""Open any source of rows as a `Table`: columns of plain Python values."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from spacetune.data.delimited import Quoting, delimited_blocks
from spacetune.data.json_files import json_blocks
from spacetune.data.labelled_texts import DataNote
from spacetune.data.parquet import Types, class_names, named_classes, parquet_blocks
from spacetune.data.remote import is_address, local_copy
from spacetune.data.writing import check_lengths, columns_of
from spacetune.errors import DataError, MissingExtraError, SpacetuneError, did_you_mean, printable

__all__ = ["Table", "TextFormat", "files_of", "open_blocks", "open_table", "place_of"]

LONGEST_LIST = 1000
"""Characters of the names of columns in a message."""

IN_FOLDERS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Endings of the files that a folder is read as."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns by name, and where they came from.

    `untyped` where every cell was read as text (CSV). `types` are the Arrow types of all columns of the file, of those
    too that were not read, where it states them.
    """

    name: str
    columns: dict[str, list[Any]]
    untyped: bool = False
    notes: tuple[DataNote, ...] = ()
    class_names: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict[str, tuple[str, ...]])
    types: Types = dataclasses.field(default_factory=dict[str, Any])

    @property
    def names(self) -> list[str]:
        """The names of all columns."""
        return list(self.types or self.columns)

    @property
    def listed(self) -> str:
        """The names of all columns for a message."""
        names = printable(", ".join(self.names))
        return names if len(names) <= LONGEST_LIST else f"{names[:LONGEST_LIST]}…"

    def __len__(self) -> int:
        return max(map(len, self.columns.values()), default=0)

    @property
    def is_stated(self) -> bool:
        """Whether the file says which columns it has, and not only its rows."""
        return self.untyped or bool(self.types)

    def with_columns(self, names: Sequence[str]) -> Table:
        """Return the same with these columns too, of None where they lack."""
        lacking = {name: [None] * len(self) for name in names if name not in self.columns}
        return dataclasses.replace(self, columns={**self.columns, **lacking})

    def between(self, start: int, stop: int) -> Table:
        """Return some of the rows; the notes stay with the first."""
        columns = {name: values[start:stop] for name, values in self.columns.items()}
        return dataclasses.replace(self, columns=columns, notes=() if start else self.notes)


@dataclasses.dataclass(frozen=True)
class TextFormat:
    """How a text file is written, where its ending does not say it."""

    delimiter: str | None = None
    encoding: str = "utf-8"
    quoting: Quoting = "auto"


def open_table(source: object, how: TextFormat, split: str | None) -> Table:
    """Open a path, a data set, a frame, a mapping of columns or a list of strings.

    Raises `DataError` if it is none of these, or cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        (table,) = _path_blocks(place_of(source), how, split, None, None)
        return table
    if isinstance(source, Mapping) and not hasattr(source, "column_names"):
        return _from_mapping(cast("Mapping[str, Any]", source))
    if isinstance(source, list | tuple):
        return _from_list(cast("list[Any]", list(source)))
    if hasattr(source, "column_names") and (hasattr(source, "features") or isinstance(source, Mapping)):
        return _from_dataset(source, "a datasets.Dataset", split)
    return _from_frame(source)


def open_blocks(
    source: object, how: TextFormat, split: str | None, size: int, wanted: Collection[str] | None = None
) -> Iterator[Table]:
    """Open the same as `open_table`, or a folder of tables, `size` rows at a time; a block lies within one file.

    Rows of a Parquet file come from its columns that are `wanted` alone. CSV, JSON lines and Parquet take the memory of
    a block, whatever else of the whole.

    Raises `DataError` if it is none of these, or cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        tables = _path_blocks(place_of(source), how, split, size, wanted)
    else:
        tables = iter([open_table(source, how, split)])
    for table in tables:
        for start in range(0, max(len(table), 1), size):
            yield table.between(start, start + size) if len(table) > size else table


def files_of(folder: Path) -> list[Path]:
    """Return the tables of a folder in the order of their names; they must be of one kind."""
    names = [name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    found = [folder / name for name in names if (folder / name).is_file()]
    tables = [path for path in found if _ending(path) in IN_FOLDERS]
    kinds = sorted({_ending(path) for path in tables})
    if len(kinds) > 1:
        raise DataError(
            f"the files of {printable(folder)} must be of one kind, got {' and '.join(kinds)}; put them apart"
        )
    return tables


def _unread(folder: Path, files: list[Path]) -> tuple[DataNote, ...]:
    others = sorted({entry.name for entry in folder.iterdir()} - {file.name for file in files})
    named = printable(", ".join(others[:5])) + (" …" if len(others) > 5 else "")
    said = f"{len(others)} entries of {printable(folder.name)} are no tables and are not read ({named})"
    return (DataNote("files", (), said),) if others else ()


def _ending(path: Path) -> str:
    endings = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    return endings[-1] if endings else ""


def place_of(source: str | os.PathLike[str]) -> Path:
    """Return the file or folder that is named; of an address its copy here. Raises `DataError` if there is none."""
    if source == "":  # a variable of the shell that is not set; a path would take it for the folder one is in
        raise DataError("the name of the file is empty; give a file or a folder ('.' for this one)")
    if is_address(os.fspath(source)):
        return local_copy(os.fspath(source), IN_FOLDERS)
    return Path(source)


def _path_blocks(
    path: Path, how: TextFormat, split: str | None, size: int | None, wanted: Collection[str] | None
) -> Iterator[Table]:
    if not stat.S_ISDIR(_mode(path)):
        yield from _file_blocks(path, how, size, wanted)
    elif size is not None and (files := files_of(path)):
        note = _unread(path, files)
        for file in files:
            _mode(file)
            for table in _file_blocks(file, how, size, wanted):
                yield dataclasses.replace(table, notes=(*note, *table.notes))
                note = ()
    else:
        yield _from_folder(path, split)


def _file_blocks(path: Path, how: TextFormat, size: int | None, wanted: Collection[str] | None) -> Iterator[Table]:
    name, ending = printable(path.name), _ending(path)
    if ending == ".parquet":
        for columns, names, types in parquet_blocks(path, size, wanted):
            yield Table(name, columns, class_names=names, types=types)
        return
    if ending in (".csv", ".tsv", ".txt") or (ending == "" and how.delimiter):
        usual = "\t" if ending == ".tsv" else ","
        for columns, notes in delimited_blocks(path, how.delimiter, usual, how.encoding, how.quoting, size):
            yield Table(name, dict[str, list[Any]](columns), untyped=True, notes=notes)
        return
    if ending in (".jsonl", ".ndjson", ".json"):
        for columns, notes in json_blocks(path, how.encoding, size):
            yield Table(name, columns, notes=notes)
        return
    raise DataError(
        f"{name}: the ending says the format, and {ending or 'none'!r} is not one of "
        ".csv .tsv .txt (as CSV) .jsonl .json (each also .gz) .parquet, or a folder saved by datasets; "
        "export it as one of these"
    )


def _mode(path: Path) -> int:
    """Return what the path is; it must be there, and be a folder or a file that holds something."""
    name = printable(path)
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            there = printable(os.readlink(path))
            raise DataError(f"{name:.300} is a link to {there:.300}, which does not exist; mend the link") from error
        near = did_you_mean(path.name, _siblings(path))
        raise DataError(
            f"{name:.300} does not exist" + (f"; did you mean {printable(path.parent / near)}?" if near else "")
        ) from error
    except (OSError, ValueError) as error:  # a name too long or with a NUL, a loop of links, a folder that is closed
        raise DataError(f"{name:.300} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(info.st_mode) and not stat.S_ISDIR(info.st_mode):
        raise DataError(f"{name} must be a file or a folder, and is a pipe or a device; save its content as a file")
    if info.st_size == 0 and stat.S_ISREG(info.st_mode):
        raise DataError(f"{name} is empty (0 bytes); it must hold a header and rows, or one JSON object per line")
    return info.st_mode


def _siblings(path: Path) -> list[str]:
    try:
        return [p.name for p in path.parent.iterdir()]
    except OSError:
        return []


def _from_list(rows: list[Any]) -> Table:
    if rows and all(isinstance(row, Mapping) for row in rows):
        return Table("memory", columns_of(rows))
    return Table("memory", {"text": rows})


def _from_mapping(columns: Mapping[str, Any]) -> Table:
    for name, column in columns.items():
        if isinstance(column, str) or not isinstance(column, Iterable):
            raise DataError(f"column {name!r} must be a list with one value a row, got {type(column).__name__}")
    table = {str(name): list(column) for name, column in columns.items()}
    check_lengths(table, "a mapping of columns")
    return Table("memory", table)


def _from_folder(path: Path, split: str | None) -> Table:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(f"reading the folder {printable(path.name)}", "data") from error
    try:
        return _from_dataset(datasets.load_from_disk(str(path)), printable(path.name), split)
    except SpacetuneError:
        raise
    except Exception as error:  # whatever `datasets` and what it reads with raise on a folder of another kind
        if files_of(path):
            raise DataError(
                f"{printable(path)} is a folder of tables, which are read block by block alone: by predict, explain "
                "and encode with --out to .csv, .jsonl, .parquet or a folder; name one of its files"
            ) from error
        raise DataError(
            f"{printable(path)} must be a folder that `datasets` saved with save_to_disk, and cannot be read as one: "
            f"{printable(error)}; save it again, or name a file in it"
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
        named = feature if hasattr(feature, "int2str") else getattr(feature, "feature", feature)
        if hasattr(named, "int2str"):
            names[column] = tuple(named.names)
    columns, names = named_classes(columns, names, name)
    return Table(name, columns, class_names=names)


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
    kind = type(source).__module__.split(".")[0]
    name = f"a {kind} frame"
    columns = {str(column): values for column, values in columns.items()}
    metadata = source.schema.metadata if kind == "pyarrow" and hasattr(source, "schema") else None
    columns, names = named_classes(columns, class_names(metadata), name)
    return Table(name, columns, class_names=names)
