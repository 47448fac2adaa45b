"""Llama and those built like it (Mistral, Qwen 2 and 3, EuroBERT): RMSNorm, rotary positions, gated feed-forward."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import nn

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import Biased, Config
from spacetune.encoders.families.streams import StreamLayer, StreamParts

__all__ = ["FAMILIES", "llama_stream"]


class _Attention(Protocol):
    v_proj: Biased
    o_proj: nn.Linear


class _FeedForward(Protocol):
    down_proj: nn.Linear
    act_fn: nn.Module


class _Layer(Protocol):
    self_attn: _Attention
    mlp: _FeedForward


class _Config(Config, Protocol):
    num_key_value_heads: int


class _Model(Protocol):
    layers: Iterable[_Layer]
    norm: nn.Module
    config: _Config


def llama_stream(model: _Model) -> StreamParts:
    """Describe a `LlamaModel`, `MistralModel`, `Qwen2Model`, `Qwen3Model` or `EuroBertModel`."""
    config = model.config
    layers = tuple(_layer(layer, config) for layer in model.layers)
    return StreamParts(None, layers, model.norm, config.num_attention_heads, gated=True)


def _layer(layer: _Layer, config: _Config) -> StreamLayer:
    attention, out = layer.self_attn, layer.self_attn.o_proj
    bias, shared = attention.v_proj.bias, config.num_attention_heads // config.num_key_value_heads
    if bias is not None:  # heads that share their keys and values share this bias
        bias = bias.view(config.num_key_value_heads, -1).repeat_interleave(shared, dim=0).flatten()
    return StreamLayer(
        attention_out=out,
        attention_matrix=out.weight,
        attention_bias=out.bias,
        value_bias=bias,
        ff_out=layer.mlp.down_proj,
        ff_bias=layer.mlp.down_proj.bias,
        activation=layer.mlp.act_fn,
    )


TAKE_PREFIXES = ("eurobert", "llama", "qwen2")

FAMILIES = tuple(
    Family(name, (name,), stream=llama_stream, prefix=name in TAKE_PREFIXES, masks_padding=True)
    for name in (*TAKE_PREFIXES, "mistral", "qwen3")
)
