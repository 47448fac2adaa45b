"""The token states of texts, as often as they are asked for: of a list, or of a file block by block, by Ray or here."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol, Self, TypeVar

import torch

from spacetune.bridges.ray import by_engine
from spacetune.data.block_reader import BlockReader
from spacetune.encoders import Encoder, FeatureStore, TextInput, TokenFeatures, as_inputs, default_store
from spacetune.fitting import text_chunks
from spacetune.geometry.merging import merge_in_tree
from spacetune.progress import progress_bar

__all__ = ["BlockStates", "States", "TokenStates", "inputs_of"]


class Accumulator(Protocol):
    """Takes in features of consecutive texts."""

    def update(self, features: TokenFeatures) -> None:
        """Take in the next texts."""
        ...

    def merge(self, other: Self) -> Self:
        """Return what both have taken in."""
        ...


A = TypeVar("A", bound=Accumulator)
T = TypeVar("T")
Empty = Callable[..., A]
"""Makes an accumulator for texts, given as `first_text` and `first_token` how many come before them."""


@dataclasses.dataclass(frozen=True)
class TokenStates:
    """The token states of texts at some layers, read as often as they are asked for, some texts at a time.

    Without a store nothing is kept; with one, what it lacks is encoded and kept first.
    """

    encoder: Encoder
    inputs: list[TextInput]
    layers: tuple[int, ...]
    store: FeatureStore | Literal["auto"] | None
    progress: bool | None

    @property
    def n_texts(self) -> int:
        """How many texts there are."""
        return len(self.inputs)

    @property
    def first(self) -> list[TextInput]:
        """The first text, or none."""
        return self.inputs[:1]

    def gather(self, empty: Empty[A]) -> tuple[A, int]:
        """Return what has taken in all texts, and how many of them were cut."""
        whole = empty()
        return whole, self.feed(whole.update)

    def feed(self, take_in: Callable[[TokenFeatures], object]) -> int:
        """Hand on the features of all texts in their order; return how many texts were cut."""
        n_cut = 0
        for part, cut in self._chunks():
            take_in(part)
            n_cut += cut
        return n_cut

    def _chunks(self) -> Iterator[tuple[TokenFeatures, int]]:
        """Yield features of consecutive texts, and how many texts were newly found cut."""
        store = default_store() if self.store == "auto" else self.store
        if store is None:
            for part in self.encoder.encode_runs(self.inputs, layers=self.layers, progress=self.progress):
                yield part, 0 if part.provenance is None else part.provenance.n_truncated
            return
        source: Any = store.encode(self.encoder, self.inputs, layers=self.layers, progress=self.progress)
        cut = source.provenance.n_truncated
        with torch.inference_mode():
            for rows in text_chunks(source.lengths):
                yield source.take(rows), cut
                cut = 0


@dataclasses.dataclass(frozen=True)
class BlockStates:
    """The token states of blocks of texts, each encoded anew whenever they are asked for; nothing is kept.

    What is gathered is the same, bit for bit, in this process and by Ray's workers.
    """

    encoder: Encoder
    reader: BlockReader
    layers: tuple[int, ...]
    engine: str = "local"
    workers: int | None = None
    progress: bool | None = None

    @property
    def n_texts(self) -> int:
        """How many texts there are."""
        return self.reader.survey.n_rows - self.reader.survey.n_errors

    @property
    def first(self) -> list[TextInput]:
        """The first text of the first block, or none."""
        return inputs_of(self.reader, 0)[:1]

    def gather(self, empty: Empty[A]) -> tuple[A, int]:
        """Return what has taken in all texts, and how many of them were cut."""
        work = functools.partial(_gathered, self.encoder, self.reader, self.layers, self._starts, empty)
        return merge_in_tree(self._worked(work, "encoding"), len(self._starts), _merged)

    @functools.cached_property
    def _starts(self) -> list[tuple[int, int]]:
        """Texts and tokens before every block."""
        counted = dict(self._worked(functools.partial(_counted, self.encoder, self.reader), "counting tokens"))
        sizes = [counted[number] for number in sorted(counted)]
        return list(
            itertools.accumulate(sizes[:-1], lambda all, one: (all[0] + one[0], all[1] + one[1]), initial=(0, 0))
        )

    def _worked(self, work: Callable[[int], T], what: str) -> Iterator[tuple[int, T]]:
        sizes = self.reader.survey.sizes
        with progress_bar(sum(sizes), what, "texts", show=self.progress) as bar:
            for number, made in by_engine(work, range(len(sizes)), self.engine, self.workers):
                yield number, made
                bar.update(sizes[number])


def inputs_of(reader: BlockReader, number: int) -> list[TextInput]:
    """Return the texts of a block, rows without one left out."""
    block = reader.read(number)
    inputs = as_inputs(block.texts.inputs)
    errors = block.errors or [None] * len(inputs)
    return [row for row, error in zip(inputs, errors, strict=True) if error is None]


def _counted(encoder: Encoder, reader: BlockReader, number: int) -> tuple[int, int]:
    inputs = inputs_of(reader, number)
    return len(inputs), int(encoder.tokenize(inputs).lengths.sum()) if inputs else 0


def _gathered(
    encoder: Encoder,
    reader: BlockReader,
    layers: tuple[int, ...],
    starts: list[tuple[int, int]],
    empty: Empty[A],
    number: int,
) -> tuple[A, int]:
    first_text, first_token = starts[number]
    found, n_cut = empty(first_text=first_text, first_token=first_token), 0
    for part in encoder.encode_runs(inputs_of(reader, number), layers=layers, progress=False):
        found.update(part)
        n_cut += 0 if part.provenance is None else part.provenance.n_truncated
    return found, n_cut


def _merged(one: tuple[A, int], following: tuple[A, int]) -> tuple[A, int]:
    return one[0].merge(following[0]), one[1] + following[1]


States = TokenStates | BlockStates
