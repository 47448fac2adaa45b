"""Many small shards of one encoder become few large ones: the merged one is there before the small ones go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spacetune.encoders.store.holdings import Holding, remove, shards_in
from spacetune.encoders.store.shard_files import SMALL, read_shard, write_shard
from spacetune.encoders.store.shards import Shard, join
from spacetune.encoders.store.turns import turn_to_write
from spacetune.errors import FeatureStoreError

__all__ = ["merge_small"]

MANY = 64
"""Small shards that may lie beside each other."""
LARGE = 128 << 20


def merge_small(home: Path) -> frozenset[Path]:
    """Merge the small shards of a folder where there are many; return the new ones.

    Raises `OSError` if a merged shard cannot be written, or another process writes just now: the small ones stay.
    """
    made: list[Path] = []
    if len(_small(home)) > MANY:
        with turn_to_write(home, patience=0):
            for group in _groups(_small(home)):
                path = write_shard(home, _each_once([shard for _, shard in group]))
                if remove(held for held, _ in group):
                    made.append(path)
                else:  # they cannot go: better small than twice
                    path.unlink()
    return frozenset(made)


def _small(home: Path) -> list[Holding]:
    return [held for held in shards_in(home) if held.ours and held.n_bytes < SMALL]


def _groups(small: Sequence[Holding]) -> list[list[tuple[Holding, Shard]]]:
    """Put whole shards of the same layers together, up to a large one's size; damaged ones are left out."""
    groups: list[list[tuple[Holding, Shard]]] = []
    filling: dict[tuple[int, ...], int] = {}
    sizes: list[int] = []
    for held in small:
        try:
            shard = read_shard(held.path)
            shard.check()
        except (OSError, FeatureStoreError):
            continue
        at = filling.get(shard.layers)
        if at is None or sizes[at] + held.n_bytes > LARGE:
            at = filling[shard.layers] = len(groups)
            groups.append([])
            sizes.append(0)
        groups[at].append((held, shard))
        sizes[at] += held.n_bytes
    return [group for group in groups if len(group) > 1]


def _each_once(shards: Sequence[Shard]) -> Shard:
    """Join shards; a text that is in several is kept once."""
    seen: set[bytes] = set()
    parts: list[Shard] = []
    for shard in shards:
        new = [i for i, key in enumerate(shard.keys) if key not in seen and not seen.add(key)]
        if new:
            parts.append(shard.only(new))
    return join(parts)
