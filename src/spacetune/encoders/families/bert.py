"""BERT and those built like it: RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor, nn

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import Config, Embeddings, Feeds, Normed, SelfAttention
from spacetune.encoders.families.parts import EncoderParts, LayerParts

__all__ = ["FAMILIES", "bert_parts"]

AFTER_PADDING = ("roberta", "xlm-roberta", "camembert")


class _Embeddings(Embeddings, Protocol):
    token_type_embeddings: nn.Embedding
    padding_idx: int


class _Attention(Protocol):
    self: SelfAttention
    output: Normed


class _Layer(Feeds, Protocol):
    attention: _Attention


class _Encoder(Protocol):
    layer: Iterable[_Layer]


class _Model(Protocol):
    embeddings: _Embeddings
    encoder: _Encoder
    config: Config


def bert_parts(model: _Model) -> EncoderParts:
    """Describe a `BertModel`, `RobertaModel`, `XLMRobertaModel`, `CamembertModel` or `ElectraModel`."""
    table = model.embeddings
    after_padding = model.config.model_type in AFTER_PADDING
    first_position = table.padding_idx + 1 if after_padding else 0

    def embed(ids: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        summed = table.word_embeddings(ids) + table.token_type_embeddings(segments)
        return summed + table.position_embeddings(positions + first_position)

    return EncoderParts(
        embed=embed,
        words=table.word_embeddings,
        embedding_norm=table.LayerNorm,
        project=getattr(model, "embeddings_project", None),
        layers=tuple(_layer(layer) for layer in model.encoder.layer),
        n_heads=model.config.num_attention_heads,
    )


def _layer(layer: _Layer) -> LayerParts:
    attention = layer.attention
    return LayerParts(
        query=attention.self.query,
        key=attention.self.key,
        value=attention.self.value,
        attention_out=attention.output.dense,
        attention_norm=attention.output.LayerNorm,
        ff_in=layer.intermediate.dense,
        ff_out=layer.output.dense,
        output_norm=layer.output.LayerNorm,
        activation=layer.intermediate.intermediate_act_fn,
    )


FAMILIES = (
    Family(
        "bert",
        ("bert", "roberta", "xlm-roberta", "camembert", "electra"),
        bert_parts,
        prefix=True,
        masks_padding=True,
        after_padding=AFTER_PADDING,
        shifts=("bert", "roberta", "xlm-roberta", "camembert", "electra"),
    ),
)
