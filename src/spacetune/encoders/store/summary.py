"""`StoreSummary`: what a store holds."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

from spacetune.encoders.store.holdings import homes_in, leftovers_in, shards_in
from spacetune.results import Result

__all__ = ["StoreSummary", "summarise"]


@dataclasses.dataclass(frozen=True)
class StoreSummary(Result):
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
