"""Pairs whose texts are read apart: every different text once, met again in its pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from spacetune.encoders.given import TextInput, each_once
from spacetune.encoders.token_features import FeatureSource, Provenance, TokenFeatures

__all__ = ["PairedFeatures", "texts_of_pairs"]


def texts_of_pairs(pairs: Sequence[TextInput]) -> tuple[list[TextInput], Tensor]:
    """Return the different texts of pairs, and where each pair's two stand among them, ``(n_pairs, 2)``.

    >>> texts, places = texts_of_pairs([("a", "b"), ("b", "b")])
    >>> texts, places.tolist()
    (['a', 'b'], [[0, 1], [1, 1]])
    """
    texts, places = each_once([text for pair in pairs for text in pair])
    return texts, torch.as_tensor(places).view(-1, 2)


@dataclasses.dataclass(frozen=True)
class PairedFeatures:
    """Features of pairs: those of the first text, then those of the second, each read alone.

    Parameters
    ----------
    source
        Features of the texts, in memory or on disk.
    places
        ``(n_pairs, 2)``: where the two texts of a pair stand in it.
    """

    source: FeatureSource
    places: Tensor

    def __len__(self) -> int:
        return len(self.places)

    @property
    def lengths(self) -> Tensor:
        """Tokens of both texts together, ``(n_pairs,)``."""
        return self.source.lengths[self.places].sum(1)

    @property
    def first(self) -> Tensor:
        """Tokens of the first text, ``(n_pairs,)``."""
        return self.source.lengths[self.places[:, 0]]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        return self.source.shape

    @property
    def provenance(self) -> Provenance | None:
        """Where the features come from."""
        return getattr(self.source, "provenance", None)

    def take(self, texts: Tensor) -> TokenFeatures:
        """Return the features of these pairs, in this order."""
        single = self.source.take(self.places[texts].flatten())
        cut = None if single.truncated is None else single.truncated.view(-1, 2).any(1)
        first = single.lengths.view(-1, 2)[:, 0]
        return dataclasses.replace(single, offsets=single.offsets[::2], truncated=cut, first=first)

    def take_ids(self, texts: Tensor) -> Tensor | None:
        """Return the token ids of these pairs, end to end."""
        return self.source.take_ids(self.places[texts].flatten())
