"""GPT-2: learnt positions, query, key and value in one matrix, matrices stored the other way round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from torch import nn

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import Config
from spacetune.encoders.families.streams import StreamLayer, StreamParts

if TYPE_CHECKING:
    from transformers.pytorch_utils import Conv1D

__all__ = ["FAMILIES", "gpt2_stream"]


class _Attention(Protocol):
    c_attn: Conv1D
    c_proj: Conv1D


class _FeedForward(Protocol):
    c_proj: Conv1D
    act: nn.Module


class _Block(Protocol):
    attn: _Attention
    mlp: _FeedForward


class _Model(Protocol):
    h: Iterable[_Block]
    ln_f: nn.LayerNorm
    config: Config


def gpt2_stream(model: _Model) -> StreamParts:
    """Describe a `GPT2Model`."""
    layers = tuple(_layer(block, model.config.hidden_size) for block in model.h)
    return StreamParts(None, layers, model.ln_f, model.config.num_attention_heads)


def _layer(block: _Block, dim: int) -> StreamLayer:
    return StreamLayer(
        attention_out=block.attn.c_proj,
        attention_matrix=block.attn.c_proj.weight.T,
        attention_bias=block.attn.c_proj.bias,
        value_bias=block.attn.c_attn.bias[2 * dim :],
        ff_out=block.mlp.c_proj,
        ff_bias=block.mlp.c_proj.bias,
        activation=block.mlp.act,
    )


FAMILIES = (Family("gpt2", ("gpt2",), stream=gpt2_stream, prefix=True, masks_padding=True),)
