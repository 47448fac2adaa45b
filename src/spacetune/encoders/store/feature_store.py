"""`FeatureStore`: encode a text once, find its features again by content.

Every text is known by a hash of its characters, so shuffled folds, other splits and other methods all hit. A run of
texts is written as one shard as soon as it is encoded: an interrupted run goes on where it stopped. Least recently
used shards go when the store grows over its bound.

The store is an aid: where it cannot be read or written, a warning says so once, and the work goes on without it.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import torch

from spacetune.encoders.encoder import Encoder
from spacetune.encoders.layers import Layers
from spacetune.encoders.store.holdings import (
    Holding,
    StoreSummary,
    clean,
    homes_in,
    leftovers_in,
    shards_in,
    summarise,
)
from spacetune.encoders.store.keys import home_name, mark_long, text_key
from spacetune.encoders.store.merging import merge_small
from spacetune.encoders.store.reading import Found, Reader, locate, touch
from spacetune.encoders.store.room import check_room
from spacetune.encoders.store.settings import bound, in_memory, tell_once, usual_place
from spacetune.encoders.store.shard_files import write_shard
from spacetune.encoders.store.shards import Form, Shard, make_shard
from spacetune.encoders.store.stored_features import StoredFeatures
from spacetune.encoders.store.turns import turn_to_encode, turn_to_write
from spacetune.encoders.token_features import FeatureSource
from spacetune.encoders.tokenizing import TextInput, as_inputs
from spacetune.errors import DataError, FeatureStoreError, UsageError
from spacetune.files import write_file

__all__ = ["FeatureStore", "default_store"]

log = logging.getLogger("spacetune")


class FeatureStore:
    """A folder of token features.

    Nothing that goes wrong there ends the work: a warning says it once, and the texts are encoded without the store.
    Files of other users are read where that is allowed, and never removed.

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
    TokenFeatures(3 texts, 11 tokens, 1 layer of 384, float32)
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, max_bytes: int | None = None, form: Form = "full"
    ) -> None:
        if form not in get_args(Form):
            raise UsageError(f"form must be 'full' or 'int8', got {form!r}")
        place = Path(folder or os.environ.get("SPACETUNE_CACHE") or usual_place())
        self.folder = place / "features"
        self._homeless = place.parts[0] == "~"
        self.max_bytes = bound() if max_bytes is None else max_bytes
        self.form: Form = form
        self._reader = Reader(self.folder)
        self._cleaned = False

    def __sklearn_clone__(self) -> FeatureStore:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FeatureStore:
        return self

    def __getstate__(self) -> dict[str, Any]:  # what is open stays behind
        return self.__dict__ | {"_reader": Reader(self.folder)}

    def encode(
        self, encoder: Encoder, texts: object, *, layers: Layers = -1, progress: bool | None = None
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
            If there are many, and the disk has no room for their features.
        """
        inputs = as_inputs(texts)
        if not inputs:
            raise DataError("there are no texts to encode")
        chosen = encoder.resolve_layers(layers)
        keys = [text_key(row) for row in inputs]
        self._clean_once()
        home = self.folder / home_name(encoder, self.form)
        found = self._find(home, keys, chosen, encoder)
        if len(found.places) < len(set(keys)):
            shards = self._complete(home, encoder, dict(zip(keys, inputs, strict=True)), chosen, progress)
            found = locate(shards, keys, encoder.max_windows)
        self._reader.name_damaged()
        features = _gather(encoder, found, keys, chosen)
        self._warn_if_large(found.used)
        self._tidy(home, found.used)
        return features.take(torch.arange(len(features))) if features.n_bytes <= in_memory() else features

    def summary(self) -> StoreSummary:
        """Say what the store holds, without opening the features."""
        return summarise(self.folder, self.max_bytes)

    def clear(self) -> int:
        """Remove all features, and what killed runs left; return how many bytes that frees.

        Files of other users stay, and so does what cannot be removed; `summary` shows them.
        """
        homes = homes_in(self.folder)
        return sum(map(clean, homes)) + self._reader.remove([held for home in homes for held in shards_in(home)])

    def prune(self, keep: frozenset[Path] = frozenset()) -> int:
        """Remove the least recently used shards until ours fit the bound; return the bytes freed."""
        homes = homes_in(self.folder)
        shards = sorted((held for home in homes for held in shards_in(home) if held.ours), key=lambda held: held.used)
        left = sum(held.n_bytes for home in homes for held in leftovers_in(home) if held.ours)
        over = left + sum(held.n_bytes for held in shards) - self.max_bytes
        gone: list[Holding] = []
        for held in shards:
            if over > 0 and held.path not in keep:
                over -= held.n_bytes
                gone.append(held)
        return self._reader.remove(gone)

    def _find(self, home: Path, keys: Sequence[bytes], layers: tuple[int, ...], encoder: Encoder) -> Found:
        return self._reader.find(home, keys, layers, encoder.max_windows)

    def _complete(
        self,
        home: Path,
        encoder: Encoder,
        wanted: dict[bytes, TextInput],
        layers: tuple[int, ...],
        progress: bool | None,
    ) -> list[Shard]:
        """Encode what is missing; return shards that hold all texts, in memory alone where they cannot be kept."""

        def count_missing() -> int:
            return len(wanted) - len(self._find(home, list(wanted), layers, encoder).places)

        storing = self._prepare(home, encoder)

        def keep(keys: list[bytes], shard: Shard) -> list[Shard]:
            nonlocal storing
            kept = self._keep(home, keys, shard, encoder) if storing else None
            storing = kept is not None
            return [shard] if kept is None else kept

        with turn_to_encode(home, count_missing) if storing else contextlib.nullcontext():
            found = self._find(home, list(wanted), layers, encoder)
            shards, missing = found.used, [key for key in wanted if key not in found.places]
            texts = [wanted[key] for key in missing]
            if storing:
                check_room(home, encoder, texts, layers, self.form)
            start, written = 0, Future[list[Shard]]()
            written.set_result([])
            with ThreadPoolExecutor(1) as writer:  # one run is written while the next is encoded
                for part in encoder.encode_runs(texts, layers=layers, progress=progress):
                    keys = missing[start : start + len(part)]
                    start += len(part)
                    shard = make_shard(part, mark_long(keys, part, encoder), self.form)
                    shards += written.result()
                    written = writer.submit(keep, keys, shard)
                shards += written.result()
        return shards

    def _prepare(self, home: Path, encoder: Encoder) -> bool:
        """Make the folder of this encoder's features; return whether there is one."""
        about = f"{encoder.name}, {encoder.dtype}, {encoder.max_length} tokens at a time\n"
        try:
            if self._homeless:
                raise OSError("there is no home directory")
            home.mkdir(parents=True, exist_ok=True)
            if not (home / "about.txt").exists():
                write_file(home / "about.txt", about.encode("utf-8", "replace"))
        except OSError as error:
            tell_once(self.folder, error)
            return False
        return True

    def _keep(self, home: Path, keys: list[bytes], shard: Shard, encoder: Encoder) -> list[Shard] | None:
        """Store what nobody stored meanwhile; return shards on disk that hold these texts, None where it failed."""
        try:
            with turn_to_write(home):
                there = self._find(home, keys, shard.layers, encoder)
                new = [i for i, key in enumerate(keys) if key not in there.places]
                path = write_shard(home, shard if len(new) == len(keys) else shard.only(new)) if new else None
            return there.used if path is None else [*there.used, self._reader.open(path)]
        except (OSError, FeatureStoreError) as error:
            tell_once(self.folder, error)
            return None

    def _clean_once(self) -> None:
        if not self._cleaned:
            self._cleaned = True
            with contextlib.suppress(OSError):
                for home in homes_in(self.folder):
                    clean(home)

    def _tidy(self, home: Path, used: list[Shard]) -> None:
        """Note what was used, merge many small shards, and keep to the bound."""
        touch(used)
        keep = frozenset(shard.path for shard in used if shard.path is not None)
        try:
            keep |= merge_small(home)
        except OSError as error:
            log.debug("small shards in %s stay as they are: %s", home, error)
        with contextlib.suppress(OSError):
            self.prune(keep)

    def _warn_if_large(self, shards: list[Shard]) -> None:
        size = sum(shard.n_bytes for shard in shards if shard.path is not None)
        if size > self.max_bytes:
            log.warning(
                "the features of these texts take %.3g GB, the store's bound is %.3g GB: they stay while in use and "
                "push all others out; set SPACETUNE_CACHE_GB higher to keep more",
                size / 1e9,
                self.max_bytes / 1e9,
            )


def _gather(encoder: Encoder, found: Found, keys: list[bytes], layers: tuple[int, ...]) -> StoredFeatures:
    """Put together where every text's features are, equal texts included."""
    places = [found.places[key] for key in keys]
    number = {shard: i for i, shard in enumerate(sorted({shard for shard, _ in places}))}
    cut = sum(bool(found.shards[shard].truncated[text]) for shard, text in places)
    return StoredFeatures(
        found.used,
        [(number[shard], text) for shard, text in places],
        layers,
        encoder.provenance(layers, cut),
    )


@functools.cache
def _store_at(folder: str | None) -> FeatureStore:
    return FeatureStore(folder)


def default_store() -> FeatureStore | None:
    """Return the store that estimators share, or None where ``SPACETUNE_CACHE=off``."""
    place = os.environ.get("SPACETUNE_CACHE")
    return None if place == "off" else _store_at(place)
