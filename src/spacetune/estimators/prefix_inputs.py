"""What a prefix simplex is trained on: texts under a prefix, or ready embeddings, which have no place for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from spacetune.encoders import Adapter, Encoder, FeatureSource, Pooling, TokenFeatures
from spacetune.encoders.batching import token_batches
from spacetune.encoders.prefixed import BATCH_TOKENS
from spacetune.estimators.space_training import text_chunks

__all__ = ["PrefixInputs", "PrefixedTexts", "ReadyEmbeddings", "UnderPrefix"]


class PrefixInputs(Protocol):
    """Texts that can be read under any prefix."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text."""
        ...

    def features(self, rows: Tensor, prefix: Adapter | None) -> TokenFeatures:
        """Return features of some texts under a prefix (one a row, or one for all)."""
        ...

    def batches(self) -> Iterator[Tensor]:
        """Yield all rows, texts of like length together."""
        ...


class PrefixedTexts:
    """Tokenised texts and the encoder that reads them."""

    def __init__(self, encoder: Encoder, texts: list[Any], layers: tuple[int, ...], pooling: Pooling) -> None:
        self.tokenized = encoder.tokenize(texts)
        self.encoder, self.layers = encoder.prefixed, layers
        self.pooling: Pooling = pooling

    def __len__(self) -> int:
        return len(self.tokenized.lengths)

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text."""
        return torch.from_numpy(self.tokenized.lengths)

    def features(self, rows: Tensor, prefix: Adapter | None) -> TokenFeatures:
        """Return features under a prefix, with gradients into it."""
        assert prefix is not None
        return self.encoder.features(self.tokenized, rows, prefix, self.layers, self.pooling)

    def batches(self) -> Iterator[Tensor]:
        """Yield rows in batches of about 2,048 tokens."""
        yield from map(torch.from_numpy, token_batches(self.tokenized.lengths, BATCH_TOKENS, mixed=False))


class ReadyEmbeddings:
    """Features that are there already: there is no encoder to put a prefix into, so only the head is learnt."""

    def __init__(self, source: FeatureSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text; a matrix has one a row."""
        return self.source.lengths

    def features(self, rows: Tensor, prefix: Adapter | None) -> TokenFeatures:
        """Return the rows' embeddings."""
        del prefix
        return self.source.take(rows)

    def batches(self) -> Iterator[Tensor]:
        """Yield rows in runs of bounded size."""
        yield from text_chunks(self.source)


class UnderPrefix:
    """Texts under one fixed prefix as a source of features, read anew, without gradients, whenever they are taken."""

    def __init__(self, inputs: PrefixInputs, prefix: Adapter | None) -> None:
        self.inputs, self.prefix = inputs, prefix

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text."""
        return self.inputs.lengths

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        return self.take(torch.tensor([0])).shape

    def take(self, texts: Tensor, multiple: int = 1) -> TokenFeatures:
        """Return the features of these texts; rows are never filled up."""
        del multiple
        with torch.no_grad():
            return self.inputs.features(texts, self.prefix)

    def take_ids(self, texts: Tensor) -> Tensor | None:
        """Return the token ids of these texts."""
        return self.take(texts).token_ids
