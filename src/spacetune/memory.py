"""How much memory the process may hold: what is kept in it is less, and work beyond it ends as by Ctrl-C."""

from __future__ import annotations

import _thread
import contextlib
import os
import re
import signal
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

from spacetune.errors import TooMuchMemory, UsageError

__all__ = ["ended_beyond", "held_bytes", "max_memory", "read_size"]

VARIABLE = "SPACETUNE_MAX_MEMORY"
"""Environment variable of the bound: a number of gigabytes, or one with MB or GB behind it."""
MOST = 1e18
EVERY = 0.05
"""Seconds from one look to the next."""
SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(GB|MB|)", re.IGNORECASE)


def read_size(given: str) -> int:
    """Return the bytes that a text such as ``2``, ``1.5GB`` or ``800MB`` names; a number alone is gigabytes.

    Raises `UsageError` if it names no size.

    >>> read_size("1.5GB"), read_size("800 mb"), read_size("2")
    (1500000000, 800000000, 2000000000)
    """
    found = SIZE.fullmatch(given.strip())
    size = float(found[1]) * (1e6 if found[2].upper() == "MB" else 1e9) if found else 0.0
    if not 1 <= size < MOST:
        told = f"{given!r:.60}"
        raise UsageError(
            f"--max-memory, or {VARIABLE}, must be a number of gigabytes above 0, or one with MB or GB; got {told}"
        )
    return round(size)


def max_memory() -> int | None:
    """Return the bytes that the process may hold by ``SPACETUNE_MAX_MEMORY``; None where there is no bound.

    Raises `UsageError` if it is no size.
    """
    given = os.environ.get(VARIABLE)
    return read_size(given) if given else None


@contextlib.contextmanager
def ended_beyond(given: str | None) -> Generator[list[str]]:
    """Raise `TooMuchMemory` in the main thread, once, where the process holds more than a size; give what came of it.

    Parameters
    ----------
    given
        The size; while it is watched, `max_memory` returns it too. None is ``SPACETUNE_MAX_MEMORY``, or no bound.

    Raises
    ------
    UsageError
        If it is no size, or what the process holds cannot be read on this system.
    """
    came: list[str] = []
    before = os.environ.get(VARIABLE)
    if given is not None:
        os.environ[VARIABLE] = given
    try:
        limit = max_memory()
        if limit is not None and threading.current_thread() is threading.main_thread():
            held_bytes()
            with _watched(limit, came):
                yield came
        else:
            yield came
    finally:
        os.environ.pop(VARIABLE, None)
        os.environ.update({} if before is None else {VARIABLE: before})


@contextlib.contextmanager
def _watched(limit: int, came: list[str]) -> Generator[None]:
    done, pending, usual = threading.Event(), list[str](), signal.getsignal(signal.SIGINT)

    def end(number: int, frame: Any) -> None:
        if pending:
            raise TooMuchMemory(pending.pop())
        if callable(usual):  # Ctrl-C is what it was
            usual(number, frame)

    def watch() -> None:
        while not done.wait(EVERY):
            if (held := held_bytes()) > limit:
                came.append(f"--max-memory ({held / 1e9:.3g} GB are held, {limit / 1e9:.3g} allowed)")
                pending.append(came[0])
                _thread.interrupt_main()
                return

    watcher = threading.Thread(target=watch, name="spacetune-memory", daemon=True)
    signal.signal(signal.SIGINT, end)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        signal.signal(signal.SIGINT, usual)


def held_bytes() -> int:
    """Return the bytes of memory that this process holds now (its resident set).

    Raises `UsageError` where neither the system's files nor psutil, which comes with spacetune elsewhere, tell.
    """
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import psutil
    except ImportError as error:
        raise UsageError("memory can be watched here only with psutil: pip install psutil") from error
    return psutil.Process().memory_info().rss
