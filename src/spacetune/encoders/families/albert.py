"""ALBERT: narrow embeddings with a projection, and layers that share their weights by groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from torch import Tensor, nn

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import Config, Embeddings, Normed, SelfAttention
from spacetune.encoders.families.parts import EncoderParts, LayerParts
from spacetune.errors import UnsupportedByFamily

__all__ = ["FAMILIES", "albert_parts"]


class _Embeddings(Embeddings, Protocol):
    token_type_embeddings: nn.Embedding


class _Attention(SelfAttention, Normed, Protocol):
    pass


class _Layer(Protocol):
    attention: _Attention
    ffn: nn.Linear
    ffn_output: nn.Linear
    full_layer_layer_norm: nn.LayerNorm
    activation: Callable[[Tensor], Tensor]


class _Group(Protocol):
    albert_layers: Sequence[_Layer]


class _Encoder(Protocol):
    embedding_hidden_mapping_in: nn.Linear
    albert_layer_groups: Sequence[_Group]


class _Config(Config, Protocol):
    inner_group_num: int
    num_hidden_layers: int
    num_hidden_groups: int


class _Model(Protocol):
    embeddings: _Embeddings
    encoder: _Encoder
    config: _Config


def albert_parts(model: _Model) -> EncoderParts:
    """Describe an `AlbertModel`."""
    table, encoder, config = model.embeddings, model.encoder, model.config

    def embed(ids: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        summed = table.word_embeddings(ids) + table.token_type_embeddings(segments)
        return summed + table.position_embeddings(positions)

    if config.inner_group_num != 1:
        raise UnsupportedByFamily(f"ALBERT with inner_group_num 1 is supported, got {config.inner_group_num}")
    per_group = config.num_hidden_layers / config.num_hidden_groups
    groups = [encoder.albert_layer_groups[int(i / per_group)] for i in range(config.num_hidden_layers)]
    layers = [_layer(group.albert_layers[0]) for group in groups]
    return EncoderParts(
        embed=embed,
        words=table.word_embeddings,
        embedding_norm=table.LayerNorm,
        project=encoder.embedding_hidden_mapping_in,
        layers=tuple(layers),
        n_heads=config.num_attention_heads,
    )


def _layer(layer: _Layer) -> LayerParts:
    return LayerParts(
        query=layer.attention.query,
        key=layer.attention.key,
        value=layer.attention.value,
        attention_out=layer.attention.dense,
        attention_norm=layer.attention.LayerNorm,
        ff_in=layer.ffn,
        ff_out=layer.ffn_output,
        output_norm=layer.full_layer_layer_norm,
        activation=layer.activation,
    )


FAMILIES = (Family("albert", ("albert",), albert_parts, prefix=True, masks_padding=True),)
