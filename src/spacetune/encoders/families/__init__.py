"""Encoder families: where the parts of each architecture are, under one set of names.

One module a family, the only place that knows Hugging Face's module names. A family says what it supports; asking for
the rest raises `UnsupportedByFamily`, which names those that can.
"""

from spacetune.encoders.families.bare_bert import bare_bert
from spacetune.encoders.families.family import Family
from spacetune.encoders.families.modules import EncoderModel
from spacetune.encoders.families.parts import EncoderParts, LayerParts
from spacetune.encoders.families.registry import (
    FAMILIES,
    family_of,
    first_position,
    n_token_rows,
    parts_of,
    stream_of,
    types_that,
)
from spacetune.encoders.families.streams import StreamLayer, StreamParts

__all__ = [
    "FAMILIES",
    "EncoderModel",
    "EncoderParts",
    "Family",
    "LayerParts",
    "StreamLayer",
    "StreamParts",
    "bare_bert",
    "family_of",
    "first_position",
    "n_token_rows",
    "parts_of",
    "stream_of",
    "types_that",
]
