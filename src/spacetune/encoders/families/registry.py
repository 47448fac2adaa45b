"""Which family a model belongs to, and what that family can do."""

from __future__ import annotations

from typing import Any

from spacetune.encoders.families import (
    albert,
    bert,
    distilbert,
    gpt2,
    gpt_neox,
    llama,
    modernbert,
    mpnet,
    others,
)
from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import EncoderModel
from spacetune.encoders.families.parts import EncoderParts
from spacetune.encoders.families.streams import StreamParts
from spacetune.errors import UnsupportedByFamily

__all__ = ["FAMILIES", "family_of", "first_position", "n_token_rows", "parts_of", "stream_of", "types_that"]

FILES = (bert, distilbert, mpnet, albert, modernbert, llama, gpt2, gpt_neox, others)
FAMILIES: tuple[Family, ...] = tuple(family for file in FILES for family in file.FAMILIES)


def family_of(model_type: str) -> Family:
    """Return the family of a transformers `model_type`; unknown ones give plain features only.

    >>> family_of("roberta").name, sorted(family_of("funnel").supports)
    ('bert', ['features'])
    """
    for family in FAMILIES:
        if model_type in family.model_types:
            return family
    return Family(model_type, (model_type,))


def first_position(config: Any) -> int:
    """Return the position of a text's first token; some families keep those before it for padding."""
    return config.pad_token_id + 1 if config.model_type in family_of(config.model_type).after_padding else 0


def types_that(support: str) -> tuple[str, ...]:
    """Return the model types that support this.

    >>> "mpnet" in types_that("prefix"), "ernie" in types_that("dissect")
    (True, False)
    """
    return tuple(kind for family in FAMILIES if support in family.supports for kind in family.model_types)


def n_token_rows(model: Any) -> int:
    """Return for how many tokens a loaded model has an embedding."""
    find = getattr(model, "get_input_embeddings", None)
    table = model.embeddings.word_embeddings if find is None else find()
    return table.weight.shape[0]


def parts_of(model: EncoderModel) -> EncoderParts:
    """Describe a loaded model's parts.

    Raises
    ------
    UnsupportedByFamily
        If this family's parts are not known here.
    """
    family = family_of(model.config.model_type)
    if family.parts is None:
        able = ", ".join(types_that("fast"))
        raise UnsupportedByFamily(
            f"{model.config.model_type} encoders do not run in the packed pass, in which layers and adapters are "
            f"learnt; this needs one of {able}"
        )
    return family.parts(model)


def stream_of(model: EncoderModel) -> StreamParts:
    """Describe a loaded pre-LayerNorm model's stream.

    Raises
    ------
    UnsupportedByFamily
        If it is not known here.
    """
    family = family_of(model.config.model_type)
    if family.stream is None:
        able = ", ".join(kind for each in FAMILIES if each.stream is not None for kind in each.model_types)
        raise UnsupportedByFamily(f"the stream of {family.name} models is not known; this needs one of {able}")
    return family.stream(model)
