"""What keeps a store from being used is said once, and is no reason to stop."""

from __future__ import annotations

import logging
from pathlib import Path

__all__ = ["tell_once"]

log = logging.getLogger("spacetune")

_told: set[Path] = set()


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
