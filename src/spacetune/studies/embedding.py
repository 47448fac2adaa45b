"""Texts as vectors: the encoder's own mean states, without any head."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from spacetune.encoders import Encoder, as_inputs, each_once
from spacetune.errors import DataError
from spacetune.results import Result

__all__ = ["Embeddings", "MeanState", "embed_texts", "embeddings_of", "mean_states"]


@dataclasses.dataclass(frozen=True)
class Embeddings(Result):
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
        Whether every vector has length 1.
    n_truncated
        How many texts were cut at the encoder's limit.
    """

    vectors: np.ndarray[Any, Any]
    encoder: str
    n_tokens: tuple[int, ...]
    normalized: bool
    n_truncated: int


@dataclasses.dataclass(frozen=True)
class MeanState:
    """One text through the encoder: its mean state as it is, its tokens as they were read, whether it was cut."""

    vector: np.ndarray[Any, Any]
    n_tokens: int
    truncated: bool


def embed_texts(encoder: Encoder, texts: Any, *, normalize: bool = True) -> Embeddings:
    """Embed texts or pairs as the mean of their last hidden states over all tokens, special ones included.

    For sentence-transformers models with mean pooling, such as the default encoder, this is their embedding.

    Parameters
    ----------
    encoder
        The encoder.
    texts
        Strings or pairs of strings.
    normalize
        Scale every vector to length 1.

    Returns
    -------
    Embeddings
        In the order of the texts.
    """
    return embeddings_of(encoder.name, mean_states(encoder, texts), normalize=normalize)


def mean_states(encoder: Encoder, texts: Any) -> list[MeanState]:
    """Read texts or pairs; equal ones go through the encoder once.

    Raises
    ------
    DataError
        If there are none.
    """
    inputs = as_inputs(texts)
    if not inputs:
        raise DataError("there are no texts to encode")
    different, places = each_once(inputs)
    runs = encoder.encode_runs(different, progress=False)
    columns = zip(*((run.means()[:, 0], run.lengths, run.truncated) for run in runs), strict=True)
    means, lengths, cut = (torch.cat(column).numpy()[places] for column in columns)
    return [MeanState(*each) for each in zip(means.astype(np.float64), lengths.tolist(), cut.tolist(), strict=True)]


def embeddings_of(encoder: str, states: Sequence[MeanState], *, normalize: bool) -> Embeddings:
    """Put texts' mean states together as a result."""
    vectors = np.stack([state.vector for state in states])
    if normalize:
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    tokens, cut = tuple(state.n_tokens for state in states), sum(state.truncated for state in states)
    return Embeddings(vectors.astype(np.float32), encoder, tokens, normalize, cut)
