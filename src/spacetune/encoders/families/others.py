"""Architectures whose parts are not known here: how they behave is."""

from __future__ import annotations

from spacetune.encoders.families.family import Family

__all__ = ["FAMILIES"]

MASKING = ("deberta", "deberta-v2", "megatron-bert", "rembert", "roformer", "xlnet", "t5", "mt5", "umt5")

FAMILIES = (
    Family("ernie", ("ernie",), prefix=True, masks_padding=True, shifts=("ernie",)),
    *(Family(name, (name,), masks_padding=True) for name in MASKING),
)
