"""CSV and TSV, with row numbers in every complaint.

Python's own reader is used, not a data-frame library's, because it tells at which row a file breaks and never guesses
types. Rows are counted from 1 without the header.
"""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spacetune.data.formulas import unguarded
from spacetune.data.labelled_texts import DataNote
from spacetune.data.opening import LONGEST_FIELD, MARK, blank_note, open_text, text_lines
from spacetune.errors import DataError, UsageError, printable

if TYPE_CHECKING:
    from _csv import Reader  # what csv.reader returns

__all__ = ["QUOTINGS", "Quoting", "delimited_blocks", "delimiter_hint"]

Quoting = Literal["auto", "double", "none"]
QUOTINGS = ("auto", "double", "none")
QUOTE_HINT = (
    "Is a double quote left open? A cell that holds double quotes must stand in double quotes, with each inner one "
    'doubled: "he said ""no"""; or read quotes as plain characters with --quoting none'
)
Columns = dict[str, list[str]]
Read = tuple[Columns, tuple[DataNote, ...]]
LOOK = 10_000
"""Rows at a time while it is found out what quotes are."""
SEP_LINE = re.compile(r'"?sep=([^"\r\n])"?[\r\n]*', re.IGNORECASE)


def delimited_blocks(
    path: Path, delimiter: str | None, usual: str, encoding: str, quoting: Quoting = "auto", size: int | None = None
) -> Iterator[Read]:
    """Read a CSV or TSV file with a header line into columns of strings, block by block; say what was noticed.

    Double quotes keep cells with delimiters or line breaks together. Many files with tabs know no quoting: where it
    would join or break rows, and every line is a row without it, the quotes are read as plain characters; a note says
    so.

    Parameters
    ----------
    path, encoding
        The file and its encoding.
    delimiter
        What separates its cells; None takes what a first line such as ``sep=;`` says, else `usual`.
    usual
        The delimiter that the file's ending says.
    quoting
        ``double``: double quotes keep a cell together; ``none``: they are characters; ``auto``: see above.
    size
        Rows of a block; None takes all rows as one.

    Raises
    ------
    DataError
        If the header is missing or doubled, or a row has more or fewer cells than the header.
    UsageError
        If the delimiter is not one character, or the quoting has another name.
    """
    if quoting not in QUOTINGS:
        raise UsageError(f"--quoting must be one of {', '.join(QUOTINGS)}, got {quoting!r}")
    delimiter = "\t" if delimiter == r"\t" else delimiter  # as a shell hands it over
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise UsageError(f"--delimiter must be one character such as ';' or '|', got {delimiter!r}")
    said = _said_delimiter(path, encoding)
    delimiter = delimiter or said or usual
    whole = _File(path, delimiter, encoding, said is not None)
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        unsure = quoting == "auto" and delimiter == "\t"
        quoted, first = _quoted_tabs(whole) if unsure else (quoting != "none", ())
        for columns, notes in whole.blocks(quoted, size):
            yield columns, (*notes, *first)
            first = ()
    finally:
        csv.field_size_limit(limit)


def _said_delimiter(path: Path, encoding: str) -> str | None:
    """Return what the first line says separates the cells, as spreadsheets write and read it: ``sep=;``."""
    with open_text(path, encoding) as file:
        said = SEP_LINE.fullmatch(file.readline(100).lstrip(MARK))
    return said[1] if said else None


def _quoted_tabs(whole: _File) -> tuple[bool, tuple[DataNote, ...]]:
    """Tell whether double quotes keep cells together in a file with tabs, and note where they do not."""
    problem: DataError | None = None
    joined = False
    try:
        for columns, _ in whole.blocks(True, LOOK):
            joined |= len(columns) > 1 and any("\n" in cell or "\r" in cell for c in columns.values() for cell in c)
        if not joined:
            return True, ()
    except DataError as error:
        problem = error
    try:
        cells = (row for columns, _ in whole.blocks(False, LOOK) for row in zip(*columns.values(), strict=True))
        quotes = {i: [cell.count('"') for cell in row] for i, row in enumerate(cells, start=1) if '"' in "".join(row)}
    except DataError:
        if problem is not None:
            raise problem from None
        return True, ()
    odd = [i for i, counts in quotes.items() if any(n % 2 for n in counts)] or list(quotes)
    what = "row{s} of {file} hold{v} double quotes that would join or break rows; all quotes are read as characters"
    return False, (DataNote.of("quotes", odd, f"{what}, --quoting double reads them otherwise", file=whole.name),)


class _File:
    """A file, and what separates its cells."""

    def __init__(self, path: Path, delimiter: str, encoding: str, said: bool) -> None:
        self.path, self.delimiter, self.encoding, self.said = path, delimiter, encoding, said
        self.name = printable(path.name)
        self.row = 0
        self.blank: list[int] = []
        self.again: list[int] = []

    def _other_delimiter(self) -> str | None:
        """Say what separates the cells, where the header holds our delimiter nowhere and another one."""
        with open_text(self.path, self.encoding) as file:
            lines = text_lines(file, self.name, "is a double quote left open?")
            if self.said:
                next(lines)
            first = next(lines, "").rstrip("\r\n")
        return None if self.delimiter in first else delimiter_hint([first])

    def blocks(self, quoted: bool, size: int | None) -> Iterator[Read]:
        """Read the rows; strict: an open quote is an error where it would else swallow the rows after it."""
        with open_text(self.path, self.encoding) as file:
            lines = text_lines(file, self.name, "is a double quote left open?")
            if self.said:
                next(lines)
            style = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True, quoting=style)
            self.row, self.blank, self.again = 0, [], []
            try:
                header = _header(next(reader, []), self.name, reader.line_num + self.said, quoted)
                rows = self._rows(reader, header, quoted)
                yield self._block(rows, header, quoted, size)
                while size is not None and (block := self._block(rows, header, quoted, size))[0][header[0]]:
                    yield block
            except csv.Error as error:
                if (hint := self._other_delimiter()) is not None:
                    raise DataError(f"{self.name}: {hint}") from error
                raise DataError(f"{self.name} breaks after row {self.row}: {printable(error)}. {QUOTE_HINT}") from error

    def _block(self, rows: Iterator[list[str]], header: list[str], quoted: bool, size: int | None) -> Read:
        """Take so many rows as columns."""
        begin = self.row
        columns: list[list[str]] = [[] for _ in header]
        for cells in itertools.islice(rows, size):
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
        notes = [*blank_note(self.blank, self.name)]
        marked = {begin + i + 1 for column in columns for i in _unguard(column)}
        if marked:
            what = "row{s} of {file} {have} an apostrophe before what a spreadsheet would run; it is read without"
            notes.append(DataNote.of("apostrophes", sorted(marked), what, file=self.name))
        if self.again:
            what = "row{s} of {file} repeat{v} its header; kept as text{s}"
            notes.append(DataNote.of("header", self.again, what, file=self.name))
        swallowed = [begin + i for i in _swallowed(columns, self.delimiter)] if quoted else []
        if swallowed:
            what = "row{s} of {file} hold{v} lines that look like rows; if a double quote is left open there"
            said = f"{what}, close it or read with --quoting none"
            notes.append(DataNote.of("lines", swallowed, said, file=self.name))
        self.blank, self.again = [], []
        return dict(zip(header, columns, strict=True)), tuple(notes)

    def _rows(self, reader: Reader, header: list[str], quoted: bool) -> Iterator[list[str]]:
        for cells in reader:
            if not cells:
                self.blank.append(reader.line_num + self.said)
                continue
            self.row += 1
            if cells[len(header) - 1 :] and header[-1] in cells[len(header) - 1] and _names(cells, quoted) == header:
                self.again.append(self.row)
            yield self._fitted(cells, header)

    def _fitted(self, cells: list[str], header: list[str]) -> list[str]:
        """Return as many cells as the header has; spreadsheets write empty ones after them."""
        if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
            hint = f"put cells that hold {self.delimiter!r} or line breaks in double quotes"
            raise DataError(
                f"row {self.row} of {self.name} has {len(cells)} cells where the header has {len(header)}; "
                f"{delimiter_hint(header) or hint}"
            )
        return cells[: len(header)]


def _unguard(column: list[str]) -> list[int]:
    """Take away the apostrophes that were put before formulas, and return where."""
    bare = {i: unguarded(cell) for i, cell in enumerate(column) if cell[:1] == "'"}
    marked = [i for i, cell in bare.items() if cell != column[i]]
    for i in marked:
        column[i] = bare[i]
    return marked


def _names(cells: list[str], quoted: bool) -> list[str]:
    """Return names of columns without spaces, marks and, where quotes are characters, the quotes around them."""
    names = [unguarded(cell.strip().strip(MARK).strip()) for cell in cells]
    names = names if quoted else [re.sub(r'^"(.*)"$', r"\1", name) for name in names]
    while names and not names[-1]:
        names.pop()
    return names


def _header(cells: list[str], name: str, line: int, quoted: bool) -> list[str]:
    header = _names(cells, quoted)
    if not header:
        what = f"line {line} is blank" if line else "it is empty"
        raise DataError(f"{name} must start with a line that names its columns, such as text,label; {what}")
    twice = [column for column, times in Counter(header).items() if times > 1]
    if twice:
        raise DataError(
            f"the header of {name} must name every column once, {twice[0]!r:.80} is there "
            f"{header.count(twice[0])} times ({printable(', '.join(header)):.1000}); rename one"
        )
    return header


def _swallowed(columns: list[list[str]], delimiter: str) -> list[int]:
    """Return the rows with a cell of several lines, of which one has a row's cells and another row's label in it."""
    broken = [i for i, row in enumerate(zip(*columns, strict=True)) if any("\n" in c or "\r" in c for c in row)]
    if not broken or len(columns) < 2:
        return []
    known = [{cell for cell in column if cell.strip() and "\n" not in cell} for column in columns]
    return [i + 1 for i in broken if any(_rows_within(column[i], delimiter, known) for column in columns)]


def _rows_within(cell: str, delimiter: str, known: list[set[str]]) -> bool:
    lines: Iterator[list[str]] = (line.split(delimiter) for line in cell.splitlines()[:-1])
    return any(len(cells) == len(known) and any(c in k for c, k in zip(cells, known, strict=True)) for cells in lines)


def delimiter_hint(header: list[str]) -> str | None:
    """Say what separates the cells of a file whose header came out as one column; None where nothing does."""
    mark = next((mark for mark in ";\t|," if len(header) == 1 and mark in header[0]), None)
    if mark is None:
        return None
    one = f"its header is one column, {header[0]!r:.80}"
    return f"{one}; the cells seem to be separated by {mark!r}, try --delimiter {mark!r}"
