"""Several processes at one store: who encodes holds a lock, and the others wait while that brings them features.

A lock is never the reason of a failure or of a standstill: it ends with its process, and who cannot have it in time
goes on without.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path

from spacetune.encoders.store.holdings import shards_in
from spacetune.files import Busy, lock

__all__ = ["turn_to_encode", "turn_to_write"]

log = logging.getLogger("spacetune")

PATIENCE = 60.0
"""Seconds without a new shard after which a waiting process encodes beside the other."""
TELL_AFTER = 2.0
STEP = 0.1

_impatient: set[Path] = set()


@contextlib.contextmanager
def turn_to_encode(home: Path, count_missing: Callable[[], int]) -> Generator[None]:
    """Hold the lock of those who encode with this encoder, or wait as long as the holder stores what is missing.

    `home` is the folder of the encoder's features, which exists; `count_missing` says how many texts are not stored
    yet.
    """
    held = contextlib.ExitStack()
    try:
        if not _take(held, home / "encoding.lock") and home not in _impatient:
            _wait(held, home, count_missing)
        yield
    finally:
        with contextlib.suppress(OSError):
            held.close()


@contextlib.contextmanager
def turn_to_write(home: Path, patience: float = PATIENCE) -> Generator[None]:
    """Hold the lock of those who write into this folder: for a moment each.

    Raises `Busy` if somebody else holds it for so many seconds.
    """
    held = contextlib.ExitStack()
    start = time.monotonic()
    while not _take(held, home / "writing.lock"):
        if time.monotonic() - start >= patience:
            raise Busy("another process is writing there")
        time.sleep(STEP)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            held.close()


def _take(held: contextlib.ExitStack, path: Path) -> bool:
    """Take a lock; return False where another has it. Where there can be none, none is needed."""
    try:
        held.enter_context(lock(path))
    except Busy:
        return False
    except OSError as error:
        log.debug("%s cannot be locked: %s", path, error)
    return True


def _wait(held: contextlib.ExitStack, home: Path, count_missing: Callable[[], int]) -> None:
    start = last = time.monotonic()
    missing, seen, told = count_missing(), _state(home), False
    while missing and not _take(held, home / "encoding.lock"):
        now = time.monotonic()
        if now - start > TELL_AFTER and not told:
            told = True
            log.warning("another process encodes with the same encoder: waiting for the features that it stores")
        if now - last > PATIENCE:
            _impatient.add(home)
            return
        time.sleep(STEP)
        if (state := _state(home)) != seen:
            before, missing = missing, count_missing()
            if missing == before:  # it encodes other texts
                return
            seen, last = state, now


def _state(home: Path) -> frozenset[str]:
    return frozenset(os.path.basename(held.path) for held in shards_in(home))
