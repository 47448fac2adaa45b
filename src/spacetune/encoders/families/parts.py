"""The parts of a post-LayerNorm encoder, as one forward pass and one dissection need them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import Tensor, nn

__all__ = ["EncoderParts", "LayerParts"]


@dataclasses.dataclass(frozen=True)
class LayerParts:
    """One Transformer layer: ``LN(x + attention(x))``, then ``LN(x + feed_forward(x))``."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    attention_out: nn.Linear
    attention_norm: nn.LayerNorm
    ff_in: nn.Linear
    ff_out: nn.Linear
    output_norm: nn.LayerNorm
    activation: Callable[[Tensor], Tensor]


@dataclasses.dataclass(frozen=True)
class EncoderParts:
    """A whole encoder.

    Parameters
    ----------
    embed
        From token ids, positions within the text (from 0) and segment ids, each ``(n_tokens,)``, to the sum
        of the embeddings, before any normalisation.
    words
        The tokens' own part of that sum, from their ids.
    embedding_norm
        The LayerNorm on that sum.
    project
        What stands between the embeddings and the first layer (ELECTRA, ALBERT), or None.
    layers
        The layers in order; a family that shares weights repeats the same parts.
    n_heads
        Attention heads of every layer.
    attention_bias
        From a text's length n to an additive ``(n_heads, n, n)`` bias, for relative positions, or None.
    """

    embed: Callable[[Tensor, Tensor, Tensor], Tensor]
    words: Callable[[Tensor], Tensor]
    embedding_norm: nn.LayerNorm
    project: nn.Linear | None
    layers: tuple[LayerParts, ...]
    n_heads: int
    attention_bias: Callable[[int], Tensor] | None = None
