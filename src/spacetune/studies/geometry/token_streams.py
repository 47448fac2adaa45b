"""What one pass over the token states of many texts keeps: all that measures need, in memory that does not grow."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np

from spacetune.encoders import TokenFeatures
from spacetune.geometry import Directions, Measured, Moments, Reservoir, find_measure
from spacetune.geometry.entropies import entropy_share
from spacetune.geometry.half_samples import merge_all

__all__ = ["GROUPS", "LayerStream", "TokenStream", "by_group", "groups_of"]

GROUPS = 16
"""Groups into which texts are dealt for intervals; a text belongs to one of them whole."""


def groups_of(features: TokenFeatures, n_before: int, n_groups: int) -> np.ndarray:
    """Return the group of each token's text (n_tokens,), where `n_before` texts came before these."""
    return np.repeat(n_before + np.arange(len(features)), features.lengths.numpy()) % n_groups


def by_group(states: np.ndarray, groups: np.ndarray, n_groups: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each group that has states, with its states.

    >>> [(group, part.tolist()) for group, part in by_group(np.array([[1], [2], [3]]), np.array([0, 2, 0]), 4)]
    [(0, [[1], [3]]), (2, [[2]])]
    """
    for group in range(n_groups):
        chosen = states if n_groups == 1 else states[groups == group]
        if len(chosen):
            yield group, chosen


class LayerStream:
    """What is kept of one layer, by group of texts: moments, the sum of directions, and entropies of the texts."""

    def __init__(self, dim: int, n_groups: int, prompts: bool = False) -> None:
        self.moments = [Moments(dim) for _ in range(n_groups)]
        self.directions = [Directions(dim) for _ in range(n_groups)]
        self.prompts = np.zeros((n_groups, 3)) if prompts else None

    def update(self, states: np.ndarray, groups: np.ndarray, lengths: np.ndarray) -> None:
        """Take in states (n_tokens, dim) of texts of these lengths, with the group of each token (n_tokens,)."""
        for group, chosen in by_group(states, groups, len(self.moments)):
            self.moments[group].update(chosen)
            self.directions[group].update(chosen)
        if self.prompts is not None:
            for end, length in zip(np.cumsum(lengths), lengths, strict=True):
                if length > 1:
                    share = entropy_share(states[end - length : end].astype(np.float64))
                    self.prompts[groups[end - 1]] += share, 1, length

    def merge(self, other: LayerStream) -> LayerStream:
        """Return what is kept of both."""
        both = LayerStream(self.directions[0].dim, 0)
        both.moments = [one.merge(two) for one, two in zip(self.moments, other.moments, strict=True)]
        both.directions = [one.merge(two) for one, two in zip(self.directions, other.directions, strict=True)]
        both.prompts = None if self.prompts is None or other.prompts is None else self.prompts + other.prompts
        return both

    def prompt_entropy(self, chosen: np.ndarray | None = None) -> Measured:
        """Return the mean entropy over texts of two tokens and more of the chosen groups (a mask), or of all."""
        kept = np.zeros((1, 3)) if self.prompts is None else self.prompts if chosen is None else self.prompts[chosen]
        total, n_texts, n_tokens = kept.sum(0)
        problem = None if n_texts else "no text has two tokens"
        advised = find_measure("prompt_entropy").advice.points
        return Measured("prompt_entropy", float(total / n_texts) if n_texts else None, int(n_tokens), advised, problem)

    def merged(self, chosen: np.ndarray | None = None) -> tuple[Moments, Directions]:
        """Return moments and directions of the chosen groups (a mask), or of all."""
        rows = range(len(self.moments)) if chosen is None else np.flatnonzero(chosen)
        directions = Directions(self.directions[0].dim)
        for row in rows:
            directions = directions.merge(self.directions[row])
        return merge_all([self.moments[row] for row in rows]), directions


class TokenStream:
    """Accumulators over all layers of an encoder, and one sample of tokens, the same at every layer.

    Memory grows by one number a text.

    Parameters
    ----------
    n_layers
        Number of layers read.
    dim
        Width of a state.
    sample
        Number of tokens to keep.
    seed
        Of the sample.
    n_groups
        1, or the number of groups that texts are dealt into for intervals.
    moments
        Whether to keep moments and directions beside the sample.
    prompts
        Whether to keep the entropy of every text's states beside them.
    first_text, first_token
        How many texts and tokens come before these, in a stream that is merged with theirs.
    """

    def __init__(
        self,
        n_layers: int,
        dim: int,
        *,
        sample: int,
        seed: int,
        n_groups: int = 1,
        moments: bool = True,
        prompts: bool = False,
        first_text: int = 0,
        first_token: int = 0,
    ) -> None:
        self.layers = [LayerStream(dim, n_groups, prompts) for _ in range(n_layers)] if moments else []
        self.n_texts = self.n_tokens = 0
        self.n_groups = n_groups
        self._first_text = first_text
        self._lengths: list[np.ndarray] = []
        self._sample = Reservoir(sample, seed=seed, start=first_token)
        self._shape = n_layers, dim

    def update(self, features: TokenFeatures) -> None:
        """Take in the features of the next texts."""
        values = features.values.float().numpy()
        groups = groups_of(features, self._first_text + self.n_texts, self.n_groups)
        for i, layer in enumerate(self.layers):
            layer.update(values[:, i], groups, features.lengths.numpy())
        self._sample.update(values.reshape(len(values), -1))
        self._lengths.append(features.lengths.numpy())
        self.n_texts += len(features)
        self.n_tokens += len(values)

    def merge(self, other: TokenStream) -> TokenStream:
        """Return the stream of these texts and of `other`'s, which follow them."""
        both = copy.copy(self)
        both.layers = [one.merge(two) for one, two in zip(self.layers, other.layers, strict=True)]
        both.n_texts, both.n_tokens = self.n_texts + other.n_texts, self.n_tokens + other.n_tokens
        both._lengths = self._lengths + other._lengths
        both._sample = self._sample.merge(other._sample)
        return both

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """Return sampled tokens (n, layer, dim) and the group of each; of a stream that begins with the first text."""
        ends = np.cumsum(np.concatenate(self._lengths))
        texts = np.searchsorted(ends, self._sample.rows, side="right")
        return self._sample.points.reshape(-1, *self._shape), texts % self.n_groups
