"""GPT-2: learnt positions, query, key and value in one matrix, matrices stored the other way round."""

from __future__ import annotations

from typing import Any

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.streams import StreamLayer, StreamParts

__all__ = ["FAMILIES", "gpt2_stream"]


def gpt2_stream(model: Any) -> StreamParts:
    """Describe a `GPT2Model`."""
    layers = tuple(_layer(block, model.config.hidden_size) for block in model.h)
    return StreamParts(None, layers, model.ln_f, model.config.num_attention_heads)


def _layer(block: Any, dim: int) -> StreamLayer:
    return StreamLayer(
        attention_out=block.attn.c_proj,
        attention_matrix=block.attn.c_proj.weight.T,
        attention_bias=block.attn.c_proj.bias,
        value_bias=block.attn.c_attn.bias[2 * dim :],
        ff_out=block.mlp.c_proj,
        ff_bias=block.mlp.c_proj.bias,
    )


FAMILIES = (Family("gpt2", ("gpt2",), stream=gpt2_stream, prefix=True, masks_padding=True),)
