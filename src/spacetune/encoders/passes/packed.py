"""One forward pass over texts laid end to end: no padded rectangle, fused products, one attention call a block size.

Every matrix product runs on all tokens of a batch at once; only attention looks at blocks of rows. A text's states
do not depend on its neighbours, but for rounding: where a text stands in its block decides in what order sums are made.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.families import EncoderParts, LayerParts, parts_of
from spacetune.encoders.loading.kept_blocks import keep_freed_memory
from spacetune.encoders.passes.attention import Span, attend, spans_of
from spacetune.encoders.passes.layout import Layout, lay_out
from spacetune.encoders.passes.linear import Affine, fused_name

__all__ = ["Norm", "PackedBatch", "PackedEncoder", "PackedLayer", "norm_of", "normed"]

Norm = tuple[Tensor, Tensor, float]


@dataclasses.dataclass(frozen=True)
class PackedBatch:
    """Token ids and segment ids ``(n_tokens,)`` of texts end to end, and the texts' lengths."""

    token_ids: Tensor
    segment_ids: Tensor
    lengths: list[int]


@dataclasses.dataclass(frozen=True)
class PackedLayer:
    """A layer's weights in the dtype they run in; query, key and value in one matrix."""

    qkv: Affine
    attention_out: Affine
    attention_norm: Norm
    ff_in: Affine
    ff_out: Affine
    output_norm: Norm
    activation: Callable[[Tensor], Tensor]
    activation_name: tuple[str, str] | None


class PackedEncoder:
    """Runs the parts of an encoder over packed batches.

    Parameters
    ----------
    model
        A loaded transformers model of a family whose parts are known.
    dtype
        What the layers compute in; embeddings are looked up in the model's own dtype.
    """

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        self.parts: EncoderParts = parts_of(model)
        self.dtype = dtype
        keep_freed_memory()

    @functools.cached_property
    def _layers(self) -> list[PackedLayer]:  # laid out when a text comes: who only counts tokens or dissects needs none
        return [_prepare(layer, self.dtype) for layer in self.parts.layers]

    def hidden_states(self, batch: PackedBatch, layers: Sequence[int]) -> list[Tensor]:
        """Return the states ``(n_tokens, dim)`` after the asked layers (0: the embeddings), in their order.

        No layer above the highest asked one is computed.
        """
        layout = lay_out(np.asarray(batch.lengths))
        rows = torch.as_tensor(layout.rows).to(batch.token_ids.device)
        filled = layout.n_rows > len(rows)
        kept: dict[int, Tensor] = {}
        wanted, last = set(layers), max(layers)
        x = self._embed(batch, layout, rows)
        spans = spans_of(layout, self.parts, self.dtype, x.device)
        for depth in range(last + 1):
            if depth:
                x = self._layer(self._layers[depth - 1], x, spans)
            if depth in wanted:
                kept[depth] = x.index_select(0, rows) if filled or len(batch.lengths) > 1 else x
        return [kept[layer] for layer in layers]

    def _embed(self, batch: PackedBatch, layout: Layout, rows: Tensor) -> Tensor:
        x = self.parts.embedding_norm(self._sum(batch, layout, rows))
        if self.parts.project is not None:
            x = self.parts.project(x)
        return x.to(self.dtype)

    def _sum(self, batch: PackedBatch, layout: Layout, rows: Tensor) -> Tensor:
        """Return the sum of the embeddings of every row, before any normalisation."""
        ids = batch.token_ids.new_zeros(layout.n_rows)
        segments = batch.segment_ids.new_zeros(layout.n_rows)
        ids[rows], segments[rows] = batch.token_ids, batch.segment_ids
        positions = torch.as_tensor(layout.positions).to(ids.device)
        return self.parts.embed(ids, positions, segments)

    def _layer(self, layer: PackedLayer, x: Tensor, spans: list[Span]) -> Tensor:
        attended = attend(layer.qkv(x), spans, self.parts.n_heads)
        x = _norm(layer.attention_out.plus(attended, x), layer.attention_norm)
        inner = layer.ff_in.activated(x, layer.activation, layer.activation_name)
        return _norm(layer.ff_out.plus(inner, x), layer.output_norm)


def _norm(x: Tensor, norm: Norm) -> Tensor:
    weight, bias, eps = norm
    return F.layer_norm(x, weight.shape, weight, bias, eps)


def normed(x: Tensor, norm: Norm) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same as a layer norm, with the mean and one over the deviation that it used, ``(row, 1)`` each."""
    weight, bias, eps = norm
    return torch.native_layer_norm(x, weight.shape, weight, bias, eps)


def norm_of(module: Any, dtype: torch.dtype) -> Norm:
    """Return a norm's gain, shift and epsilon in the dtype it runs in."""
    return module.weight.detach().to(dtype), module.bias.detach().to(dtype), module.eps


def _prepare(layer: LayerParts, dtype: torch.dtype) -> PackedLayer:
    return PackedLayer(
        qkv=Affine([layer.query, layer.key, layer.value], dtype),
        attention_out=Affine([layer.attention_out], dtype),
        attention_norm=norm_of(layer.attention_norm, dtype),
        ff_in=Affine([layer.ff_in], dtype),
        ff_out=Affine([layer.ff_out], dtype),
        output_norm=norm_of(layer.output_norm, dtype),
        activation=layer.activation,
        activation_name=fused_name(layer.activation),
    )
