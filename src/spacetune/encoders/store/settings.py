"""Where the store lies and how large it may grow, unless the caller says so."""

from __future__ import annotations

import math
import os
from pathlib import Path

from spacetune.errors import UsageError

__all__ = ["bound", "usual_place"]


def usual_place() -> Path:
    """Return the usual folder, spelt with a tilde where nobody knows whose home it lies in."""
    try:
        return Path.home() / ".cache" / "spacetune"
    except RuntimeError:
        return Path("~") / ".cache" / "spacetune"


def bound() -> int:
    """Return the bytes that a store may take.

    Raises
    ------
    UsageError
        If ``SPACETUNE_CACHE_GB`` is no size.
    """
    given = os.environ.get("SPACETUNE_CACHE_GB")
    if given is None:
        return 20 << 30
    try:
        size = float(given)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise UsageError(f"SPACETUNE_CACHE_GB must be a number of gigabytes above 0, got {given!r}")
    return round(size * 1e9)
