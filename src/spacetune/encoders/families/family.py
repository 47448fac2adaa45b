"""`Family`: all that is known of the architectures that share their parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from spacetune.encoders.families.parts import EncoderParts
from spacetune.encoders.families.streams import StreamParts

__all__ = ["Family", "OwnAttention"]


@dataclasses.dataclass(frozen=True)
class OwnAttention:
    """The attention modules of a model that passes no keywords on to them, and their forward with a ``prefix_feed``."""

    modules: Callable[[Any], list[Any]]
    forward: Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Family:
    """What one file of this room knows.

    Parameters
    ----------
    name
        Of the family.
    model_types
        What transformers calls its architectures.
    parts
        Describes a loaded model that normalises after its sub-layers; then it runs packed, and can be dissected.
    stream
        Describes one that normalises before them; then it can be dissected.
    prefix
        Whether keys and values can be put before a text's own.
    masks_padding
        Whether a text's states are known not to change when padding stands behind it.
    after_padding
        Of these types the first position stands behind that of the padding.
    shifts
        Of these types PEFT puts real tokens behind a prefix in position.
    attention
        How a prefix enters where transformers' own door for it is shut.
    """

    name: str
    model_types: tuple[str, ...]
    parts: Callable[[Any], EncoderParts] | None = None
    stream: Callable[[Any], StreamParts] | None = None
    prefix: bool = False
    masks_padding: bool = False
    after_padding: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    attention: OwnAttention | None = None

    @property
    def supports(self) -> frozenset[str]:
        """What can be asked of it.

        ``features`` always, ``fast`` (packed, no padding) where parts are known, ``dissect`` where an exact sum of
        terms is, ``prefix`` where keys and values can be put before a text's own.
        """
        dissected = self.parts is not None or self.stream is not None
        fast = ["fast"] * (self.parts is not None)
        return frozenset(["features", *fast, *["dissect"] * dissected, *["prefix"] * self.prefix])
