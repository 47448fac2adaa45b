"""Measures between two sets: the same n points in two spaces, or two sets of points in one space.

All take arrays (n, d) or `PointCloud`s. Paired measures need equal n, row i of one being the same text or
token as row i of the other; subspace measures need equal d.
"""

from __future__ import annotations

import numpy as np

from spacetune.errors import DataError, UsageError
from spacetune.geometry.cloud import PointCloud, Points, as_cloud
from spacetune.geometry.points import NEIGHBOURS, PAIRS, SPECTRAL, SampleAdvice
from spacetune.geometry.spectrum import FloatArray

__all__ = ["linear_cka", "neighbour_overlap", "principal_angles", "procrustes", "subspace_overlap"]

DEBIASED = SampleAdvice(at_least=4, points=100)


def paired(first: Points, second: Points, measure: str, advice: SampleAdvice) -> tuple[PointCloud, PointCloud]:
    """Return two sets of as many points, neither of them constant.

    Raises `DataError` if there are too few, not as many in both, or all equal.
    """
    left, right = as_cloud(first, measure, advice), as_cloud(second, measure, advice)
    if left.n != right.n:
        raise DataError(
            f"{measure} pairs row i of one set with row i of the other, so both need as many points, got "
            f"{left.n} and {right.n}: pass the same texts through both"
        )
    left.spectrum.spread(measure)
    right.spectrum.spread(measure)
    return left, right


def _centred(cloud: PointCloud) -> FloatArray:
    return cloud.values - cloud.values.mean(axis=0)


def linear_cka(first: Points, second: Points, *, debiased: bool = False) -> float:
    """Linear CKA: similarity of two representations of the same points.

    With X, Y centred: ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F).

    - Range: 0 to 1 (1 for equal up to rotation and scale); debiased about −1 to 1.
    - Invariant to rotation, shift and global scale of either set.
    - Source: Kornblith et al., ICML 2019; debiased with the unbiased HSIC of Song et al. 2012 (n >= 4).
    - Sample size: unrelated sets read about d/n when d < n and near 1 when n < d, so use `debiased` unless n
      is many times d. Cost: O(n d²), no n × n matrix. Constant points raise `DataError`.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((200, 3))
    >>> round(linear_cka(x, 2 * x[:, ::-1] + 1), 6)
    1.0
    """
    left, right = paired(first, second, "linear_cka", DEBIASED if debiased else PAIRS)
    x, y = _centred(left), _centred(right)
    if debiased:
        both, own, other = _hsic(x, y), _hsic(x, x), _hsic(y, y)
    else:
        both, own, other = (float(np.sum((a.T @ b) ** 2)) for a, b in ((x, y), (x, x), (y, y)))
    if own <= 0 or other <= 0:
        raise DataError("debiased CKA needs more independent points, got an estimate of 0: pass more points")
    return float(both / np.sqrt(own * other))


def _hsic(x: FloatArray, y: FloatArray) -> float:
    """Return n(n−3) times the unbiased HSIC of linear kernels, from centred x and y in O(n d²)."""
    n = len(x)
    own_x, own_y = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    # K = xxᵀ and L = yyᵀ with zero diagonals; centring makes the row sums of K minus its diagonal.
    trace = float(np.sum((x.T @ y) ** 2)) - float(own_x @ own_y)
    total = float(own_x.sum()) * float(own_y.sum()) / ((n - 1) * (n - 2))
    return trace + total - 2.0 * float(own_x @ own_y) / (n - 2)


def procrustes(first: Points, second: Points) -> float:
    """Procrustes disparity: what is left after the best rotation and scaling of one set onto the other.

    With X, Y centred and of unit Frobenius norm: 1 − ‖XᵀY‖²_*, the squared nuclear norm.

    - Range: 0 (equal up to rotation, reflection, shift and scale) to 1. Dimensions may differ.
    - Source: Schönemann 1966; Gower 1975. Sample size: unrelated sets read below 1 unless n is many times d.
      Cost: O(n d² + d³). Constant points raise `DataError`.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((200, 3))
    >>> abs(round(procrustes(x, 2 * x[:, ::-1] + 1), 6))
    0.0
    """
    left, right = paired(first, second, "procrustes", PAIRS)
    x, y = _centred(left), _centred(right)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    nuclear = float(np.linalg.svd(x.T @ y, compute_uv=False).sum())
    return float(np.clip(1.0 - nuclear**2, 0.0, 1.0))


def neighbour_overlap(first: Points, second: Points, *, k: int = 10) -> float:
    """Neighbour overlap: the mean share of a point's k nearest neighbours that are the same in both sets.

    - Range: 0 to 1; unrelated sets read k/(n − 1). Invariant to rotation, shift and global scale of either
      set.
    - Source: mutual k-NN alignment, Huh et al. 2024.
    - Sample size: n >= 1,000. Cost: O(n² d). Constant points raise `DataError`; ties are broken by position.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> neighbour_overlap(x, 2 * x + 1)
    1.0
    """
    left, right = paired(first, second, "neighbour_overlap", NEIGHBOURS)
    if not 1 <= k < left.n:
        raise UsageError(f"k must be from 1 to n - 1, got k = {k} with {left.n} points: lower k")
    one, two = left.neighbours(k).indices, right.neighbours(k).indices
    rows = np.arange(left.n)[:, None] * left.n
    return float(np.intersect1d(one + rows, two + rows, assume_unique=True).size / one.size)


def _top_axes(cloud: PointCloud, rank: int) -> FloatArray:
    available = int(np.count_nonzero(cloud.spectrum.values))
    if not 1 <= rank <= available:
        raise UsageError(f"rank must be from 1 to the {available} directions in which the points vary, got {rank}")
    axes = cloud.spectrum.axes
    assert axes is not None
    return axes[:, :rank]


def _default_rank(left: PointCloud, right: PointCloud) -> int:
    shares = np.cumsum(left.spectrum.values) / left.spectrum.total
    holding = int(np.searchsorted(shares, 0.9 - 1e-12)) + 1
    return min(holding, int(np.count_nonzero(right.spectrum.values)))


def principal_angles(first: Points, second: Points, *, rank: int | None = None) -> FloatArray:
    """Principal angles between the subspaces of the `rank` leading principal axes of two sets in one space.

    The arc cosines of the singular values of UᵀV, in radians, ascending; small angles through sines. Without
    `rank` (our choice): as many axes as hold 90 % of the first set's variance, where the second has so many.

    - Range: 0 (shared direction) to π/2 (orthogonal). Invariant to shift and scale of either set, and to one
      rotation of both. The sets need the same d, not the same n.
    - Source: Björck & Golub 1973. Sample size: n >= 50 d, and a gap in the variances after `rank`.
      Cost: O(n d² + d³). Constant points raise `DataError`.

    >>> import numpy as np
    >>> principal_angles([[0.0, 0], [1, 0]], [[0.0, 0], [1, 1]], rank=1).round(4).tolist()
    [0.7854]
    """
    left, right = (as_cloud(points, "principal_angles", SPECTRAL) for points in (first, second))
    if left.dim != right.dim:
        raise DataError(f"principal_angles compares directions in one space, got d = {left.dim} and {right.dim}")
    for cloud in (left, right):
        cloud.spectrum.spread("principal_angles")
    size = _default_rank(left, right) if rank is None else rank
    u, v = (_top_axes(cloud, size) for cloud in (left, right))
    inner = u.T @ v
    cosines = np.clip(np.linalg.svd(inner, compute_uv=False), 0.0, 1.0)
    sines = np.clip(np.linalg.svd(v - u @ inner, compute_uv=False)[::-1], 0.0, 1.0)
    return np.where(cosines**2 > 0.5, np.arcsin(sines), np.arccos(cosines))


def subspace_overlap(first: Points, second: Points, *, rank: int | None = None) -> float:
    """Subspace overlap: mean squared cosine of the principal angles.

    - Range: 0 (disjoint, orthogonal subspaces) to 1 (the same subspace); unrelated subspaces read rank/d.
    - Invariances, sample size and cost: see `principal_angles`. Source: Krzanowski 1979.

    >>> round(subspace_overlap([[0.0, 0], [1, 0]], [[0.0, 0], [1, 1]], rank=1), 6)
    0.5
    """
    return float(np.mean(np.cos(principal_angles(first, second, rank=rank)) ** 2))
