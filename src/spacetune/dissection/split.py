"""How much of an embedding a part of it is, and `Split`: the terms taken further apart.

There are four measures, all from ⟨e, v⟩, ‖v‖² and ‖e‖². Since these three numbers of a head, or of one attended token,
follow from small products, no part has to be built as a vector to be measured.
"""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from torch import Tensor

from spacetune.errors import UsageError
from spacetune.results import Result, jsonable

__all__ = ["MEASURES", "SPLITS", "MeasureName", "Split", "SplitName", "importance_of"]

MeasureName = Literal["relative_dot_product", "cosine", "norm_ratio", "l2"]
MEASURES: tuple[str, ...] = get_args(MeasureName)

SplitName = Literal["layer", "head", "attended", "bias"]
SPLITS: tuple[str, ...] = get_args(SplitName)


def importance_of(dots: Tensor, squares: Tensor, whole: Tensor, measure: MeasureName) -> Tensor:
    r"""Measure parts v of embeddings e; zero where e is zero.

    ========================  =======================================================================
    ``relative_dot_product``  ⟨e, v⟩ / ‖e‖²: sums to 1 over parts that sum to e; may be negative
    ``cosine``                ⟨e, v⟩ / (‖e‖ ‖v‖), in [-1, 1]; 0 for a part that is zero
    ``norm_ratio``            ‖v‖ / ‖e‖
    ``l2``                    ‖e - v‖, what is left without it
    ========================  =======================================================================

    The first is the TACL paper's, the others are from its follow-up (arXiv 2310.06977).

    `dots` and `squares`, ``(n, …)``, are ⟨e, v⟩ and ‖v‖²; `whole`, ``(n,)`` or broadcastable from the left, is ‖e‖².
    Raises `UsageError` if the measure is unknown.
    """
    if measure not in MEASURES:
        raise UsageError(f"measure must be one of {', '.join(MEASURES)}, got {measure!r}")
    whole = whole.reshape(whole.shape + (1,) * (dots.dim() - whole.dim()))
    if measure == "l2":
        return (whole - 2 * dots + squares).clamp(min=0).sqrt()
    if measure == "relative_dot_product":
        return (dots / whole).where(whole > 0, 0)
    if measure == "norm_ratio":
        return (squares / whole).sqrt().where(whole > 0, 0)
    return (dots / (squares * whole).sqrt()).where(squares * whole > 0, 0)


@dataclasses.dataclass(frozen=True, repr=False)
class Split(Result):
    """Parts of one layer's hidden states.

    ============  ==================  ===========================================================
    name          axes of a row       parts of
    ============  ==================  ===========================================================
    ``layer``     (2, layer)          attention and feed-forward, by the layer that added them
    ``head``      (layer, head)       attention
    ``attended``  (layer, head)       attention; a row is a token and one that it attends to
    ``bias``      (source,)           correction; `labels` names the sources
    ============  ==================  ===========================================================

    Parameters
    ----------
    name
        Which split.
    dots
        ``(n_rows, *axes)``: ⟨e, v⟩ of embedding e and part v.
    squares
        ``(n_rows, *axes)``: ‖v‖².
    whole
        ``(n_rows,)``: ‖e‖².
    offsets
        ``(n_texts + 1,)``: text i owns rows ``offsets[i]`` to ``offsets[i + 1]``; a row is a token, or for
        ``attended`` a pair, all attended tokens of the first token first.
    lengths
        ``(n_texts,)`` tokens.
    labels
        Names along the last axis.
    vectors
        ``(n_rows, *axes, dim)``, the parts themselves, or None where not asked for.
    """

    name: SplitName
    dots: Tensor
    squares: Tensor
    whole: Tensor
    offsets: Tensor
    lengths: Tensor
    labels: tuple[str, ...]
    vectors: Tensor | None = None

    def __repr__(self) -> str:
        kept = "" if self.vectors is None else ", vectors kept"
        return f"Split(by {self.name}, {len(self.lengths)} texts, {tuple(self.dots.shape)}{kept})"

    def importance(self, measure: MeasureName = "relative_dot_product") -> Tensor:
        """Return the measure of every part, ``(n_rows, *axes)``."""
        return importance_of(self.dots, self.squares, self.whole, measure)

    def of_text(self, text: int, measure: MeasureName = "relative_dot_product") -> Tensor:
        """Return one text's ``(token, *axes)``, or for ``attended`` ``(token, attended, layer, head)``."""
        rows = slice(int(self.offsets[text]), int(self.offsets[text + 1]))
        found = importance_of(self.dots[rows], self.squares[rows], self.whole[rows], measure)
        length = int(self.lengths[text])
        return found.unflatten(0, (length, length)) if self.name == "attended" and length else found

    def mean(self, measure: MeasureName = "relative_dot_product") -> Tensor:
        """Return the mean over rows, shaped as the axes; for ``head`` the grid of heads."""
        return self.importance(measure).mean(0)

    def to_dict(self) -> dict[str, Any]:
        """Return names and importances as plain containers: of every text, and their mean."""
        texts = [self.of_text(i).sum((2, 3)) if self.name == "attended" else self.of_text(i) for i in self._texts()]
        return jsonable({
            "name": self.name,
            "labels": self.labels,
            "mean": self.mean().tolist(),
            "texts": [text.tolist() for text in texts],
        })  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: everything."""
        return [self.to_dict()]

    def _texts(self) -> range:
        return range(len(self.lengths))
