"""Tables as CSV files, safe to open in a spreadsheet, written whole or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacetune.errors import SpacetuneError

__all__ = ["safe_cell", "write_csv", "write_text"]


def safe_cell(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run as a formula.

    >>> safe_cell("=1+1"), safe_cell("fine"), safe_cell(-0.5)
    ("'=1+1", 'fine', -0.5)
    """
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if risky else value


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows with a header."""
    text = io.StringIO()
    columns = list(rows[0]) if rows else []
    writer = csv.writer(text)
    writer.writerow([safe_cell(name) for name in columns])
    writer.writerows([safe_cell(row[name]) for name in columns] for row in rows)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a text file through a temporary sibling, so that an old file stays until the new one is whole.

    Raises
    ------
    SpacetuneError
        If it cannot be written there.
    """
    unfinished = path.with_name(f".{path.name}.writing")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="")
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise SpacetuneError(f"{path} cannot be written: {error.strerror}") from error
