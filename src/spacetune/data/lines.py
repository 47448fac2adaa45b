"""Plain text files and standard input: one text a line."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import codecs
import csv
import dataclasses
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from spacetune.data.labelled_texts import DataNote, LabelledTexts
from spacetune.data.reading import read_texts
from spacetune.errors import DataError

__all__ = ["STANDARD_INPUT", "read_lines"]

STANDARD_INPUT = ("-", "/dev/stdin")


def read_lines(source: str, column: str, delimiter: str | None, encoding: str) -> LabelledTexts | None:
    """Read a ``.txt`` file, a pipe or standard input (``-``) as one text a line; None where it is a table.

    A blank line is an empty text. A ``.txt`` file is a table where a delimiter is given or its first line names the
    column of texts.

    Raises `DataError` if it holds nothing, or bytes that are no text.
    """
    plain = source.lower().endswith((".txt", ".txt.gz")) and Path(source).is_file() and not delimiter
    if not plain and source not in STANDARD_INPUT and not _is_pipe(source):
        return None
    name = "standard input" if source in STANDARD_INPUT else Path(source).name
    text = _decoded(_bytes_of(source, name), name, encoding)
    lines = [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]
    if not lines:
        raise DataError(f"{name} is empty; it must hold one text per line")
    if plain and column in _cells(lines[0]):
        return None
    data = read_texts(lines, labelled=False)
    note = DataNote("lines", (), f"{name} is read as one text per line: {len(lines):,} texts")
    return dataclasses.replace(data, source=name, notes=(note, *data.notes))


def _is_pipe(source: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(source).st_mode)
    except (OSError, ValueError):
        return False


def _bytes_of(source: str, name: str) -> bytes:
    if source in STANDARD_INPUT:
        stream: IO[bytes] | None = getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise DataError("standard input is closed; send it one text per line, or name a file")
        return stream.read()
    try:
        with (gzip.open if source.lower().endswith(".gz") else open)(source, "rb") as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} is not a whole gzip file: {error}; download or pack it again") from error


def _decoded(data: bytes, name: str, encoding: str) -> str:
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        usual = codecs.lookup(encoding).name == "utf-8"
        return data.decode(("utf-16" if marked else "utf-8-sig") if usual else encoding)
    except UnicodeError as error:
        raise DataError(f"{name} is not {encoding.upper()}: {error}; say what it is with --encoding") from error
    except LookupError as error:
        raise DataError(f"{encoding!r} is not an encoding Python knows; try utf-8 or cp1252") from error


def _cells(line: str) -> Sequence[str]:
    """Return the cells of a line, whatever separates them."""
    rows = [next(csv.reader([line], delimiter=mark), []) for mark in ",\t;|"]
    return [cell.strip() for row in rows for cell in row]
