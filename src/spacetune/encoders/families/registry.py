"""Which family a model belongs to, and what that family can do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from spacetune.encoders.families.albert import albert_parts
from spacetune.encoders.families.bert import bert_parts
from spacetune.encoders.families.distilbert import distilbert_parts
from spacetune.encoders.families.mpnet import mpnet_parts
from spacetune.encoders.families.parts import EncoderParts
from spacetune.errors import UnsupportedByFamily

__all__ = ["FAMILIES", "Family", "family_of", "masks_padding", "parts_of"]


@dataclasses.dataclass(frozen=True)
class Family:
    """Architectures with the same parts; `parts` is None where only plain features are supported."""

    name: str
    model_types: tuple[str, ...]
    parts: Callable[[Any], EncoderParts] | None = None

    @property
    def supports(self) -> frozenset[str]:
        """What can be asked of it: ``features`` always, ``fast`` (packed, no padding) where parts are known."""
        return frozenset({"features"} if self.parts is None else {"features", "fast"})


FAMILIES: tuple[Family, ...] = (
    Family("bert", ("bert", "roberta", "xlm-roberta", "camembert", "electra"), bert_parts),
    Family("distilbert", ("distilbert",), distilbert_parts),
    Family("mpnet", ("mpnet",), mpnet_parts),
    Family("albert", ("albert",), albert_parts),
)


def family_of(model_type: str) -> Family:
    """Return the family of a transformers `model_type`; unknown ones give plain features only.

    >>> family_of("roberta").name, sorted(family_of("funnel").supports)
    ('bert', ['features'])
    """
    for family in FAMILIES:
        if model_type in family.model_types:
            return family
    return Family(model_type, (model_type,))


_MASKED = frozenset(
    {"deberta", "deberta-v2", "ernie", "eurobert", "gpt2", "llama", "megatron-bert", "modernbert", "qwen2", "rembert"}
    | {"roformer", "xlnet"}
)


def masks_padding(model_type: str) -> bool:
    """Return whether a text's states are known not to change when padding stands behind it.

    FNet, ConvBERT and Nyströmformer look at padding whatever the mask says; what is not known may too.

    >>> masks_padding("modernbert"), masks_padding("fnet")
    (True, False)
    """
    return family_of(model_type).parts is not None or model_type in _MASKED


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
