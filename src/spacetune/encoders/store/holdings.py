"""What lies in a store's folder, and which of it is ours to remove: nothing of another user ever goes.

None of these functions raises where a file has gone meanwhile or may not be looked at: it is left out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterable
from pathlib import Path

from spacetune.files import UNFINISHED, clean_leftovers, lock

__all__ = ["LOCKS", "Holding", "clean", "homes_in", "leftovers_in", "remove", "shards_in"]

HOME = re.compile(r"[0-9a-f]{24}")
SHARD = re.compile(r"[0-9a-f]{32}(-[0-9a-f]{8})?\.safetensors")
UNWRITTEN = re.compile(rf"\.(.+)\.[0-9a-f]{{12}}{re.escape(UNFINISHED)}")
LEFTOVER = re.compile(rf"\.tmp\w*|\.[0-9a-f]{{32}}\.safetensors\.\d+|{UNWRITTEN.pattern}")  # the first two: of 0.1
LOCKS = ("encoding.lock", "writing.lock")


@dataclasses.dataclass(frozen=True)
class Holding:
    """A file of the store.

    Parameters
    ----------
    path
        Where.
    n_bytes
        Its size.
    used
        When it was last used.
    ours
        Whether it belongs to who runs this process.
    """

    path: Path
    n_bytes: int
    used: int
    ours: bool


def homes_in(folder: Path) -> list[Path]:
    """Return the folders of features in a store, by name."""
    return [path for path in _names(folder) if HOME.fullmatch(path.name) and os.path.isdir(path)]


def shards_in(home: Path) -> list[Holding]:
    """Return the shards in a folder of features, by name."""
    return _held(path for path in _names(home) if SHARD.fullmatch(path.name))


def leftovers_in(home: Path) -> list[Holding]:
    """Return the unfinished files in a folder of features: of runs that were killed, or that write just now."""
    return _held(path for path in _names(home) if LEFTOVER.fullmatch(path.name))


def clean(home: Path) -> int:
    """Remove what killed runs of ours left, unfinished files and locks; return the bytes freed."""
    freed = 0
    for held in leftovers_in(home):
        unwritten = UNWRITTEN.fullmatch(held.path.name)
        if unwritten is None:
            freed += remove([held])
        elif held.ours and clean_leftovers(home, unwritten[1]):
            freed += held.n_bytes
    for held in _held(home / name for name in LOCKS):
        if held.ours:
            with contextlib.suppress(OSError), lock(held.path):
                pass
    return freed


def remove(holdings: Iterable[Holding]) -> int:
    """Remove those that are ours; return the bytes freed. What cannot go stays."""
    freed = 0
    for held in holdings:
        with contextlib.suppress(OSError):
            if _is_ours(held.path.lstat()):
                held.path.unlink()
                freed += held.n_bytes
    return freed


def _names(folder: Path) -> list[Path]:
    try:
        return sorted(folder / name for name in os.listdir(folder))
    except OSError:
        return []


def _held(paths: Iterable[Path]) -> list[Holding]:
    found: list[Holding] = []
    for path in paths:
        with contextlib.suppress(OSError):
            state = path.lstat()
            found.append(Holding(path, state.st_size, state.st_mtime_ns, _is_ours(state)))
    return found


def _is_ours(state: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or state.st_uid == os.geteuid()  # Windows knows no such owners
