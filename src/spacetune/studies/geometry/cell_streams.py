"""A second pass over the tokens: all of them counted into the cells of quantizers that the sample has trained."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Collection, Sequence
from functools import reduce

import numpy as np

from spacetune.encoders import TokenFeatures
from spacetune.errors import DataError, MissingExtraError
from spacetune.geometry import CellCounts, Measured, Quantizer, SampleSizeWarning, find_measure, train_quantizer
from spacetune.geometry.quantizers import QuantizerKind
from spacetune.studies.geometry.token_streams import by_group, groups_of

__all__ = ["COUNTED", "CellStream", "LayerCells"]

KINDS: dict[str, QuantizerKind] = {"pq": "product", "aq": "additive"}
VALUES = {
    "re": "reconstruction_error",
    "rs": "reconstruction_skew",
    "pc_var": "point_count_variance",
    "pc_kl": "point_count_kl",
    "pp": "patchiness",
}
COUNTED: dict[str, tuple[QuantizerKind, str]] = {
    f"{short}_{name}": (kind, attribute) for short, kind in KINDS.items() for name, attribute in VALUES.items()
}
"""Measures that cell counts are enough for: the quantizer's kind, and where `CellCounts` has the value."""


class LayerCells:
    """What is kept of one layer: a quantizer of each kind, and the counts of every group of texts.

    Parameters
    ----------
    tokens
        The layer's sampled tokens (n, dim), which train the quantizers. One that cannot be trained on them (too few
        tokens, equal tokens, no faiss) is left out.
    names
        The measures to work out, all in `COUNTED`.
    n_groups
        Number of groups of texts.
    """

    def __init__(self, tokens: np.ndarray, names: Sequence[str], n_groups: int) -> None:
        self.quantizers = _trained(tokens, {COUNTED[name][0] for name in names})
        self.names = tuple(name for name in names if COUNTED[name][0] in self.quantizers)
        self._n_groups = n_groups
        self._counts = {kind: [CellCounts(q) for _ in range(n_groups)] for kind, q in self.quantizers.items()}

    def update(self, states: np.ndarray, groups: np.ndarray) -> None:
        """Take in states (n_tokens, dim) whose texts belong to these groups (n_tokens,)."""
        for group, chosen in by_group(states, groups, self._n_groups):
            for counts in self._counts.values():
                counts[group].update(chosen)

    def empty(self) -> LayerCells:
        """Return the same quantizers with nothing counted."""
        found = copy.copy(self)
        found._counts = {kind: [CellCounts(q) for _ in range(self._n_groups)] for kind, q in self.quantizers.items()}
        return found

    def merge(self, other: LayerCells) -> LayerCells:
        """Return the counts of both."""
        both = copy.copy(self)
        both._counts = {
            kind: [one.merge(two) for one, two in zip(counts, other._counts[kind], strict=True)]
            for kind, counts in self._counts.items()
        }
        return both

    def measured(self, chosen: np.ndarray | None = None) -> list[Measured]:
        """Return the measures over the chosen groups (a mask), or over all."""
        rows = range(self._n_groups) if chosen is None else np.flatnonzero(chosen).tolist()
        merged = {kind: reduce(CellCounts.merge, [of[row] for row in rows]) for kind, of in self._counts.items()}
        found: list[Measured] = []
        for name in self.names:
            kind, attribute = COUNTED[name]
            counts = merged[kind]
            advised = find_measure(name).advice.advised(counts.quantizer.dim)
            value = getattr(counts, attribute) if counts.n else None
            found.append(Measured(name, value, counts.n, advised, None if counts.n else "no tokens were counted"))
        return found


class CellStream:
    """Cell counts of every layer, beside the moments and the sample that a `TokenStream` keeps.

    Parameters
    ----------
    tokens
        Sampled tokens (n, layer, dim).
    names
        Measures to count for, all in `COUNTED`; none keeps nothing.
    n_groups
        Groups that texts are dealt into.
    """

    def __init__(self, tokens: np.ndarray, names: Sequence[str], n_groups: int) -> None:
        self.layers = [LayerCells(tokens[:, i], names, n_groups) for i in range(tokens.shape[1])]
        self.n_groups = n_groups
        self._n_texts = 0

    def empty(self, *, first_text: int = 0, first_token: int = 0) -> CellStream:
        """Return the same cells with nothing counted, for the texts after the first so many."""
        found = copy.copy(self)
        found.layers, found._n_texts = [layer.empty() for layer in self.layers], first_text
        return found

    def merge(self, other: CellStream) -> CellStream:
        """Return the counts of both."""
        both = copy.copy(self)
        both.layers = [one.merge(two) for one, two in zip(self.layers, other.layers, strict=True)]
        return both

    @property
    def names(self) -> tuple[str, ...]:
        """The measures counted for at some layer, in the order asked for."""
        return tuple(dict.fromkeys(name for layer in self.layers for name in layer.names))

    def update(self, features: TokenFeatures) -> None:
        """Take in the features of the next texts."""
        values = features.values.float().numpy()
        groups = groups_of(features, self._n_texts, self.n_groups)
        for i, layer in enumerate(self.layers):
            layer.update(values[:, i], groups)
        self._n_texts += len(features)


def _trained(tokens: np.ndarray, kinds: Collection[QuantizerKind]) -> dict[QuantizerKind, Quantizer]:
    found: dict[QuantizerKind, Quantizer] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        for kind in sorted(kinds):
            try:
                found[kind] = train_quantizer(tokens, kind)
            except (DataError, MissingExtraError):
                continue  # the same measure on the sample says why
    return found
