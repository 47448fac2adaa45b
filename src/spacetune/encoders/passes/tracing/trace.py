"""What one pass leaves behind: every sub-layer's output apart from its biases, and every norm's statistics."""

from __future__ import annotations

import dataclasses
from typing import Literal

from torch import Tensor

__all__ = ["Addition", "AttentionSpan", "Bias", "BiasKind", "Heads", "Norm", "Trace"]

BiasKind = Literal[
    "norm_shift", "norm_mean", "attention_output", "attention_value", "feed_forward_output", "projection"
]
"""Where a part of the correction comes from; the mean that a LayerNorm takes off counts as one."""


@dataclasses.dataclass(frozen=True)
class Norm:
    """A norm as it acted: ``(x - mean) · rstd · gain + shift``.

    Parameters
    ----------
    place
        0 on the embeddings, ``2l - 1`` behind attention and ``2l`` behind feed-forward of layer l.
    gain
        ``(dim,)``.
    shift
        ``(dim,)``, or None where it has none.
    mean
        ``(n_rows,)``, or None for RMSNorm.
    rstd
        ``(n_rows,)``, one over the root of the (mean) square plus epsilon.
    """

    place: int
    gain: Tensor
    shift: Tensor | None
    mean: Tensor | None
    rstd: Tensor


@dataclasses.dataclass(frozen=True)
class Bias:
    """A part of the correction: a vector ``(dim,)``, or ``coefficient (n_rows,) · vector``; `place` as in `Norm`."""

    kind: BiasKind
    place: int
    vector: Tensor
    coefficient: Tensor | None = None


@dataclasses.dataclass(frozen=True)
class AttentionSpan:
    """Attention weights ``(count, n_heads, size, size)`` of `count` blocks of `size` rows from row `start` on."""

    start: int
    size: int
    weights: Tensor


@dataclasses.dataclass(frozen=True)
class Heads:
    """Attention before its output matrix.

    Parameters
    ----------
    mixed
        ``(n_rows, n_heads, head_dim)``: attention-weighted values without their bias.
    matrix
        ``(dim, n_heads · head_dim)``, the output matrix.
    values
        ``(n_rows, n_heads, head_dim)`` without bias, or None where not asked for.
    spans
        The weights, likewise empty.
    """

    mixed: Tensor
    matrix: Tensor
    values: Tensor | None = None
    spans: tuple[AttentionSpan, ...] = ()


@dataclasses.dataclass(frozen=True)
class Addition:
    """What one sub-layer added to the stream: ``(n_rows, dim)`` without biases, the biases, and the norm after it."""

    added: Tensor
    biases: tuple[Bias, ...]
    norm: Norm | None
    heads: Heads | None = None


@dataclasses.dataclass(frozen=True)
class Trace:
    """One pass.

    Parameters
    ----------
    start
        ``(n_rows, dim)``: the input term at layer 0.
    start_biases
        The correction at layer 0.
    additions
        Sub-layers in order, attention and feed-forward of each layer. A norm that the hidden state of a layer has
        gone through stands on the addition before it.
    states
        The hidden states ``(n_rows, dim)`` as the model carried them, by layer.
    rows
        ``(n_tokens,)``: the row of every token of the batch, texts in the order they were given.
    lengths
        ``(n_texts,)``: tokens of every text.
    """

    start: Tensor
    start_biases: tuple[Bias, ...]
    additions: tuple[Addition, ...]
    states: dict[int, Tensor]
    rows: Tensor
    lengths: Tensor
