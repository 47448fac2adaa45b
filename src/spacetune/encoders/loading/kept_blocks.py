"""Memory that a batch or a training step frees stays with the process for the next one.

Each frees and asks for the same large blocks. By default glibc returns them to the kernel and gets them back page by
page, which costs more than the arithmetic of a batch, and up to half of a training step. Other C libraries are left as
they are.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Generator

__all__ = ["blocks_kept", "keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's parameters: free bytes at the heap's end that are given back, and the least block of its own."""
LARGEST = 32 << 20
"""The largest block on the heap: the most that glibc takes."""
USUAL, KEPT = 64 << 20, 1 << 30
"""Free bytes that are kept: at any time, and while a model is trained."""
CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Whoever sets one of these has chosen how memory is kept."""

_lock = threading.Lock()
_inside = 0


@functools.cache
def keep_freed_memory() -> bool:
    """Keep at most 64 MB that the process has already used once, from now on; return whether it was set."""
    library = _glibc()
    if library is None:
        return False
    with _lock:
        return _keep(library, KEPT if _inside else USUAL)


@contextlib.contextmanager
def blocks_kept() -> Generator[None]:
    """Keep at most 1 GB of freed memory for the next step, and give it back at the end."""
    global _inside
    library = _glibc()
    if library is None:
        yield
        return
    with _lock:
        _inside += 1
        _keep(library, KEPT)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                library.mallopt(TRIM_THRESHOLD, USUAL)
                library.malloc_trim(0)


def _keep(library: ctypes.CDLL, n_bytes: int) -> bool:
    return bool(library.mallopt(MMAP_THRESHOLD, LARGEST)) and bool(library.mallopt(TRIM_THRESHOLD, n_bytes))


def _glibc() -> ctypes.CDLL | None:
    """Return the C library where it is glibc and nobody chose how it keeps memory."""
    if not sys.platform.startswith("linux") or any(os.environ.get(name) for name in CHOSEN):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
