"""DistilBERT: BERT without segments, with names of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from torch import Tensor, nn

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import Embeddings
from spacetune.encoders.families.parts import EncoderParts, LayerParts

__all__ = ["FAMILIES", "distilbert_parts"]


class _Attention(Protocol):
    q_lin: nn.Linear
    k_lin: nn.Linear
    v_lin: nn.Linear
    out_lin: nn.Linear


class _FeedForward(Protocol):
    lin1: nn.Linear
    lin2: nn.Linear
    activation: Callable[[Tensor], Tensor]


class _Layer(Protocol):
    attention: _Attention
    sa_layer_norm: nn.LayerNorm
    ffn: _FeedForward
    output_layer_norm: nn.LayerNorm


class _Transformer(Protocol):
    layer: Iterable[_Layer]


class _Config(Protocol):
    n_heads: int


class _Model(Protocol):
    embeddings: Embeddings
    transformer: _Transformer
    config: _Config


def distilbert_parts(model: _Model) -> EncoderParts:
    """Describe a `DistilBertModel`."""
    table = model.embeddings

    def embed(ids: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        del segments
        return table.word_embeddings(ids) + table.position_embeddings(positions)

    return EncoderParts(
        embed=embed,
        words=table.word_embeddings,
        embedding_norm=table.LayerNorm,
        project=None,
        layers=tuple(_layer(layer) for layer in model.transformer.layer),
        n_heads=model.config.n_heads,
    )


def _layer(layer: _Layer) -> LayerParts:
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
