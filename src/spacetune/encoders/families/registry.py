"""Which family a model belongs to, and what that family can do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from spacetune.encoders.families.albert import albert_parts
from spacetune.encoders.families.bert import bert_parts
from spacetune.encoders.families.distilbert import distilbert_parts
from spacetune.encoders.families.gpt2 import gpt2_stream
from spacetune.encoders.families.gpt_neox import gpt_neox_stream
from spacetune.encoders.families.llama import llama_stream
from spacetune.encoders.families.modernbert import modernbert_stream
from spacetune.encoders.families.mpnet import mpnet_parts
from spacetune.encoders.families.parts import EncoderParts
from spacetune.encoders.families.streams import StreamParts
from spacetune.errors import UnsupportedByFamily

__all__ = [
    "FAMILIES",
    "STREAMS",
    "Family",
    "family_of",
    "masks_padding",
    "n_token_rows",
    "parts_of",
    "prefix_types",
    "stream_of",
]


@dataclasses.dataclass(frozen=True)
class Family:
    """Architectures with the same parts; `parts` is None where they are not known, `prefix` says if one can enter."""

    name: str
    model_types: tuple[str, ...]
    parts: Callable[[Any], EncoderParts] | None = None
    prefix: bool = True

    @property
    def supports(self) -> frozenset[str]:
        """What can be asked of it.

        ``features`` always, ``fast`` (packed, no padding) where parts are known, ``dissect`` where an exact sum of
        terms is, ``prefix`` where keys and values can be put before a text's own.
        """
        dissected = self.parts is not None or STREAMS.keys() >= set(self.model_types)
        fast = ["fast"] * (self.parts is not None)
        return frozenset(["features", *fast, *["dissect"] * dissected, *["prefix"] * self.prefix])


FAMILIES: tuple[Family, ...] = (
    Family("bert", ("bert", "roberta", "xlm-roberta", "camembert", "electra"), bert_parts),
    Family("distilbert", ("distilbert",), distilbert_parts),
    Family("mpnet", ("mpnet",), mpnet_parts),
    Family("albert", ("albert",), albert_parts),
    Family("modernbert", ("modernbert",)),
    Family("eurobert", ("eurobert",)),
    Family("ernie", ("ernie",)),
    Family("gpt2", ("gpt2",)),
    Family("llama", ("llama",)),
    Family("qwen2", ("qwen2",)),
)


STREAMS: dict[str, Callable[[Any], StreamParts]] = {
    "gpt2": gpt2_stream,
    "gpt_neox": gpt_neox_stream,
    "llama": llama_stream,
    "mistral": llama_stream,
    "qwen2": llama_stream,
    "qwen3": llama_stream,
    "eurobert": llama_stream,
    "modernbert": modernbert_stream,
}
"""Pre-LayerNorm architectures that can be dissected, by `model_type`."""


def family_of(model_type: str) -> Family:
    """Return the family of a transformers `model_type`; unknown ones give plain features only.

    >>> family_of("roberta").name, sorted(family_of("funnel").supports)
    ('bert', ['features'])
    """
    for family in FAMILIES:
        if model_type in family.model_types:
            return family
    return Family(model_type, (model_type,), prefix=False)


def prefix_types() -> tuple[str, ...]:
    """Return the model types that take a prefix."""
    return tuple(kind for family in FAMILIES if family.prefix for kind in family.model_types)


_MASKED = frozenset(
    {
        "deberta",
        "deberta-v2",
        "ernie",
        "eurobert",
        "gpt2",
        "gpt_neox",
        "llama",
        "megatron-bert",
        "mistral",
        "modernbert",
    }
    | {"qwen2", "qwen3", "rembert", "roformer", "xlnet"}
)


def masks_padding(model_type: str) -> bool:
    """Return whether a text's states are known not to change when padding stands behind it.

    FNet, ConvBERT and Nyströmformer look at padding whatever the mask says; what is not known may too.

    >>> masks_padding("modernbert"), masks_padding("fnet")
    (True, False)
    """
    return family_of(model_type).parts is not None or model_type in _MASKED


def n_token_rows(model: Any) -> int:
    """Return for how many tokens a loaded model has an embedding."""
    find = getattr(model, "get_input_embeddings", None)
    table = model.embeddings.word_embeddings if find is None else find()
    return table.weight.shape[0]


def parts_of(model: Any) -> EncoderParts:
    """Describe a loaded model's parts.

    Raises
    ------
    UnsupportedByFamily
        If this family's parts are not known here.
    """
    family = family_of(model.config.model_type)
    if family.parts is None:
        able = ", ".join(t for f in FAMILIES if f.parts is not None for t in f.model_types)
        raise UnsupportedByFamily(f"{family.name} encoders give plain features only; this needs one of {able}")
    return family.parts(model)


def stream_of(model: Any) -> StreamParts:
    """Describe a loaded pre-LayerNorm model's stream.

    Raises
    ------
    UnsupportedByFamily
        If it is not known here.
    """
    kind = model.config.model_type
    if kind not in STREAMS:
        raise UnsupportedByFamily(f"the stream of {kind} models is not known; this needs one of {', '.join(STREAMS)}")
    return STREAMS[kind](model)
