r"""Cells that a spreadsheet would run: an apostrophe goes before them in CSV, and is taken away again when it is read.

>>> [guarded(cell) for cell in ("=1+1", "@you", "fine", "-0.5", "+", "'@you")]
["'=1+1", "'@you", 'fine', '-0.5', '+', "''@you"]
>>> [unguarded(cell) for cell in ("'=1+1", "''@you", "'fine'", "=1+1")]
['=1+1', "'@you", "'fine'", '=1+1']
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["guarded", "unguarded"]

NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?", re.ASCII)


def guarded(cell: str) -> str:
    """Return a cell as a spreadsheet may have it: an apostrophe goes before what it would run, guarded or not."""
    return f"'{cell}" if _risky(cell.lstrip("'")) else cell


def unguarded(cell: str) -> str:
    """Return a cell without the apostrophe that `guarded` put before it."""
    return cell[1:] if cell[:1] == "'" and _risky(cell.lstrip("'")) else cell


def _risky(text: str) -> bool:
    """Tell whether the first sign that is seen is one that starts a formula, in any width; a number is none."""
    if NUMBER.fullmatch(text) or len(text) == 1:  # a sign alone is none
        return False
    seen = next((c for c in text if unicodedata.category(c)[0] not in "ZC"), "")
    return text.startswith(("\t", "\r")) or unicodedata.normalize("NFKC", seen)[:1] in tuple("=+-@")
