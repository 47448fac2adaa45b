"""Tables as CSV files, safe to open in a spreadsheet, written whole or not at all."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacetune.errors import SpacetuneError
from spacetune.files import write_file

__all__ = ["safe_cell", "write_csv", "write_text"]


def safe_cell(value: Any) -> Any:
    r"""Put an apostrophe before text that a spreadsheet would run as a formula, whatever unseen stands before it.

    >>> safe_cell("=1+1"), safe_cell("\ufeff ＝1+1"), safe_cell("fine"), safe_cell(-0.5)
    ("'=1+1", "'\ufeff ＝1+1", 'fine', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and _risky(value) else value


def _risky(text: str) -> bool:
    """Tell whether the first sign that is seen is one that starts a formula, in any width."""
    seen = next((c for c in text if unicodedata.category(c)[0] not in "ZC"), "")
    return text.startswith(("\t", "\r")) or unicodedata.normalize("NFKC", seen)[:1] in tuple("=+-@")


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows with a header."""
    text = io.StringIO()
    columns = list(rows[0]) if rows else []
    writer = csv.writer(text)
    writer.writerow([safe_cell(name) for name in columns])
    writer.writerows([safe_cell(row[name]) for name in columns] for row in rows)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Raises `SpacetuneError` if it cannot be written there.
    """
    try:
        write_file(path, text.encode("utf-8", "backslashreplace"))  # half a character has no bytes in UTF-8
    except OSError as error:
        raise SpacetuneError(f"{path} cannot be written: {error.strerror}") from error
