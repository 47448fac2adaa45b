"""Texts as vectors: the encoder's own mean states, without any head."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from spacetune.encoders import Encoder, as_inputs
from spacetune.results import Result

__all__ = ["Embeddings", "embed_texts"]


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
    features = encoder.encode(as_inputs(texts), progress=False)
    vectors = features.means()[:, 0].double().numpy()
    if normalize:
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cut = 0 if features.provenance is None else features.provenance.n_truncated
    return Embeddings(vectors.astype(np.float32), encoder.name, tuple(features.lengths.tolist()), normalize, cut)
