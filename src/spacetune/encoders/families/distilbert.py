"""DistilBERT: BERT without segments, with names of its own."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.parts import EncoderParts, LayerParts

__all__ = ["FAMILIES", "distilbert_parts"]


def distilbert_parts(model: Any) -> EncoderParts:
    """Describe a `DistilBertModel`."""
    table = model.embeddings

    def embed(ids: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        del segments
        return table.word_embeddings(ids) + table.position_embeddings(positions)

    return EncoderParts(
        embed=embed,
        embedding_norm=table.LayerNorm,
        project=None,
        layers=tuple(_layer(layer) for layer in model.transformer.layer),
        n_heads=model.config.n_heads,
    )


def _layer(layer: Any) -> LayerParts:
    return LayerParts(
        query=layer.attention.q_lin,
        key=layer.attention.k_lin,
        value=layer.attention.v_lin,
        attention_out=layer.attention.out_lin,
        attention_norm=layer.sa_layer_norm,
        ff_in=layer.ffn.lin1,
        ff_out=layer.ffn.lin2,
        output_norm=layer.output_layer_norm,
        activation=layer.ffn.activation,
    )


FAMILIES = (Family("distilbert", ("distilbert",), distilbert_parts, prefix=True, masks_padding=True),)
