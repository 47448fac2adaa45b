"""GPT-NeoX (Pythia): rotary positions, sub-layers side by side or one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import nn

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import Biased, Config
from spacetune.encoders.families.streams import StreamLayer, StreamParts

__all__ = ["FAMILIES", "gpt_neox_stream"]


class _Attention(Protocol):
    query_key_value: Biased
    dense: nn.Linear


class _FeedForward(Protocol):
    dense_4h_to_h: nn.Linear
    act: nn.Module


class _Layer(Protocol):
    attention: _Attention
    mlp: _FeedForward


class _Model(Protocol):
    layers: Iterable[_Layer]
    final_layer_norm: nn.LayerNorm
    config: Config


def gpt_neox_stream(model: _Model) -> StreamParts:
    """Describe a `GPTNeoXModel`."""
    n_heads = model.config.num_attention_heads
    layers = tuple(_layer(layer, n_heads) for layer in model.layers)
    return StreamParts(None, layers, model.final_layer_norm, n_heads)


def _layer(layer: _Layer, n_heads: int) -> StreamLayer:
    fused = layer.attention.query_key_value.bias  # head by head: query, key, value
    return StreamLayer(
        attention_out=layer.attention.dense,
        attention_matrix=layer.attention.dense.weight,
        attention_bias=layer.attention.dense.bias,
        value_bias=None if fused is None else fused.view(n_heads, 3, -1)[:, 2].flatten(),
        ff_out=layer.mlp.dense_4h_to_h,
        ff_bias=layer.mlp.dense_4h_to_h.bias,
        activation=layer.mlp.act,
    )


FAMILIES = (Family("gpt_neox", ("gpt_neox",), stream=gpt_neox_stream, masks_padding=True),)
