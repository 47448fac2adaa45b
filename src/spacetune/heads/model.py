"""`Model`: what is learnt inside the encoder, if anything is, and what reads its states on top."""

from __future__ import annotations

import dataclasses
import functools

from spacetune.encoders import Adapter, LayerChanges
from spacetune.heads.head import Head, HeadSum
from spacetune.heads.lexicon import Lexicon

__all__ = ["Model"]


@dataclasses.dataclass(frozen=True)
class Model:
    """One point: something inside the encoder, or nothing, and a head on top.

    Parameters
    ----------
    head
        Reads token features.
    adapter
        What the encoder runs under, or what was added to its upper layers; None reads its own states.
    lexicon
        Scores of words beside the head's; None has none.
    """

    head: Head
    adapter: Adapter | LayerChanges | None = None
    lexicon: Lexicon | None = None

    @functools.cached_property
    def on_top(self) -> Head:
        """The head, and the lexicon where there is one: what the logits are made by."""
        return self.head if self.lexicon is None else HeadSum([self.head, self.lexicon])
