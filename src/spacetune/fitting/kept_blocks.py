"""Memory that training frees stays with the process while it trains.

Every step takes and frees the same large blocks. The C library hands such blocks back to the system and gets them anew,
page by page, which took up to half of a step's time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Generator

__all__ = ["blocks_kept"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's parameters: free bytes at the heap's end that are given back, and the least block of its own."""
KEPT = 1 << 30
LARGEST = 32 << 20
"""The most that glibc takes; by itself it goes up to this, and to twice this for what it gives back."""
CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Whoever sets one of these has chosen how memory is kept."""

_lock = threading.Lock()
_inside = 0


@contextlib.contextmanager
def blocks_kept() -> Generator[None]:
    """Keep up to 1 GB of freed memory for the next step, and give it back at the end; where glibc is in charge."""
    global _inside
    library = _glibc()
    if library is None:
        yield
        return
    with _lock:
        _inside += 1
        library.mallopt(MMAP_THRESHOLD, LARGEST)
        library.mallopt(TRIM_THRESHOLD, KEPT)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                library.mallopt(TRIM_THRESHOLD, 2 * LARGEST)
                library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library where it is glibc and nobody chose how it keeps memory."""
    if not sys.platform.startswith("linux") or any(os.environ.get(name) for name in CHOSEN):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
