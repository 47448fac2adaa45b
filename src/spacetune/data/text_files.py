"""CSV, TSV and JSON Lines, plain or gzipped, with row numbers in every complaint.

Python's own readers are used, not a data-frame library's, because they tell at which row a file breaks and
never guess types. Rows are counted from 1 without the header.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from spacetune.data.labelled_texts import DataNote
from spacetune.errors import DataError

__all__ = ["LONGEST_FIELD", "read_delimited", "read_json_lines"]

LONGEST_FIELD = 10_000_000
"""Characters in one cell or line above which a file is taken to be broken (an open quote, a binary file)."""


@contextmanager
def _open(path: Path, encoding: str) -> Iterator[IO[str]]:
    """Open as text; turn what can go wrong while reading into a `DataError` that says where."""
    reader = gzip.open if path.suffix.lower() == ".gz" else open
    encoding = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    try:
        with reader(path, "rt", encoding=encoding, newline="") as file:  # pyright: ignore[reportCallIssue, reportArgumentType]
            yield file  # pyright: ignore[reportReturnType]
    except UnicodeDecodeError as error:
        line, byte = _first_bad_line(path, encoding)
        raise DataError(
            f"{path.name} is not {error.encoding.upper()}: byte {byte:#04x} in line {line}; "
            "if it is an older Windows file try --encoding cp1252"
        ) from error
    except LookupError as error:
        raise DataError(f"{encoding!r} is not an encoding Python knows; try utf-8 or cp1252") from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{path.name} is not a whole gzip file: {error}") from error


def _first_bad_line(path: Path, encoding: str) -> tuple[int, int]:
    reader = gzip.open if path.suffix.lower() == ".gz" else open
    with reader(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return number, line[error.start]
    return 0, 0


def read_delimited(
    path: Path, delimiter: str, encoding: str
) -> tuple[dict[str, list[str]], tuple[DataNote, ...]]:
    """Read a CSV or TSV file with a header line into columns of strings.

    Raises
    ------
    DataError
        If the header is missing or doubled, or a row has more or fewer cells than the header.
    """
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        with _open(path, encoding) as file:
            return _read_rows(csv.reader(file, delimiter=delimiter), path.name, delimiter)
    finally:
        csv.field_size_limit(limit)


def _read_rows(reader: Any, name: str, delimiter: str) -> tuple[dict[str, list[str]], tuple[DataNote, ...]]:
    header = [cell.strip() for cell in next(reader, [])]
    if len(set(header)) != len(header):
        raise DataError(f"the header of {name} names a column twice: {', '.join(header)}")
    columns: list[list[str]] = [[] for _ in header]
    blank: list[int] = []
    row = 0
    try:
        for row, cells in enumerate(reader, start=1):
            if not cells:
                blank.append(row)
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"row {row} of {name} has {len(cells)} cells where the header has {len(header)}; "
                    f"put cells that hold {delimiter!r} or line breaks in double quotes"
                )
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
    except csv.Error as error:
        raise DataError(
            f"{name} breaks after row {row}: {error}; one cell may hold {LONGEST_FIELD:,} characters at most. "
            "Is a double quote left open?"
        ) from error
    notes = (DataNote.of("blank", blank, f"lines of {name} are blank and hold no row"),) if blank else ()
    return dict(zip(header, columns, strict=True)), notes


def read_json_lines(path: Path, encoding: str) -> dict[str, list[Any]]:
    """Read one JSON object a line (or one JSON list of objects) into columns; absent keys become None.

    Raises
    ------
    DataError
        If a line is not a JSON object; its number and what is wrong are named.
    """
    records: list[dict[str, Any]] = []
    with _open(path, encoding) as file:
        for number, line in enumerate(_lines(file, path.name), start=1):
            if not line.strip():
                continue
            records.extend(_parse_line(line, number, path.name))
    names = list(dict.fromkeys(name for record in records for name in record))
    return {name: [record.get(name) for record in records] for name in names}


def _lines(file: IO[str], name: str) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_FIELD + 1):
        number += 1
        if len(line) > LONGEST_FIELD:
            raise DataError(
                f"line {number} of {name} is longer than {LONGEST_FIELD:,} characters; one JSON object a line"
            )
        yield line


def _parse_line(line: str, number: int, name: str) -> list[dict[str, Any]]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"line {number} of {name} is not JSON: {error.msg} at character {error.pos + 1}"
        ) from error
    records = record if isinstance(record, list) and number == 1 else [record]
    if not all(isinstance(r, dict) for r in records):
        raise DataError(f'line {number} of {name} must be a JSON object such as {{"text": …, "label": …}}')
    return records
