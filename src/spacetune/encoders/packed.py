"""One forward pass over texts laid end to end: no padding, fused query-key-value, one SDPA a text length.

Every matrix product runs on all tokens of a batch at once; only attention looks at texts one length at a time.
On a CPU this is faster than any padded batch, and a text's states do not depend on its neighbours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.families import EncoderParts, LayerParts, parts_of

__all__ = ["PackedBatch", "PackedEncoder"]

Affine = tuple[Tensor, Tensor | None]


@dataclasses.dataclass(frozen=True)
class PackedBatch:
    """Token ids and segment ids ``(n_tokens,)`` of texts end to end, and the texts' lengths, ascending."""

    token_ids: Tensor
    segment_ids: Tensor
    lengths: list[int]


@dataclasses.dataclass(frozen=True)
class _Layer:
    """A layer's weights in the dtype they run in; query, key and value in one matrix."""

    qkv: Affine
    attention_out: Affine
    attention_norm: tuple[Tensor, Tensor, float]
    ff_in: Affine
    ff_out: Affine
    output_norm: tuple[Tensor, Tensor, float]
    activation: Callable[[Tensor], Tensor]


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
        self._layers = [_prepare(layer, dtype) for layer in self.parts.layers]
        self._biases: dict[int, Tensor] = {}

    def hidden_states(self, batch: PackedBatch, layers: Sequence[int]) -> list[Tensor]:
        """Return the states ``(n_tokens, dim)`` after the asked layers (0: the embeddings), in their order.

        No layer above the highest asked one is computed.
        """
        kept: dict[int, Tensor] = {}
        wanted, last = set(layers), max(layers)
        x = self._embed(batch)
        if 0 in wanted:
            kept[0] = x
        for depth, layer in enumerate(self._layers[:last], start=1):
            x = self._layer(layer, x, batch.lengths)
            if depth in wanted:
                kept[depth] = x
        return [kept[layer] for layer in layers]

    def _embed(self, batch: PackedBatch) -> Tensor:
        device = batch.token_ids.device
        runs = [(length, len(list(same))) for length, same in groupby(batch.lengths)]
        positions = torch.cat([torch.arange(length, device=device).repeat(count) for length, count in runs])
        x = self.parts.embed(batch.token_ids, positions, batch.segment_ids)
        x = self.parts.embedding_norm(x)
        if self.parts.project is not None:
            x = self.parts.project(x)
        return x.to(self.dtype)

    def _layer(self, layer: _Layer, x: Tensor, lengths: list[int]) -> Tensor:
        attended = F.linear(self._attend(F.linear(x, *layer.qkv), lengths), *layer.attention_out)
        x = _norm(attended.add_(x), layer.attention_norm)
        inner = layer.activation(F.linear(x, *layer.ff_in))
        return _norm(F.linear(inner, *layer.ff_out).add_(x), layer.output_norm)

    def _attend(self, qkv: Tensor, lengths: list[int]) -> Tensor:
        heads, width = self.parts.n_heads, qkv.shape[1] // 3
        out = torch.empty(len(qkv), width, dtype=qkv.dtype, device=qkv.device)
        start = 0
        for length, same in groupby(lengths):
            count = len(list(same))
            stop = start + length * count
            q, k, v = qkv[start:stop].view(count, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=self._bias(length))
            out[start:stop] = mixed.transpose(1, 2).reshape(stop - start, width)
            start = stop
        return out

    def _bias(self, length: int) -> Tensor | None:
        if self.parts.attention_bias is None:
            return None
        if length not in self._biases:
            self._biases[length] = self.parts.attention_bias(length).to(self.dtype)
        return self._biases[length]


def _norm(x: Tensor, norm: tuple[Tensor, Tensor, float]) -> Tensor:
    weight, bias, eps = norm
    return F.layer_norm(x, weight.shape, weight, bias, eps)


def _prepare(layer: LayerParts, dtype: torch.dtype) -> _Layer:
    def affine(*linears: Any) -> Affine:
        weight = torch.cat([linear.weight.detach() for linear in linears]).to(dtype)
        biases = [linear.bias for linear in linears]
        return weight, None if biases[0] is None else torch.cat([b.detach() for b in biases]).to(dtype)

    def norm(module: Any) -> tuple[Tensor, Tensor, float]:
        return module.weight.detach().to(dtype), module.bias.detach().to(dtype), module.eps

    return _Layer(
        qkv=affine(layer.query, layer.key, layer.value),
        attention_out=affine(layer.attention_out),
        attention_norm=norm(layer.attention_norm),
        ff_in=affine(layer.ff_in),
        ff_out=affine(layer.ff_out),
        output_norm=norm(layer.output_norm),
        activation=layer.activation,
    )
