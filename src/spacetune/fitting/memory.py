"""Whether a training fits this machine's memory, asked before anything is allocated."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from spacetune.errors import UsageError

__all__ = ["TRAINED", "check_memory", "memory_bytes"]

TRAINED = 6
"""Numbers kept for each one trained: itself, its gradient, two moments of AdamW, the best so far, and one laid out."""

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
UNKNOWN = 16 << 30


def memory_bytes() -> int:
    """Return this machine's memory, or what a container leaves of it; 16 GB where neither is known."""
    sizes = [_installed()]
    for place in LIMITS:
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int(Path(place).read_text()))
    return min(sizes)


def _installed() -> int:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(ImportError):  # Windows, where it comes with spacetune
        import psutil

        return psutil.virtual_memory().total
    return UNKNOWN


def check_memory(needed: int, settings: str) -> None:
    """Refuse what takes more than this machine has.

    Parameters
    ----------
    needed
        Bytes.
    settings
        The settings that decide it, for the message.

    Raises
    ------
    UsageError
        If it does not fit.
    """
    there = memory_bytes()
    if needed > there:
        raise UsageError(
            f"training with {settings} would take about {needed / 1e9:,.1f} GB of memory, and this machine has "
            f"{there / 1e9:,.1f} GB; take smaller ones"
        )
