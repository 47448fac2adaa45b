"""Which grams texts hold, and how often: counted over some texts at a time, so that memory is that of the counts."""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix, vstack

from spacetune.fitting.inputs import Inputs
from spacetune.heads import owned_grams
from spacetune.heads.lexicon import KIND

__all__ = ["FIRST_ALONE", "KnownGrams", "has_grams"]

Array = np.ndarray[Any, Any]

AT_A_TIME = 50_000
IDF_SCALE = 3.0
LEAST_TEXTS = 2
FIRST_ALONE = 2
"""Times `KIND`, of a gram that the first of two texts alone has."""


def has_grams(source: Inputs) -> bool:
    """Tell whether token ids of these texts are known."""
    ids = source.take_ids(torch.arange(min(1, len(source))))
    return ids is not None and int(source.lengths.sum()) > 0


@dataclasses.dataclass(frozen=True)
class KnownGrams:
    """Wordpieces and pairs of neighbours that enough texts hold.

    Parameters
    ----------
    grams
        ``(n_known,)``, ascending.
    idf
        ``(n_known,)``: their inverse frequency over texts, as scikit-learn smooths it, over `IDF_SCALE`.
    symmetric
        Of pairs of texts: whether what the first alone has is what the second alone has.
    """

    grams: Array
    idf: Array
    symmetric: bool = False

    @classmethod
    def of(cls, source: Inputs, symmetric: bool, most: int) -> KnownGrams:
        """Find the grams that two texts hold or more; where they are more than `most`, the most frequent."""
        grams, n_holding = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for keys, owner, _ in _keys(source, symmetric):
            if not len(keys):
                continue
            found, place = np.unique(keys, return_inverse=True)
            held = csr_matrix((np.ones(len(keys), dtype=np.float32), (owner, place)))
            held.sum_duplicates()
            holding = np.bincount(held.indices, minlength=len(found))
            if len(grams):
                found, place = np.unique(np.concatenate([grams, found]), return_inverse=True)
                holding = np.bincount(place, np.concatenate([n_holding, holding])).astype(np.int64)
            grams, n_holding = found, holding
        often = np.flatnonzero(n_holding >= LEAST_TEXTS)
        if len(often) > most:
            often = np.sort(often[np.argsort(-n_holding[often], kind="stable")[:most]])
        idf = (np.log((1 + len(source)) / (1 + n_holding[often])) + 1) / IDF_SCALE
        return cls(grams[often], idf, symmetric)

    def __len__(self) -> int:
        return len(self.grams)

    def counts(self, source: Inputs) -> Any:
        """Return counts times idf over the root of the text's length, ``(text, gram)``, sparse."""
        parts: list[Any] = []
        for keys, owner, lengths in _keys(source, self.symmetric):
            places = np.searchsorted(self.grams, keys).clip(max=len(self.grams) - 1)
            known = self.grams[places] == keys
            owner, places = owner[known], places[known]
            rows = csr_matrix((1 / np.sqrt(lengths[owner]), (owner, places)), shape=(len(lengths), len(self.grams)))
            rows.sum_duplicates()
            rows.data *= self.idf[rows.indices]
            parts.append(rows)
        return parts[0] if len(parts) == 1 else vstack(parts, format="csr")


def _keys(source: Inputs, symmetric: bool) -> Iterator[tuple[Array, Array, Array]]:
    """Yield of some texts every gram, the text (or pair of texts) each stands in, and the lengths of these."""
    for start in range(0, len(source), AT_A_TIME):
        rows = torch.arange(start, min(start + AT_A_TIME, len(source)))
        ids, lengths = source.take_ids(rows), source.lengths[rows]
        assert ids is not None
        grams, owner = owned_grams(ids, lengths, None if source.first is None else source.first[rows])
        grams = torch.where(grams // KIND > FIRST_ALONE, grams - KIND, grams) if symmetric else grams
        yield grams.numpy(), owner.numpy(), lengths.numpy()
