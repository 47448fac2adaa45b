"""MPNet: RoBERTa's positions, no segments, and one relative position bias shared by all layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spacetune.encoders.families.family import Family, OwnAttention
from spacetune.encoders.families.modules import Config, Embeddings, Feeds
from spacetune.encoders.families.parts import EncoderParts, LayerParts

__all__ = ["FAMILIES", "mpnet_parts"]


class _SelfAttention(Protocol):
    q: nn.Linear
    k: nn.Linear
    v: nn.Linear
    o: nn.Linear
    dropout: nn.Dropout
    num_attention_heads: int
    attention_head_size: int
    training: bool


class _Attention(Protocol):
    attn: _SelfAttention
    LayerNorm: nn.LayerNorm


class _Layer(Feeds, Protocol):
    attention: _Attention


class _Encoder(Protocol):
    layer: Iterable[_Layer]
    relative_attention_bias: nn.Embedding

    def compute_position_bias(self, x: Tensor, /) -> Tensor: ...


class _Embeddings(Embeddings, Protocol):
    padding_idx: int


class _Model(Protocol):
    embeddings: _Embeddings
    encoder: _Encoder
    config: Config


def mpnet_parts(model: _Model) -> EncoderParts:
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
        words=table.word_embeddings,
        embedding_norm=table.LayerNorm,
        project=None,
        layers=tuple(_layer(layer) for layer in model.encoder.layer),
        n_heads=model.config.num_attention_heads,
        attention_bias=attention_bias,
    )


def _layer(layer: _Layer) -> LayerParts:
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


def _attention_modules(model: _Model) -> list[_SelfAttention]:
    return [layer.attention.attn for layer in model.encoder.layer]


def _attend(
    self: _SelfAttention,
    hidden_states: Tensor,
    attention_mask: Tensor | None = None,
    position_bias: Tensor | None = None,
    output_attentions: bool = False,
    **kwargs: object,
) -> tuple[Tensor]:
    """MPNet's attention, softmax(QK'/√d + relative bias + mask)V, where the prefix has no relative bias."""
    del output_attentions, kwargs
    split = (*hidden_states.shape[:2], self.num_attention_heads, self.attention_head_size)
    query, key, value = (part(hidden_states).view(split).transpose(1, 2) for part in (self.q, self.k, self.v))
    added = attention_mask
    if position_bias is not None:
        added = position_bias if added is None else position_bias + added
    feed = getattr(self, "prefix_feed", None)
    if feed is not None:
        key, value, added = feed.in_front(self, key, value, added)
    dropout = self.dropout.p if self.training else 0.0
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=added, dropout_p=dropout)
    return (self.o(mixed.transpose(1, 2).flatten(2)),)


FAMILIES = (
    Family(
        "mpnet",
        ("mpnet",),
        mpnet_parts,
        prefix=True,
        masks_padding=True,
        after_padding=("mpnet",),
        attention=OwnAttention(_attention_modules, _attend),
    ),
)
