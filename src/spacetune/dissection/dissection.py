"""The four terms, and `Dissection`: hidden states that are sums of them, and what can be asked of these."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from spacetune.dissection.split import MeasureName, Split, importance_of
from spacetune.encoders import Provenance, TokenFeatures
from spacetune.errors import UsageError, counted, did_you_mean
from spacetune.results import Result, jsonable

__all__ = ["TERMS", "Dissection", "subset_name", "term_subsets"]

TERMS = ("input", "attention", "feed_forward", "correction")
"""i, h, f and c of the paper, in its order."""


def term_subsets() -> list[tuple[str, ...]]:
    """Return the 15 non-empty subsets of the terms in the paper's order: singles, pairs, triples, all.

    >>> len(term_subsets()), term_subsets()[4]
    (15, ('input', 'attention'))
    """
    return [subset for size in range(1, 5) for subset in combinations(TERMS, size)]


def subset_name(subset: tuple[str, ...]) -> str:
    """Return the paper's short name of a subset.

    >>> subset_name(("attention", "correction")), subset_name(TERMS)
    ('H+C', 'all')
    """
    return "all" if len(subset) == len(TERMS) else "+".join("IHFC"[TERMS.index(term)] for term in subset)


def check_terms(terms: tuple[str, ...]) -> tuple[int, ...]:
    """Return the places of these terms, ascending and each once.

    Raises `UsageError` if one is unknown, or there is none.
    """
    unknown = [term for term in terms if term not in TERMS]
    if unknown or not terms:
        near = did_you_mean(str(unknown[0]), TERMS) if unknown else None
        hint = f"; did you mean {near!r}?" if near else ""
        raise UsageError(f"terms must be some of {', '.join(TERMS)}, got {unknown[0] if unknown else 'none'!r}{hint}")
    return tuple(sorted({TERMS.index(term) for term in terms}))


@dataclasses.dataclass(frozen=True, repr=False)
class Dissection(Result):
    r"""Hidden states of many texts, each an exact sum of four terms.

    .. math:: e_t = i_t + h_t + f_t + c_t

    Parameters
    ----------
    terms
        ``(n_tokens, n_layers, 4, dim)``: input, attention, feed-forward and correction, as in `TERMS`.
    states
        ``(n_tokens, n_layers, dim)``: the hidden states as the model carried them.
    offsets
        ``(n_texts + 1,)``: text i owns rows ``offsets[i]`` to ``offsets[i + 1]``.
    token_ids
        ``(n_tokens,)``.
    provenance
        Encoder, layers, dtype, texts cut.
    tokens
        The wordpieces of every text.
    splits
        Finer parts by name, where they were asked for.
    """

    terms: Tensor
    states: Tensor
    offsets: Tensor
    token_ids: Tensor
    provenance: Provenance
    tokens: tuple[tuple[str, ...], ...]
    splits: Mapping[str, Split]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        n_tokens, n_layers, _, dim = self.terms.shape
        dtype = str(self.terms.dtype).removeprefix("torch.")
        held = ", ".join([counted(len(self), "text"), counted(n_tokens, "token"), counted(n_layers, "layer")])
        return f"Dissection({held} of {dim}, 4 terms, {dtype})"

    @property
    def layers(self) -> tuple[int, ...]:
        """Which layers: 0 is the embeddings."""
        return self.provenance.layers

    def term(self, name: str) -> Tensor:
        """Return one term of every token and layer, ``(n_tokens, n_layers, dim)``."""
        return self.terms[:, :, check_terms((name,))[0]]

    def split(self, name: str) -> Split:
        """Return a finer split that was asked for.

        Raises `UsageError` if it was not.
        """
        if name not in self.splits:
            raise UsageError(f"this dissection has no split by {name!r}; ask for it: dissect(…, splits=[{name!r}])")
        return self.splits[name]

    def residual(self) -> float:
        """Return the largest ``|i + h + f + c - e|`` over tokens, layers and dimensions: rounding, and nothing else."""
        gaps = [(part.sum(2) - whole).abs().max() for part, whole in self._chunks() if len(part)]
        return float(torch.stack(gaps).max()) if gaps else 0.0

    def importance(self, measure: MeasureName = "relative_dot_product") -> Tensor:
        """Return how much of every hidden state each term is, ``(n_tokens, n_layers, 4)``; see `importance_of`.

        The relative dot product sums to 1 over the terms, to rounding.
        """
        found = [
            importance_of(
                torch.einsum("nltd,nld->nlt", part, whole), part.square().sum(3), whole.square().sum(2), measure
            )
            for part, whole in self._chunks()
        ]
        return torch.cat(found) if found else self.terms.new_zeros(self.terms.shape[:3])

    def only(self, *terms: str) -> TokenFeatures:
        """Return the sum of these terms as token features, for a classifier, a concept space, anything downstream."""
        places = check_terms(terms)
        name = subset_name(tuple(TERMS[place] for place in places))
        values = self.terms[:, :, places[0]].clone()
        for place in places[1:]:
            values += self.terms[:, :, place]
        provenance = dataclasses.replace(self.provenance, encoder=f"{self.provenance.encoder}, terms {name}")
        return TokenFeatures(values, self.offsets, self.token_ids, provenance)

    def without(self, *terms: str) -> TokenFeatures:
        """Return the sum of all other terms as token features.

        Raises `UsageError` if no term is left.
        """
        places = check_terms(terms)
        if len(places) == len(TERMS):
            raise UsageError("without() needs a term to be left, got all four")
        return self.only(*(term for place, term in enumerate(TERMS) if place not in places))

    def curves(self, measure: MeasureName = "relative_dot_product") -> list[dict[str, Any]]:
        """Return mean and standard deviation of every term's importance over tokens, one row a layer."""
        found = self.importance(measure).double()
        return [
            {"layer": layer}
            | dict(zip(TERMS, found[:, i].mean(0).tolist(), strict=True))
            | {f"{t} std": s for t, s in zip(TERMS, found[:, i].std(0, correction=0).tolist(), strict=True)}
            for i, layer in enumerate(self.layers)
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a token and layer: text, token, and the importance of every term."""
        found = self.importance().tolist()
        tokens = [(i, token) for i, text in enumerate(self.tokens) for token in text]
        return [
            {"text": i, "token": token, "layer": layer, **dict(zip(TERMS, values, strict=True))}
            for (i, token), row in zip(tokens, found, strict=True)
            for layer, values in zip(self.layers, row, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return importances, curves over layers, splits and the residual as plain containers; no vectors."""
        return jsonable({
            "encoder": self.provenance,
            "layers": self.layers,
            "terms": TERMS,
            "residual": self.residual(),
            "curves": self.curves(),
            "rows": self.rows(),
            "splits": {name: split.to_dict() for name, split in self.splits.items()},
        })  # fmt: skip

    def _chunks(self) -> zip[tuple[Tensor, Tensor]]:
        return zip(self.terms.split(4096), self.states.split(4096), strict=True)
