"""What a fit reads: features that are there already, or texts that go through the encoder under an adapter."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from spacetune.encoders import Adapter, Encoder, FeatureSource, Pooling, TextInput, TokenFeatures, UpperLayers
from spacetune.encoders.adapters import BATCH_TOKENS
from spacetune.encoders.batching import token_batches
from spacetune.errors import UsageError

__all__ = ["AdaptedInputs", "FrozenInputs", "Inputs", "TunedInputs", "compute_dtype_of", "mean_rows", "text_chunks"]

CHUNK_TOKENS = 8_192


class Inputs(Protocol):
    """Texts whose token features can be had a few at a time, under any adapter that they take."""

    @property
    def texts(self) -> Sequence[TextInput] | None:
        """The texts; None where only their features are known."""
        ...

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text, ``(n_texts,)``."""
        ...

    @property
    def first(self) -> Tensor | None:
        """Of pairs whose texts are read apart, tokens of the first, ``(n_pairs,)``; None for all else."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        ...

    def take(self, rows: Tensor, adapter: Adapter | None = None) -> TokenFeatures:
        """Return the features of some texts under an adapter (one a text, or one for all)."""
        ...

    def take_ids(self, rows: Tensor) -> Tensor | None:
        """Return the token ids of some texts, end to end; None where they are not known."""
        ...

    def batches(self) -> Iterator[Tensor]:
        """Yield all rows in batches of bounded size that suit the reading."""
        ...

    def part(self, rows: Tensor) -> Inputs:
        """Return some of the texts."""
        ...

    def __len__(self) -> int: ...


class FrozenInputs:
    """Features of the encoder as it is, in memory or on disk, or ready embeddings: nothing acts inside.

    Parameters
    ----------
    source
        The features.
    texts
        Their texts, where these are known.
    rows
        Which of the source's texts, in which order; None is all. Their features are not copied.
    """

    def __init__(
        self, source: FeatureSource, texts: Sequence[TextInput] | None = None, rows: Tensor | None = None
    ) -> None:
        self.source, self.rows = source, rows
        self.texts = texts

    def __len__(self) -> int:
        return len(self.source) if self.rows is None else len(self.rows)

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text; a matrix has one a row."""
        return self.source.lengths if self.rows is None else self.source.lengths[self.rows]

    @property
    def first(self) -> Tensor | None:
        """Tokens of the first text of every pair; None for texts."""
        first: Tensor | None = getattr(self.source, "first", None)
        return first if first is None or self.rows is None else first[self.rows]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        return self.source.shape

    def take(self, rows: Tensor, adapter: Adapter | None = None) -> TokenFeatures:
        """Return the features of some texts.

        Raises
        ------
        UsageError
            If an adapter is given: the encoder has run already.
        """
        if adapter is not None:
            raise UsageError("features were made without an adapter; give texts")
        return self.source.take(self._of_source(rows))

    def take_ids(self, rows: Tensor) -> Tensor | None:
        """Return the token ids of some texts, end to end; None for ready embeddings."""
        return self.source.take_ids(self._of_source(rows))

    def batches(self) -> Iterator[Tensor]:
        """Yield all rows, in order, in runs of bounded size."""
        yield from text_chunks(self.lengths)

    def part(self, rows: Tensor) -> FrozenInputs:
        """Return some of the texts, without copying their features."""
        texts = None if self.texts is None else [self.texts[int(i)] for i in rows]
        return FrozenInputs(self.source, texts, self._of_source(rows))

    def _of_source(self, rows: Tensor) -> Tensor:
        return rows if self.rows is None else self.rows[rows]


class AdaptedInputs:
    """Tokenised texts and the encoder that reads them in every step, under whatever adapter is being learnt."""

    def __init__(
        self, encoder: Encoder, texts: Sequence[TextInput], layers: tuple[int, ...], pooling: Pooling = "mean"
    ) -> None:
        self.encoder, self.texts, self.layers = encoder, texts, layers
        self.pooling: Pooling = pooling
        self.tokenized = encoder.tokenize(texts)

    def __len__(self) -> int:
        return len(self.tokenized.lengths)

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text."""
        return torch.as_tensor(self.tokenized.lengths)

    @property
    def first(self) -> None:
        """None: a pair is read as one text."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        return 1 if self.pooling == "pooler" else len(self.layers), self.encoder.dim

    def take(self, rows: Tensor, adapter: Adapter | None = None) -> TokenFeatures:
        """Return the features of some texts under an adapter, with gradients into it."""
        assert adapter is not None
        return self.encoder.prefixed.features(self.tokenized, rows, adapter, self.layers, self.pooling)

    def take_ids(self, rows: Tensor) -> Tensor | None:
        """Return None: a lexicon is fitted on frozen features alone."""
        del rows

    def batches(self) -> Iterator[Tensor]:
        """Yield all rows, texts of like length together, in batches of about 2,048 tokens."""
        yield from map(torch.as_tensor, token_batches(self.tokenized.lengths, BATCH_TOKENS, mixed=False))

    def part(self, rows: Tensor) -> AdaptedInputs:
        """Return some of the texts."""
        return AdaptedInputs(self.encoder, [self.texts[int(i)] for i in rows], self.layers, self.pooling)


class TunedInputs:
    """Frozen features whose upper layers are computed anew by layers that are being trained."""

    def __init__(self, frozen: Inputs, upper: UpperLayers) -> None:
        self.frozen, self.upper = frozen, upper

    def __len__(self) -> int:
        return len(self.frozen)

    @property
    def texts(self) -> Sequence[TextInput] | None:
        """The texts."""
        return self.frozen.texts

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text."""
        return self.frozen.lengths

    @property
    def first(self) -> Tensor | None:
        """Tokens of the first text of every pair; None for texts."""
        return self.frozen.first

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        return self.frozen.shape

    def take(self, rows: Tensor, adapter: Adapter | None = None) -> TokenFeatures:
        """Return the features of some texts, with gradients into the upper layers."""
        return self.upper(self.frozen.take(rows, adapter))

    def take_ids(self, rows: Tensor) -> Tensor | None:
        """Return the token ids of some texts, end to end."""
        return self.frozen.take_ids(rows)

    def batches(self) -> Iterator[Tensor]:
        """Yield all rows, in order, in runs of bounded size."""
        return self.frozen.batches()

    def part(self, rows: Tensor) -> TunedInputs:
        """Return some of the texts."""
        return TunedInputs(self.frozen.part(rows), self.upper)


def compute_dtype_of(inputs: Inputs) -> torch.dtype | None:
    """Return bfloat16 where features come in it, so that the products of a training may run in it too; else None."""
    provenance = getattr(inputs.source, "provenance", None) if isinstance(inputs, FrozenInputs) else None
    return torch.bfloat16 if provenance is not None and provenance.dtype == "bfloat16" else None


def text_chunks(lengths: Tensor, most: int | None = None) -> list[Tensor]:
    """Cut texts of these lengths, in order, into runs of about so many tokens at most.

    >>> [rows.tolist() for rows in text_chunks(torch.tensor([5_000, 3_000, 9_000, 1]))]
    [[0, 1], [2, 3]]
    """
    ends = lengths.cumsum(0)
    group = (ends - 1).clamp(min=0) // (most or CHUNK_TOKENS)
    return list(torch.arange(len(lengths)).split(torch.unique_consecutive(group, return_counts=True)[1].tolist()))


def mean_rows(inputs: Inputs, adapter: Adapter | None = None) -> Tensor:
    """Return every text's mean states under one adapter, layers side by side, ``(text, layer · dim)`` in float64."""
    with torch.no_grad():
        parts = [inputs.take(rows, adapter).means().flatten(1) for rows in text_chunks(inputs.lengths)]
    return torch.cat(parts).double()
