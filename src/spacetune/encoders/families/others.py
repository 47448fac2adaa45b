"""Architectures whose parts are not known here: how they behave is."""

from __future__ import annotations

from spacetune.encoders.families.family import Family

__all__ = ["FAMILIES"]

MASKING = ("deberta", "deberta-v2", "megatron-bert", "rembert", "roformer", "xlnet")

FAMILIES = (
    Family("ernie", ("ernie",), prefix=True, masks_padding=True, shifts=("ernie",)),
    *(Family(name, (name,), masks_padding=True) for name in MASKING),
)
