"""CSV, TSV and JSON Lines, plain or gzipped, with row numbers in every complaint.

Python's own readers are used, not a data-frame library's, because they tell at which row a file breaks and
never guess types. Rows are counted from 1 without the header.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from spacetune.data.labelled_texts import DataNote
from spacetune.errors import DataError, UsageError, name_rows

__all__ = ["LONGEST_FIELD", "delimiter_hint", "read_delimited", "read_json_lines"]

LONGEST_FIELD = 10_000_000
"""Characters in one cell or line above which a file is taken to be broken (an open quote, a binary file)."""


@contextmanager
def _open(path: Path, encoding: str) -> Generator[IO[str]]:
    """Open as text; turn what can go wrong while reading into a `DataError` that says where."""
    reader = gzip.open if path.suffix.lower() == ".gz" else open
    encoding = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    try:
        with reader(path, "rt", encoding=encoding, newline="") as file:  # pyright: ignore[reportCallIssue, reportArgumentType]
            yield file  # pyright: ignore[reportReturnType]
    except UnicodeDecodeError as error:
        line, byte = _first_bad_line(path, encoding)
        utf16 = line == 1 and byte in (0xFE, 0xFF)
        hint = (
            "it looks like UTF-16, try --encoding utf-16" if utf16 else "an older Windows file needs --encoding cp1252"
        )
        raise DataError(
            f"{path.name} is not {error.encoding.upper()}: byte {byte:#04x} in line {line}; {hint}"
        ) from error
    except LookupError as error:
        raise DataError(f"{encoding!r} is not an encoding Python knows; try utf-8 or cp1252") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is not a whole gzip file: {error}; download or pack it again") from error


def _first_bad_line(path: Path, encoding: str) -> tuple[int, int]:
    reader = gzip.open if path.suffix.lower() == ".gz" else open
    with reader(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return number, line[error.start]
    return 0, 0


def read_delimited(path: Path, delimiter: str, encoding: str) -> tuple[dict[str, list[str]], tuple[DataNote, ...]]:
    """Read a CSV or TSV file with a header line into columns of strings.

    Raises
    ------
    DataError
        If the header is missing or doubled, or a row has more or fewer cells than the header.
    UsageError
        If the delimiter is not one character.
    """
    delimiter = "\t" if delimiter == r"\t" else delimiter  # as a shell hands it over
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError(f"--delimiter must be one character such as ';' or '|', got {delimiter!r}")
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        with _open(path, encoding) as file:
            return _read_rows(_reader(file, path.name, delimiter), path.name, delimiter)
    finally:
        csv.field_size_limit(limit)


def _read_rows(reader: Any, name: str, delimiter: str) -> tuple[dict[str, list[str]], tuple[DataNote, ...]]:
    row = 0
    blank: list[int] = []
    again: list[int] = []
    try:
        header = _header([cell.strip() for cell in next(reader, [])], name, reader.line_num)
        columns: list[list[str]] = [[] for _ in header]
        for cells in reader:
            if not cells:
                blank.append(reader.line_num)
                continue
            row += 1
            if cells == header:
                again.append(row)
            if len(cells) != len(header):
                hint = f"put cells that hold {delimiter!r} or line breaks in double quotes"
                raise DataError(
                    f"row {row} of {name} has {len(cells)} cells where the header has {len(header)}; "
                    f"{delimiter_hint(header) or hint}"
                )
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
    except csv.Error as error:
        raise DataError(
            f"{name} breaks after row {row}: {error}. Is a double quote left open? A cell that holds double quotes "
            'must stand in double quotes, with each inner one doubled: "he said ""no"""'
        ) from error
    notes = [*_blank_note(blank, name)]
    if again:
        notes.append(DataNote.of("header", again, f"rows of {name} repeat its header; kept as texts"))
    return dict(zip(header, columns, strict=True)), tuple(notes)


def _reader(file: IO[str], name: str, delimiter: str) -> Any:
    """Strict: an open quote is an error where it would else swallow the rows after it."""
    return csv.reader(_lines(file, name, "is a double quote left open?"), delimiter=delimiter, strict=True)


def _header(header: list[str], name: str, line: int) -> list[str]:
    if not any(header):
        what = f"line {line} is blank" if line else "it is empty"
        raise DataError(f"{name} must start with a line that names its columns, such as text,label; {what}")
    twice = [column for column in header if header.count(column) > 1]
    if twice:
        raise DataError(
            f"the header of {name} must name every column once, {twice[0]!r} is there {len(twice)} times "
            f"({', '.join(header)}); rename one"
        )
    return header


def delimiter_hint(header: list[str]) -> str | None:
    """Say what separates the cells of a file whose header came out as one column; None where nothing does."""
    mark = next((mark for mark in ";\t|," if len(header) == 1 and mark in header[0]), None)
    if mark is None:
        return None
    one = f"its header is one column, {header[0]!r}"
    return f"{one}; the cells seem to be separated by {mark!r}, try --delimiter {mark!r}"


def _blank_note(lines: list[int], name: str) -> list[DataNote]:
    named = name_rows(lines).replace("row", "line", 1)
    message = f"{len(lines)} lines of {name} are blank and hold no row ({named})"
    return [DataNote("blank", tuple(lines), message)] if lines else []


def read_json_lines(path: Path, encoding: str) -> tuple[dict[str, list[Any]], tuple[DataNote, ...]]:
    """Read one JSON object a line (or one JSON list of objects) into columns; absent keys become None.

    Blank lines hold no row; those before the last row are noted.

    Raises
    ------
    DataError
        If a line is not a JSON object; its number and what is wrong are named.
    """
    records: list[dict[str, Any]] = []
    blank: list[int] = []
    number = 0
    with _open(path, encoding) as file:
        for number, line in enumerate(_lines(file, path.name, "write one JSON object a line"), start=1):
            if not line.strip():
                blank.append(number)
                continue
            first = not records
            if first and line.lstrip().startswith("[") and not line.rstrip().endswith("]"):
                line += file.read()  # a list written over several lines
            records.extend(_parse_line(line, number, path.name, first))
    if not records:
        raise DataError(f"{path.name} holds no rows; write one JSON object a line")
    while blank and blank[-1] == number:
        blank.pop()
        number -= 1
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: [record.get(name) for record in records] for name in names}
    return columns, tuple(_blank_note(blank, path.name))


def _lines(file: IO[str], name: str, hint: str) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_FIELD + 1):
        number += 1
        if len(line) > LONGEST_FIELD:
            raise DataError(f"line {number} of {name} is longer than {LONGEST_FIELD:,} characters; {hint}")
        yield line


def _parse_line(line: str, number: int, name: str, first: bool) -> list[dict[str, Any]]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        where = f"line {number + error.lineno - 1} of {name}"
        raise DataError(
            f'{where} must be a JSON object such as {{"text": …, "label": …}} and is not JSON: '
            f"{error.msg} at character {error.colno}"
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists without end
        raise DataError(f"line {number} of {name} cannot be read as JSON: {error}; write it anew") from error
    records: list[Any] = list(record) if isinstance(record, list) and first else [record]
    wrong = [type(r).__name__ for r in records if not isinstance(r, dict)]
    if wrong:
        raise DataError(
            f'line {number} of {name} must be a JSON object such as {{"text": …, "label": …}}, got {wrong[0]}'
        )
    return records
