"""Where the store lies and how large it may grow unless the caller says so, and the warning where it cannot be used."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

from spacetune.errors import UsageError
from spacetune.memory import max_memory

__all__ = ["bound", "in_memory", "tell_once", "usual_place"]

log = logging.getLogger("spacetune")

IN_MEMORY, SHARE = 512 << 20, 16
"""Bytes of features that are handed out in memory, and which part of a bound on memory they may be."""

_told: set[Path] = set()


def usual_place() -> Path:
    """Return the usual folder, spelt with a tilde where nobody knows whose home it lies in."""
    try:
        return Path.home() / ".cache" / "spacetune"
    except RuntimeError:
        return Path("~") / ".cache" / "spacetune"


def bound() -> int:
    """Return the bytes that a store may take.

    Raises `UsageError` if ``SPACETUNE_CACHE_GB`` is no size.
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


def in_memory() -> int:
    """Return up to how many bytes features are handed out in memory; larger ones are read from disk batch by batch."""
    limit = max_memory()
    return IN_MEMORY if limit is None else min(IN_MEMORY, limit // SHARE)


def tell_once(folder: Path, error: Exception) -> None:
    """Warn that a store cannot be used, and why: once a process and folder."""
    if folder in _told:
        return
    _told.add(folder)
    log.warning(
        "the cache of features at %s cannot be used (%s): the work goes on without it. Make room or give access there, "
        "or set SPACETUNE_CACHE to another folder or to 'off'",
        folder,
        (error.strerror if isinstance(error, OSError) else None) or error,
    )
