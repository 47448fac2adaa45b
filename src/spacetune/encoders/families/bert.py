"""BERT and those built like it: RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from spacetune.encoders.families.family import Family
from spacetune.encoders.families.parts import EncoderParts, LayerParts

__all__ = ["FAMILIES", "bert_parts"]

AFTER_PADDING = ("roberta", "xlm-roberta", "camembert")


def bert_parts(model: Any) -> EncoderParts:
    """Describe a `BertModel`, `RobertaModel`, `XLMRobertaModel`, `CamembertModel` or `ElectraModel`."""
    table = model.embeddings
    after_padding = model.config.model_type in AFTER_PADDING
    first_position = table.padding_idx + 1 if after_padding else 0

    def embed(ids: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        summed = table.word_embeddings(ids) + table.token_type_embeddings(segments)
        return summed + table.position_embeddings(positions + first_position)

    return EncoderParts(
        embed=embed,
        embedding_norm=table.LayerNorm,
        project=getattr(model, "embeddings_project", None),
        layers=tuple(_layer(layer) for layer in model.encoder.layer),
        n_heads=model.config.num_attention_heads,
    )


def _layer(layer: Any) -> LayerParts:
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
