"""MPNet: RoBERTa's positions, no segments, and one relative position bias shared by all layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spacetune.encoders.families.parts import EncoderParts, LayerParts

__all__ = ["mpnet_parts"]


def mpnet_parts(model: Any) -> EncoderParts:
    """Describe an `MPNetModel`."""
    table = model.embeddings
    first_position = table.padding_idx + 1

    def embed(ids: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        del segments
        return table.word_embeddings(ids) + table.position_embeddings(positions + first_position)

    def attention_bias(length: int) -> Tensor:
        weight = model.encoder.relative_attention_bias.weight
        probe = torch.empty(1, length, 1, device=weight.device)
        return model.encoder.compute_position_bias(probe)[0]

    return EncoderParts(
        embed=embed,
        embedding_norm=table.LayerNorm,
        project=None,
        layers=tuple(_layer(layer) for layer in model.encoder.layer),
        n_heads=model.config.num_attention_heads,
        attention_bias=attention_bias,
    )


def _layer(layer: Any) -> LayerParts:
    attention = layer.attention
    return LayerParts(
        query=attention.attn.q,
        key=attention.attn.k,
        value=attention.attn.v,
        attention_out=attention.attn.o,
        attention_norm=attention.LayerNorm,
        ff_in=layer.intermediate.dense,
        ff_out=layer.output.dense,
        output_norm=layer.output.LayerNorm,
        activation=layer.intermediate.intermediate_act_fn,
    )
