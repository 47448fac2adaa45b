"""Finding texts among the shards of one encoder: opened once, checked before use, the damaged ones named."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from spacetune.encoders.store.holdings import Holding, remove, shards_in
from spacetune.encoders.store.keys import key_of_long
from spacetune.encoders.store.settings import tell_once
from spacetune.encoders.store.shard_files import read_shard
from spacetune.encoders.store.shards import Shard
from spacetune.errors import FeatureStoreError

__all__ = ["Found", "Reader", "locate", "touch"]

log = logging.getLogger("spacetune")

Places = dict[bytes, tuple[int, int]]
"""For every text that is there, which shard and which text of it."""


@dataclasses.dataclass(frozen=True)
class Found:
    """Shards, and where texts are in them."""

    shards: list[Shard]
    places: Places

    @property
    def used(self) -> list[Shard]:
        """The shards that hold any of the texts."""
        return [self.shards[i] for i in sorted({shard for shard, _ in self.places.values()})]


def locate(shards: list[Shard], keys: Sequence[bytes], max_windows: int) -> Found:
    """Look texts up by their keys; one longer than a window is known by the number of windows read, too."""
    index: Places = {}
    for n, shard in enumerate(shards):
        index |= {key: (n, i) for i, key in enumerate(shard.keys)}
    places: Places = {}
    for key in keys:
        place = index.get(key) or index.get(key_of_long(key, max_windows))
        if place is not None:
            places[key] = place
    return Found(shards, places)


class Reader:
    """The open shards of the store in a folder; damaged ones of ours are removed, those of others left alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, Shard] = {}
        self._set_aside: set[Path] = set()
        self._damaged: list[tuple[str, list[Holding]]] = []

    def find(self, home: Path, keys: Sequence[bytes], layers: tuple[int, ...], max_windows: int) -> Found:
        """Return the texts that are stored with these layers, in shards that are whole."""
        while True:
            shards = [shard for shard in self._opened(home) if set(layers) <= set(shard.layers)]
            found = locate(shards, keys, max_windows)
            damaged = [shard for shard in found.used if not self._is_whole(shard)]
            if not damaged:
                return found

    def open(self, path: Path) -> Shard:
        """Open a shard that was just written, and read all of it back.

        Raises `FeatureStoreError` if the disk gives back something else; `OSError` if it cannot be opened.
        """
        shard = read_shard(path)
        shard.check()
        self._open[path] = shard
        return shard

    def name_damaged(self) -> None:
        """Remove what was found damaged since the last time, now that nothing reads it, and warn of it once."""
        damaged, self._damaged = self._damaged, []
        remove(held for _, ours in damaged for held in ours)
        if damaged:
            names = ", ".join(name for name, _ in damaged[:3]) + (f" and {len(damaged) - 3} more" * (len(damaged) > 3))
            others = "" if all(ours for _, ours in damaged) else " (files of other users stay where they are)"
            log.warning("cached features are damaged: %s; they are encoded again%s", names, others)

    def _opened(self, home: Path) -> list[Shard]:
        """Open what is there; once more from the start where another process took shards away meanwhile."""
        for last in (False, True):
            gone, shards = False, dict[Path, Shard]()
            for held in shards_in(home):
                try:
                    shard = self._shard(held)
                except FileNotFoundError:
                    gone = True
                    continue
                if shard is not None:
                    shards[held.path] = shard
            if last or not gone:
                break
        self._open = {path: shard for path, shard in self._open.items() if path.parent != home} | shards
        return list(shards.values())

    def _shard(self, held: Holding) -> Shard | None:
        if held.path in self._set_aside:
            return None
        try:
            return self._open.get(held.path) or read_shard(held.path)
        except FeatureStoreError as error:
            self._discard(held.path, error)
        except FileNotFoundError:
            raise
        except OSError as error:
            if held.ours or not isinstance(error, PermissionError):  # what others keep to themselves is no fault
                tell_once(self._folder, error)
        return None

    def _is_whole(self, shard: Shard) -> bool:
        try:
            shard.check()
        except FeatureStoreError as error:
            assert shard.path is not None
            self._discard(shard.path, error)
            return False
        return True

    def _discard(self, path: Path, error: FeatureStoreError) -> None:
        self._set_aside.add(path)
        ours = [held for held in shards_in(path.parent) if held.path == path and held.ours]
        self._open.pop(path, None)
        self._damaged.append((f"{path} ({error})", ours))

    def remove(self, holdings: Sequence[Holding]) -> int:
        """Remove shards, which are let go first; return the bytes freed. What is in use elsewhere may stay."""
        for held in holdings:
            self._open.pop(held.path, None)
        return remove(holdings)


def touch(shards: Sequence[Shard]) -> None:
    """Note that shards were used: those that were not for longest go first."""
    for shard in shards:
        if shard.path is not None:
            with contextlib.suppress(OSError):
                os.utime(shard.path)
