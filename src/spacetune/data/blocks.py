"""`TextBlocks`: texts of any number, looked over once, and then read some rows at a time."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import gc
import hashlib
import itertools
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from spacetune.data.delimited import Quoting
from spacetune.data.labelled_texts import DataNote, LabelledTexts, joined_notes
from spacetune.data.labels import is_missing
from spacetune.data.reading import as_strings, text_columns
from spacetune.data.sources import Table, TextFormat, files_of, open_blocks, open_table, place_of
from spacetune.data.writing import ArrowType, merged_type, type_for, type_of
from spacetune.errors import DataError, UsageError, did_you_mean
from spacetune.progress import progress_bar
from spacetune.results import json_text, jsonable

__all__ = ["Block", "OnError", "Survey", "TextBlocks"]

OnError = Literal["stop", "keep"]
MOST_ROWS = 10_000_000


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive rows: their texts and kept columns, how many stand before them, and what is wrong with each.

    `errors` is None where a wrong row ends the run.
    """

    texts: LabelledTexts
    before: int
    errors: tuple[str | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)


@dataclasses.dataclass(frozen=True)
class Survey:
    """What a first look over all rows found.

    Parameters
    ----------
    sizes
        Rows of every block.
    types
        The kept columns and their Arrow types.
    notes
        What was noticed, counted over all blocks.
    n_errors
        Rows without a text, where these are kept.
    """

    sizes: tuple[int, ...]
    types: Mapping[str, ArrowType]
    notes: tuple[DataNote, ...]
    n_errors: int

    @property
    def n_rows(self) -> int:
        """Rows of all blocks."""
        return sum(self.sizes)


@dataclasses.dataclass(frozen=True)
class TextBlocks:
    """Texts of any number: a CSV, JSON lines or Parquet file, or a folder of one kind of them, block by block.

    A JSON list, a table in memory and a folder saved by `datasets` are held whole. Blocks end with their file.

    Parameters
    ----------
    source
        A folder of tables, or what `read_texts` reads.
    text, text_pair, delimiter, encoding, quoting, split
        As for `read_texts`.
    columns
        Names of the columns that stay beside the results; None keeps all.
    size
        Rows of a block.
    on_error
        What a row without a text does: ``stop`` ends the run before its work (a missing text counts as an empty one);
        ``keep`` keeps the row, marked. In CSV an empty cell is a missing text.

    Examples
    --------
    >>> blocks = TextBlocks({"text": ["fine", "awful", "well"], "id": [7, 8, 9]}, size=2)
    >>> survey = blocks.survey()
    >>> survey.sizes, [block.texts.columns["id"] for block in blocks.read(survey)]
    ((2, 1), [[7, 8], [9]])
    """

    source: object
    text: str = "text"
    text_pair: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    quoting: Quoting = "auto"
    split: str | None = None
    columns: Sequence[str] | None = None
    size: int = 10_000
    on_error: OnError = "stop"

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MOST_ROWS:
            raise UsageError(f"a block must hold 1 to {MOST_ROWS:,} rows, got {self.size}")
        if self.on_error not in ("stop", "keep"):
            raise UsageError(f"on_error must be 'stop' or 'keep', got {self.on_error!r}")

    def survey(self, progress: bool | None = None) -> Survey:
        """Look over all rows: their number, columns and types, and what is wrong with them, before any work.

        Raises
        ------
        DataError
            If the source cannot be read, holds no rows, lacks a column, or a row has no text.
        """
        sizes: list[int] = []
        notes: list[DataNote] = []
        types: dict[str, ArrowType] = {}
        merged: dict[str, ArrowType] = {}
        names: set[str] = set()
        n_errors = 0
        with progress_bar(None, "looking over", "rows", show=progress) as bar:
            for table in self._tables(self._text_columns):
                notes += table.notes
                block = self._block(table, sum(sizes), (), notes)
                for name, kind in _types(table, self.columns).items():
                    if types.setdefault(name, kind) != kind:
                        types[name] = merged[name] = merged_type(types[name], kind)
                names.update(table.names)
                n_errors += sum(map(bool, block.errors or ()))
                sizes.append(len(block))
                bar.update(len(block))
        for name in {*(self.columns or ())} - names:
            near = did_you_mean(name, names)
            raise DataError(f"column {name!r} is not there" + (f"; did you mean {near!r}?" if near else ""))
        types |= self._holding(merged)
        return Survey(tuple(sizes), types, tuple(joined_notes(notes)), n_errors)

    def read(self, survey: Survey, skip: int = 0) -> Iterator[Block]:
        """Yield the blocks from `skip` on, every one with all columns that are kept."""
        before = sum(survey.sizes[:skip])
        tables = itertools.islice(self._tables({*self._text_columns, *survey.types}), skip, None)
        for size, table in itertools.zip_longest(survey.sizes[skip:], tables):
            if table is None or len(table) != size:
                raise DataError(f"the texts changed while they were read, after row {before:,}; start again")
            yield self._block(table, before, survey.types, [])
            before += size

    def _holding(self, merged: Mapping[str, ArrowType]) -> dict[str, ArrowType]:
        """Return for columns whose type changes on the way the merged type if it holds every value, else text."""
        held = dict(merged)
        for table in self._tables({*self._text_columns, *merged}) if merged else ():
            for name in merged.keys() & table.columns.keys():
                held[name] = type_for(table.columns[name], held[name])
        return held

    def digest(self) -> str:
        """Return the SHA-256 of all that is read: of a path that of its files."""
        found = hashlib.sha256()
        if isinstance(self.source, str | os.PathLike):
            path = place_of(self.source)
            for file in (
                (files_of(path) or sorted(path.rglob("*"), key=lambda file: file.as_posix()))
                if path.is_dir()
                else [path]
            ):
                if file.is_file():
                    with file.open("rb") as opened:
                        found.update(hashlib.file_digest(opened, "sha256").digest())
        else:
            found.update(json_text(jsonable(open_table(self.source, self._format, self.split).columns)).encode())
        return found.hexdigest()

    @property
    def _format(self) -> TextFormat:
        return TextFormat(self.delimiter, self.encoding, self.quoting)

    @property
    def _text_columns(self) -> set[str]:
        return {self.text, self.text_pair or "text_pair"}

    def _tables(self, wanted: Collection[str]) -> Iterator[Table]:
        """Yield the tables that hold rows, all with the same columns of texts; there must be one."""
        used: list[str] = []
        table: Table | None = None
        n_rows = 0
        for table in open_blocks(self.source, self._format, self.split, self.size, wanted):
            table = table if table.is_stated else table.with_columns(used)
            texts, pairs = text_columns(table, self.text, self.text_pair)
            names = [self.text] if pairs is None else [self.text, self.text_pair or "text_pair"]
            if used and used != names:
                raise DataError(f"{table.name} has texts in {names}, and rows before it in {used}; put them apart")
            if texts:
                used = names
                yield table
            n_rows += len(table)
            if n_rows >= self.size:  # what was made of them may lie in rings, and commands collect these late
                gc.collect(1)
                n_rows = 0
        if table is not None and not used:
            raise DataError(f"{table.name} names its columns ({table.listed}) but holds no rows; add some")

    def _block(self, table: Table, before: int, columns: Collection[str], notes: list[DataNote]) -> Block:
        given = text_columns(table, self.text, self.text_pair)
        wrong: dict[int, str] = {}
        if self.on_error == "keep":
            problem_of = _problem_in_csv if table.untyped else _problem
            wrong = {i: problem for column in given for i, v in enumerate(column or ()) if (problem := problem_of(v))}
        try:
            texts, pairs = (
                None if column is None else as_strings(column, name, notes, before, wrong)
                for column, name in zip(given, (self.text, self.text_pair or "text_pair"), strict=True)
            )
        except DataError as error:
            in_folder = isinstance(self.source, str | os.PathLike) and place_of(self.source).is_dir()
            where = f" (in {table.name}; rows are counted through all files)" if in_folder else ""
            raise DataError(f"{error}{where}") from error
        kept = {name: table.columns.get(name) or [None] * len(table) for name in columns}
        errors = tuple(wrong.get(i) for i in range(len(table))) if self.on_error == "keep" else None
        return Block(LabelledTexts(texts or [], pairs=pairs, source=table.name, columns=kept), before, errors)


def _problem(cell: object) -> str | None:
    """Say why a cell is no text."""
    if isinstance(cell, str):
        return None
    return "the text is missing" if is_missing(cell) else f"the text is no text: {type(cell).__name__}"


def _problem_in_csv(cell: object) -> str | None:
    """Say why a cell of a file that knows text alone is none: an empty one is its way to say that it is missing."""
    return "the text is missing" if cell == "" else _problem(cell)


def _types(table: Table, kept: Sequence[str] | None) -> dict[str, ArrowType]:
    names = table.names if kept is None else [name for name in kept if name in table.names]
    return {name: table.types[name] if table.types else type_of(table.columns[name]) for name in names}
