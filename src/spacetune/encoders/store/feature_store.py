"""`FeatureStore`: encode a text once, find its features again by content.

Every text is known by a hash of its characters, so shuffled folds, other splits and other methods all hit. A run of
texts is written as one shard as soon as it is encoded: an interrupted run goes on where it stopped. Least recently
used shards go when the store grows over its bound.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
import math
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spacetune.encoders.encoder import Encoder, Layers
from spacetune.encoders.store.shards import Form, Shard, read_shard, write_shard
from spacetune.encoders.store.stored_features import StoredFeatures
from spacetune.encoders.token_features import FeatureSource, TokenFeatures
from spacetune.encoders.tokenizing import TextInput, as_inputs
from spacetune.errors import DataError, FeatureStoreError, UsageError
from spacetune.results import Result

__all__ = ["FeatureStore", "StoreSummary", "default_store"]

log = logging.getLogger("spacetune")

IN_MEMORY = 512 << 20
"""Features up to this size are handed out in memory; larger ones are read from disk a batch at a time."""


@dataclasses.dataclass(frozen=True)
class StoreSummary(Result):
    """What a store holds: its folder, bound, size, and one row an encoder and setting."""

    folder: str
    max_bytes: int
    n_bytes: int
    n_shards: int
    encoders: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row an encoder and setting."""
        return list(self.encoders)


class FeatureStore:
    """A folder of token features.

    Parameters
    ----------
    folder
        Where; None is ``$SPACETUNE_CACHE``, else ``~/.cache/spacetune``.
    max_bytes
        Bound of its size; the least recently used shards go first, those in use stay. None is
        ``$SPACETUNE_CACHE_GB`` times 10⁹, else 20 · 2³⁰.
    form
        ``full``, or ``int8``: half the size of bfloat16 at a small loss.

    Examples
    --------
    >>> import tempfile
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> encoder = Encoder.from_pretrained(dtype="float32")
    >>> store.encode(encoder, ["a text", "another", "a text"])
    TokenFeatures(3 texts, 11 tokens, 1 layer(s) of 384, float32)
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, max_bytes: int | None = None, form: Form = "full"
    ) -> None:
        place = folder or os.environ.get("SPACETUNE_CACHE") or Path.home() / ".cache" / "spacetune"
        self.folder = Path(place) / "features"
        self.max_bytes = _bound() if max_bytes is None else max_bytes
        self.form: Form = form
        self._open: dict[Path, Shard] = {}

    def __sklearn_clone__(self) -> FeatureStore:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FeatureStore:
        return self

    def encode(
        self, encoder: Encoder, texts: Any, *, layers: Layers = -1, progress: bool | None = None
    ) -> FeatureSource:
        """Return features of texts, from disk where they are, encoding and keeping the rest.

        Parameters
        ----------
        encoder
            The encoder.
        texts
            Strings or pairs of strings.
        layers
            Which layers' states.
        progress
            Whether to show a bar.

        Returns
        -------
        FeatureSource
            `TokenFeatures` up to 512 MB, else `StoredFeatures`, which reads batches from disk.

        Raises
        ------
        DataError
            If there are no texts.
        FeatureStoreError
            If the folder cannot be written.
        """
        inputs = as_inputs(texts)
        if not inputs:
            raise DataError("there are no texts to encode")
        chosen = encoder.resolve_layers(layers)
        keys = [_key(row) for row in inputs]
        shards, places = self._find(encoder, keys, chosen)
        missing = {key: row for key, row, place in zip(keys, inputs, places, strict=True) if place is None}
        if missing:
            self._encode(encoder, missing, chosen, progress)
            shards, places = self._find(encoder, keys, chosen)
        known = [place for place in places if place is not None]
        if len(known) < len(places):
            raise FeatureStoreError(
                f"{self.folder} lost features while they were written; is another program clearing it?"
            )
        found = self._gather(encoder, shards, known, chosen)
        if not self._all_whole(found.shards):
            return self.encode(encoder, inputs, layers=layers, progress=progress)
        self._warn_if_large(found)
        self.prune(keep=frozenset(shard.path for shard in found.shards))
        return found.take(torch.arange(len(found))) if found.n_bytes <= IN_MEMORY else found

    def summary(self) -> StoreSummary:
        """Say what the store holds, without opening the features."""
        kinds = sorted(p for p in self.folder.glob("*") if p.is_dir())
        rows = [_row(kind) for kind in kinds]
        return StoreSummary(
            folder=str(self.folder),
            max_bytes=self.max_bytes,
            n_bytes=sum(row["bytes"] for row in rows),
            n_shards=sum(row["shards"] for row in rows),
            encoders=tuple(row for row in rows if row["shards"]),
        )

    def clear(self) -> int:
        """Remove all features; return how many bytes that frees."""
        return self._remove(list(self.folder.glob("*/*.safetensors")))

    def prune(self, keep: frozenset[Path] = frozenset()) -> int:
        """Remove the least recently used shards until the store fits its bound; return the bytes freed."""
        shards = sorted(self.folder.glob("*/*.safetensors"), key=lambda p: p.stat().st_mtime)
        over = sum(p.stat().st_size for p in shards) - self.max_bytes
        gone: list[Path] = []
        for path in shards:
            if over <= 0:
                break
            if path not in keep:
                over -= path.stat().st_size
                gone.append(path)
        return self._remove(gone)

    def _remove(self, paths: Sequence[Path]) -> int:
        freed = 0
        for path in paths:
            freed += path.stat().st_size
            self._open.pop(path, None)
            path.unlink()
        return freed

    def _home(self, encoder: Encoder) -> Path:
        settings = encoder.provenance(()), encoder.tokenizer_fingerprint, self.form
        about = f"windows {settings[0].sha256} {settings[0].dtype} {settings[0].max_length} {settings[1]} {settings[2]}"
        return self.folder / hashlib.sha256(about.encode()).hexdigest()[:24]

    def _find(
        self, encoder: Encoder, keys: Sequence[bytes], layers: tuple[int, ...]
    ) -> tuple[list[Shard], list[tuple[int, int] | None]]:
        """Return the shards that have these layers, and where each text's features are in them."""
        shards, index = self._index(encoder, layers)
        found = (index.get(key) or index.get(_key_of_long(key, encoder.max_windows)) for key in keys)
        return shards, list(found)

    def _index(self, encoder: Encoder, layers: tuple[int, ...]) -> tuple[list[Shard], dict[bytes, tuple[int, int]]]:
        """Open the shards that have these layers; unreadable ones are named, removed, and so made anew."""
        shards: list[Shard] = []
        index: dict[bytes, tuple[int, int]] = {}
        for path in sorted(self._home(encoder).glob("*.safetensors")):
            try:
                shard = self._open[path] if path in self._open else read_shard(path)
            except FeatureStoreError as error:
                self._discard(path, error)
                continue
            self._open[path] = shard
            if set(layers) <= set(shard.layers):
                index |= {row.tobytes(): (len(shards), i) for i, row in enumerate(shard.hashes)}
                shards.append(shard)
        return shards, index

    def _warn_if_large(self, found: StoredFeatures) -> None:
        size = sum(shard.path.stat().st_size for shard in found.shards)
        if size > self.max_bytes:
            log.warning(
                "the features of these texts take %.3g GB, the store's bound is %.3g GB: they stay while in use and "
                "push all others out; set SPACETUNE_CACHE_GB higher to keep more",
                size / 1e9,
                self.max_bytes / 1e9,
            )

    def _all_whole(self, shards: Sequence[Shard]) -> bool:
        """Check the shards about to be used; damaged ones are named and removed, and so made anew."""
        damaged = 0
        for shard in shards:
            try:
                shard.check()
            except FeatureStoreError as error:
                damaged += 1
                self._discard(shard.path, error)
        return not damaged

    def _discard(self, path: Path, error: FeatureStoreError) -> None:
        log.warning("%s; they are encoded again", error)
        self._open.pop(path, None)
        path.unlink(missing_ok=True)

    def _encode(
        self, encoder: Encoder, missing: dict[bytes, TextInput], layers: tuple[int, ...], progress: bool | None
    ) -> None:
        home = self._home(encoder)
        home.mkdir(parents=True, exist_ok=True)
        (home / "about.txt").write_text(f"{encoder.name}, {encoder.dtype}, {encoder.max_length} tokens at a time\n")
        keys = np.frombuffer(b"".join(missing), dtype=np.uint8).reshape(-1, 16)
        start = 0
        for part in encoder.encode_runs(list(missing.values()), layers=layers, progress=progress):
            stop = start + len(part)
            known_by = _mark_long(keys[start:stop].copy(), part, encoder)
            write_shard(home / f"{uuid.uuid4().hex}.safetensors", part, known_by, self.form)
            start = stop

    def _gather(
        self, encoder: Encoder, shards: list[Shard], places: list[tuple[int, int]], layers: tuple[int, ...]
    ) -> StoredFeatures:
        used = sorted({shard for shard, _ in places})
        number = {shard: i for i, shard in enumerate(used)}
        cut = sum(bool(shards[shard].truncated[text]) for shard, text in places)
        return StoredFeatures(
            [shards[shard] for shard in used],
            [(number[shard], text) for shard, text in places],
            layers,
            encoder.provenance(layers, cut),
        )


def _key(row: TextInput) -> bytes:
    joined = row if isinstance(row, str) else f"{len(row[0])}\x1f{row[0]}{row[1]}"
    kind = b"text" if isinstance(row, str) else b"pair"
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16, person=kind).digest()


def _key_of_long(key: bytes, max_windows: int) -> bytes:
    """Return what a text is known by that needs more than one window: what was read depends on their number."""
    return hashlib.blake2b(key, digest_size=16, person=b"windows", salt=max_windows.to_bytes(8, "big")).digest()


def _mark_long(keys: np.ndarray, part: TokenFeatures, encoder: Encoder) -> np.ndarray:
    """Change the keys of texts longer than a window; all others are the same for any number of windows."""
    assert part.truncated is not None
    for i in ((part.lengths > encoder.max_length) | part.truncated).nonzero().flatten().tolist():
        keys[i] = np.frombuffer(_key_of_long(keys[i].tobytes(), encoder.max_windows), dtype=np.uint8)
    return keys


def _row(kind: Path) -> dict[str, Any]:
    about = kind / "about.txt"
    shards = list(kind.glob("*.safetensors"))
    return {
        "encoder": about.read_text().strip() if about.is_file() else kind.name,
        "shards": len(shards),
        "bytes": sum(p.stat().st_size for p in shards),
    }


def _bound() -> int:
    given = os.environ.get("SPACETUNE_CACHE_GB")
    if given is None:
        return 20 << 30
    try:
        size = float(given)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise UsageError(f"SPACETUNE_CACHE_GB must be a number of gigabytes above 0, got {given!r}")
    return round(size * 1e9)


@functools.cache
def _store_at(folder: str | None) -> FeatureStore:
    return FeatureStore(folder)


def default_store() -> FeatureStore | None:
    """Return the store that estimators share, or None where ``SPACETUNE_CACHE=off``."""
    place = os.environ.get("SPACETUNE_CACHE")
    return None if place == "off" else _store_at(place)
