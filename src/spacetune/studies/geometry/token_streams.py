"""One pass over the token states of many texts: everything that measures need, in memory that does not grow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch

from spacetune.encoders import Encoder, FeatureStore, TextInput, TokenFeatures, default_store
from spacetune.fitting import text_chunks
from spacetune.geometry import Directions, Measured, Moments, Reservoir, find_measure
from spacetune.geometry.entropies import entropy_share
from spacetune.geometry.half_samples import merge_all

__all__ = ["GROUPS", "LayerStream", "TokenStates", "TokenStream", "by_group", "groups_of"]

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
    ) -> None:
        self.layers = [LayerStream(dim, n_groups, prompts) for _ in range(n_layers)] if moments else []
        self.n_texts = self.n_tokens = 0
        self.n_groups = n_groups
        self._lengths: list[np.ndarray] = []
        self._sample = Reservoir(sample, seed=seed)
        self._shape = n_layers, dim

    def update(self, features: TokenFeatures) -> None:
        """Take in the features of the next texts."""
        values = features.values.float().numpy()
        groups = groups_of(features, self.n_texts, self.n_groups)
        for i, layer in enumerate(self.layers):
            layer.update(values[:, i], groups, features.lengths.numpy())
        self._sample.update(values.reshape(len(values), -1))
        self._lengths.append(features.lengths.numpy())
        self.n_texts += len(features)
        self.n_tokens += len(values)

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """Return sampled tokens (n, layer, dim) and the group of each."""
        ends = np.cumsum(np.concatenate(self._lengths))
        texts = np.searchsorted(ends, self._sample.rows, side="right")
        return self._sample.points.reshape(-1, *self._shape), texts % self.n_groups


@dataclasses.dataclass(frozen=True)
class TokenStates:
    """The token states of texts at some layers, read as often as they are asked for, some texts at a time.

    Without a store nothing is kept; with one, what it lacks is encoded and kept first.
    """

    encoder: Encoder
    inputs: list[TextInput]
    layers: tuple[int, ...]
    store: FeatureStore | Literal["auto"] | None
    progress: bool | None

    def feed(self, take_in: Callable[[TokenFeatures], object]) -> int:
        """Hand on the features of all texts in their order; return how many texts were cut."""
        n_cut = 0
        for part, cut in self._chunks():
            take_in(part)
            n_cut += cut
        return n_cut

    def _chunks(self) -> Iterator[tuple[TokenFeatures, int]]:
        """Yield features of consecutive texts, and how many texts were newly found cut."""
        store = default_store() if self.store == "auto" else self.store
        if store is None:
            for part in self.encoder.encode_runs(self.inputs, layers=self.layers, progress=self.progress):
                yield part, 0 if part.provenance is None else part.provenance.n_truncated
            return
        source: Any = store.encode(self.encoder, self.inputs, layers=self.layers, progress=self.progress)
        cut = source.provenance.n_truncated
        with torch.inference_mode():
            for rows in text_chunks(source.lengths):
                yield source.take(rows), cut
                cut = 0
