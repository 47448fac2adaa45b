"""Encoder families: where the parts of each architecture are, under one set of names.

One module a family, the only place (with `hub`) that knows Hugging Face's module names. A family says what it
supports; asking for the rest raises `UnsupportedByFamily`, which names those that can.
"""

from spacetune.encoders.families.bare_bert import bare_bert
from spacetune.encoders.families.parts import EncoderParts, LayerParts
from spacetune.encoders.families.registry import (
    FAMILIES,
    STREAMS,
    Family,
    family_of,
    masks_padding,
    n_token_rows,
    parts_of,
    prefix_types,
    stream_of,
)
from spacetune.encoders.families.streams import StreamLayer, StreamParts

__all__ = [
    "FAMILIES",
    "STREAMS",
    "EncoderParts",
    "Family",
    "LayerParts",
    "StreamLayer",
    "StreamParts",
    "bare_bert",
    "family_of",
    "masks_padding",
    "n_token_rows",
    "parts_of",
    "prefix_types",
    "stream_of",
]
