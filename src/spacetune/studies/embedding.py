"""Texts as vectors: the encoder's own embedding, without any head."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from spacetune.encoders import Encoder, PooledText, Texts
from spacetune.results import RecordResult

__all__ = ["Embeddings", "embed_texts", "embeddings_of"]


@dataclasses.dataclass(frozen=True)
class Embeddings(RecordResult):
    """One vector a text.

    Parameters
    ----------
    vectors
        ``(text, dim)``.
    encoder
        The encoder's name.
    n_tokens
        Tokens of every text as they were read.
    normalized
        Whether every vector was scaled to length 1.
    n_truncated
        How many texts were cut at the encoder's limit.
    pooling
        How token states became one vector, and whether the encoder's folder says so.
    """

    vectors: np.ndarray[Any, Any]
    encoder: str
    n_tokens: tuple[int, ...]
    normalized: bool
    n_truncated: int
    pooling: str


def embed_texts(
    encoder: Encoder,
    texts: Texts,
    *,
    normalize: bool = True,
    prompt: str | None = None,
    prompt_name: str | None = None,
    dimensions: int | None = None,
) -> Embeddings:
    """Embed texts or pairs as `Encoder.embed` does, and say how.

    Parameters
    ----------
    encoder
        The encoder.
    texts
        Strings or pairs of strings.
    normalize
        Scale every vector to length 1; False leaves out a scaling by the encoder's own modules too.
    prompt, prompt_name, dimensions
        As for `Encoder.embed`.

    Returns
    -------
    Embeddings
        In the order of the texts.
    """
    rows = encoder.embedder.pooled(texts, prompt, prompt_name)
    return embeddings_of(encoder, rows, normalize=normalize, dimensions=dimensions)


def embeddings_of(
    encoder: Encoder, rows: Sequence[PooledText], *, normalize: bool, dimensions: int | None = None
) -> Embeddings:
    """Put pooled texts together as a result."""
    embedder = encoder.embedder
    return Embeddings(
        vectors=embedder.vectors(rows, dimensions=dimensions, normalize=normalize),
        encoder=encoder.name,
        n_tokens=tuple(row.n_tokens for row in rows),
        normalized=normalize,
        n_truncated=sum(row.truncated for row in rows),
        pooling=embedder.recipe.describe(),
    )
