"""What the files of an encoder's folder state, read as a stranger's: every value is checked before it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from spacetune.errors import EncoderError

__all__ = ["in_one_line", "stated_json", "stated_number", "stated_object"]

LONGEST_FILE = 1 << 24


def stated_json(file: Path) -> Any:
    """Return what a JSON file of an encoder's folder holds.

    Raises
    ------
    EncoderError
        If it cannot be read: not there, not UTF-8, not JSON, nested too deep, numbers or the whole too long.
    """
    try:
        if file.stat().st_size > LONGEST_FILE:
            raise EncoderError(f"{file} is over {LONGEST_FILE >> 20} MB, which no such file of an encoder is")
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(f"{file} cannot be read as JSON: {in_one_line(error)}") from error


def stated_object(file: Path) -> dict[str, Any]:
    """Return what a file with one JSON object holds, by name.

    Raises
    ------
    EncoderError
        If it holds something else.
    """
    found = stated_json(file)
    if not isinstance(found, dict):
        raise EncoderError(f"{file} is not a JSON object")
    return cast("dict[str, Any]", found)


def stated_number(stated: dict[str, Any], name: str, file: Path, least: int, most: int) -> int:
    """Return a whole number that a file states.

    Raises
    ------
    EncoderError
        If it is no whole number, or out of these bounds.
    """
    value = stated.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise EncoderError(f"{file}: {name} must be a whole number from {least} to {most}, got {in_one_line(value)}")
    return value


def in_one_line(words: object, most: int = 200) -> str:
    r"""Return an error or a value in one line, cut where it is long.

    >>> in_one_line("sizes\ndiffer")
    'sizes differ'
    """
    try:
        whole = " ".join((str(words) if isinstance(words, Exception | str) else repr(words)).split())
    except (ValueError, RecursionError):  # a number of thousands of digits; nested too deep
        return f"a {type(words).__name__} too long to show"
    return whole if len(whole) <= most else f"{whole[:most]}…"
