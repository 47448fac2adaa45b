r"""How much of an embedding a part of it is: four measures, all from ⟨e, v⟩, ‖v‖² and ‖e‖².

Since these three numbers of a head, or of one attended token, follow from small products, no part has to be built
as a vector to be measured.
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

from spacetune.errors import UsageError

__all__ = ["MEASURES", "MeasureName", "importance_of"]

MeasureName = Literal["relative_dot_product", "cosine", "norm_ratio", "l2"]
MEASURES: tuple[str, ...] = get_args(MeasureName)


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
