"""Open a text file, plain or gzipped, and say in one sentence why it cannot be read."""

from __future__ import annotations

import codecs
import gzip
import io
import unicodedata
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from spacetune.data.labelled_texts import DataNote
from spacetune.errors import DataError, printable

__all__ = ["LONGEST_FIELD", "MARK", "blank_note", "open_text", "text_lines"]

LONGEST_FIELD = 10_000_000
"""Characters in one cell or line above which a file is taken to be broken (an open quote, a binary file)."""
MARK = "\ufeff"
"""The byte order mark, as a character."""
HEAD = 4096
PACKED = {
    b"\x1f\x8b": "is packed with gzip; let its name end in .gz",
    b"PK\x03\x04": "is a zip file or a spreadsheet; export it as CSV",
    b"PAR1": "is a Parquet file; let its name end in .parquet",
}


@contextmanager
def open_text(path: Path, encoding: str) -> Generator[IO[str]]:
    """Open as text; turn what can go wrong while reading into a `DataError` that says where."""
    name = printable(path.name)
    codec = _codec(encoding)
    try:
        head = _head(path)
        _refuse_other_kinds(head, name, codec)
        with io.TextIOWrapper(_raw(path), encoding=codec, newline="") as file:
            yield file
    except UnicodeError as error:
        raise DataError(f"{name} is not {printable(encoding.upper())}: {_where(path, codec)}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} is not a whole gzip file: {error}; download or pack it again") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from error


def _codec(encoding: str) -> str:
    try:
        found = codecs.lookup(encoding)
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except (LookupError, ValueError) as error:  # also one that turns no bytes into text, as base64
        raise DataError(f"{encoding!r} is not an encoding Python knows; try utf-8 or cp1252") from error
    return "utf-8-sig" if found.name == "utf-8" else encoding


def _raw(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _head(path: Path) -> bytes:
    with _raw(path) as file:
        return file.read(HEAD)


def _refuse_other_kinds(head: bytes, name: str, codec: str) -> None:
    for start, what in PACKED.items():
        if head.startswith(start):
            raise DataError(f"{name} {what}")
    guess = _utf16(head) if codec == "utf-8-sig" else None
    if guess:
        raise DataError(f"{name} looks like UTF-16 without a byte order mark, try --encoding {guess}")


def _utf16(head: bytes) -> str | None:
    """Return the kind of UTF-16 that makes text of bytes which are full of control characters as they stand."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _n_controls(head.decode("latin-1")) < 2:
        return None
    even = head[: len(head) // 2 * 2]
    read = {codec: even.decode(codec, "replace") for codec in ("utf-16-le", "utf-16-be")}
    zeros = head.count(b"\x00") > len(head) / 4
    likely = [
        codec
        for codec, text in read.items()
        if not _n_controls(text) and "\ufffd" not in text[:-1] and (zeros or "\n" in text)
    ]
    return min(likely, key=lambda codec: sum(ord(c) > 0x24F for c in read[codec]), default=None)


def _n_controls(text: str) -> int:
    return sum(unicodedata.category(c) == "Cc" and c not in "\t\r\n" and ord(c) < 128 for c in text)


def _where(path: Path, codec: str) -> str:
    """Say which byte in which line cannot be decoded, and what may help."""
    decoder = codecs.getincrementaldecoder(codec)()
    breaks = 0
    try:
        with _raw(path) as file:
            while block := file.read(1 << 20):
                breaks += decoder.decode(block).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        bad = error.object[error.start : error.start + 1]
        line = breaks + 1 + error.object[: error.start].count(b"\n")
        return f"byte {bad[0] if bad else 0:#04x} in line {line}; {_advice(path, codec, line, bad)}"
    except UnicodeError as error:
        return f"{printable(error)}; {_advice(path, codec, 1, b'')}"
    except (OSError, EOFError, zlib.error):  # damaged as a gzip file too, behind this byte
        pass
    return "its bytes cannot be decoded; say another with --encoding"


def _advice(path: Path, codec: str, line: int, bad: bytes) -> str:
    if codec == "utf-8-sig" and line == 1 and bad in (b"\xfe", b"\xff"):
        return "it looks like UTF-16, try --encoding utf-16"
    if codec == "utf-8-sig":
        return "an older Windows file needs --encoding cp1252"
    head = _head(path)
    guess = _utf16(head)
    if guess:
        return f"try --encoding {guess}"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "say another with --encoding"
    return "it looks like UTF-8, leave --encoding out"


def text_lines(file: IO[str], name: str, hint: str) -> Iterator[str]:
    """Yield the lines of a file, without byte order marks at its start; one without end is an error."""
    number = 0
    while line := file.readline(LONGEST_FIELD + 1):
        number += 1
        if len(line) > LONGEST_FIELD:
            raise DataError(f"line {number} of {name} is longer than {LONGEST_FIELD:,} characters; {hint}")
        yield line.lstrip(MARK) if number == 1 else line


def blank_note(lines: list[int], name: str) -> list[DataNote]:
    """Say which lines are blank and hold no row."""
    what = "line{s} of {file} {are} blank and hold{v} no row"
    return [DataNote.of("blank", lines, what, "line", file=name)] if lines else []
