"""What lies in a store's folder, in sum and file by file, and which of it is ours to remove: nothing of others goes.

None of these functions raises where a file has gone meanwhile or may not be looked at: it is left out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacetune.files import UNFINISHED, clean_leftovers, lock
from spacetune.results import TableResult

__all__ = ["Holding", "StoreSummary", "clean", "homes_in", "leftovers_in", "remove", "shards_in", "summarise"]

HOME = re.compile(r"[0-9a-f]{24}")
SHARD = re.compile(r"[0-9a-f]{32}(-[0-9a-f]{8})?\.safetensors")
UNWRITTEN = re.compile(rf"\.(.+)\.[0-9a-f]{{12}}{re.escape(UNFINISHED)}")
LEFTOVER = re.compile(rf"\.tmp\w*|\.[0-9a-f]{{32}}\.safetensors\.\d+|{UNWRITTEN.pattern}")  # the first two: of 0.1
LOCKS = ("encoding.lock", "writing.lock")


@dataclasses.dataclass(frozen=True)
class Holding:
    """A file of the store: when it was last used, and whether it belongs to who runs this process (`ours`)."""

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


@dataclasses.dataclass(frozen=True)
class StoreSummary(TableResult):
    """What a store holds: its folder, bound, size, and one row an encoder and setting.

    Unfinished files, of runs that write just now or were killed, count in the bytes.
    """

    folder: str
    max_bytes: int
    n_bytes: int
    n_shards: int
    encoders: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row an encoder and setting."""
        return list(self.encoders)


def summarise(folder: Path, max_bytes: int) -> StoreSummary:
    """Say what lies in a store's folder, without opening the features."""
    rows = [_row(home) for home in homes_in(folder)]
    return StoreSummary(
        folder=str(folder),
        max_bytes=max_bytes,
        n_bytes=sum(row["bytes"] for row in rows),
        n_shards=sum(row["shards"] for row in rows),
        encoders=tuple(row for row in rows if row["bytes"]),
    )


def _row(home: Path) -> dict[str, Any]:
    name = home.name
    with contextlib.suppress(OSError, ValueError):
        name = (home / "about.txt").read_text(encoding="utf-8").strip() or name
    shards = shards_in(home)
    n_bytes = sum(held.n_bytes for held in [*shards, *leftovers_in(home)])
    return {"encoder": name, "shards": len(shards), "bytes": n_bytes}
