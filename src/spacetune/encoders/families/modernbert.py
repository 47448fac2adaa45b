"""ModernBERT: a norm on the embeddings, none before the first attention, local and global attention in turn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import nn

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import Biased, Config
from spacetune.encoders.families.streams import StreamLayer, StreamParts

__all__ = ["FAMILIES", "modernbert_stream"]


class _Attention(Protocol):
    Wqkv: Biased
    Wo: nn.Linear


class _FeedForward(Protocol):
    Wo: nn.Linear
    act: nn.Module


class _Layer(Protocol):
    attn: _Attention
    mlp: _FeedForward


class _Embeddings(Protocol):
    norm: nn.LayerNorm


class _Model(Protocol):
    embeddings: _Embeddings
    layers: Iterable[_Layer]
    final_norm: nn.LayerNorm
    config: Config


def modernbert_stream(model: _Model) -> StreamParts:
    """Describe a `ModernBertModel`."""
    layers = tuple(_layer(layer, model.config.hidden_size) for layer in model.layers)
    return StreamParts(model.embeddings.norm, layers, model.final_norm, model.config.num_attention_heads, gated=True)


def _layer(layer: _Layer, dim: int) -> StreamLayer:
    fused = layer.attn.Wqkv.bias
    return StreamLayer(
        attention_out=layer.attn.Wo,
        attention_matrix=layer.attn.Wo.weight,
        attention_bias=layer.attn.Wo.bias,
        value_bias=None if fused is None else fused[2 * dim :],
        ff_out=layer.mlp.Wo,
        ff_bias=layer.mlp.Wo.bias,
        activation=layer.mlp.act,
    )


FAMILIES = (Family("modernbert", ("modernbert",), stream=modernbert_stream, prefix=True, masks_padding=True),)
