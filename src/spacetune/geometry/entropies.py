r"""Entropies of matrices of points: how many directions a set, a text or two views of one set take up.

All look at energies about the origin, not at variances about the mean: the eigenvalues of :math:`Z^\top Z / n` for
points Z (n, d). Points that share one large mean vector therefore have little entropy.
"""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spacetune.errors import DataError
from spacetune.geometry.cloud import PointCloud, Points, SpectralPoints, as_cloud, as_spectral
from spacetune.geometry.comparison import paired
from spacetune.geometry.points import PAIRS, SampleAdvice
from spacetune.geometry.spectrum import FloatArray

__all__ = ["dime", "entropy_share", "matrix_entropy", "prompt_entropy", "rankme"]

TOKENS = SampleAdvice(at_least=2)
PERMUTATIONS = 10
"""Random pairings that DiME compares the given one with, as its authors' code does."""


def rankme(points: SpectralPoints) -> float:
    """RankMe: exp of the entropy of the singular values, of points as they are.

    With σ the singular values of the points (n, d) and p = σ/Σσ: exp(−Σ p log p).

    - Range: 1 to min(n, d). Direction: larger uses more directions. Invariant to rotation and global scale, not to a
      shift: `effective_rank` is the same of centred points.
    - Source: Garrido et al., "RankMe", ICML 2023. It adds ε = 1e-7 to every p, which raises a rank of 384 by .03 %;
      left out here.
    - Sample size: n >= 50 d. Cost: O(n d² + d³). Points that are all zero raise `DataError`.

    >>> import numpy as np
    >>> round(rankme(np.array([[3.0, 0], [0, 3], [0, 0]])), 4), round(rankme(np.array([[1.0, 1], [1, 1]])), 4)
    (2.0, 1.0)
    """
    return float(np.exp(_entropy(np.sqrt(as_spectral(points, "rankme").energies))))


def matrix_entropy(points: SpectralPoints) -> float:
    """Matrix-based entropy: of the shares of energy along the principal directions.

    With λ the eigenvalues of Z Zᵀ (or Zᵀ Z, which has the same) and p = λ/Σλ: −Σ p log p, in nats: the von Neumann
    entropy, the limit α → 1 of Rényi's.

    - Range: 0 to log min(n, d). Direction: larger uses more directions. Invariant to rotation and global scale, not to
      a shift.
    - Source: Giraldo et al. 2014; of texts' mean states the "dataset entropy" of Skean et al., "Layer by Layer", 2025.
    - Sample size: n >= 50 d. Cost: O(n d² + d³). Points that are all zero raise `DataError`.

    >>> import numpy as np
    >>> round(matrix_entropy(np.eye(4)) / float(np.log(4)), 6)
    1.0
    """
    return _entropy(as_spectral(points, "matrix_entropy").energies)


def prompt_entropy(points: Points, texts: ArrayLike | None = None) -> float:
    """Prompt entropy: the matrix-based entropy of a text's tokens, over the greatest it could be, mean over texts.

    For a text of T tokens: `matrix_entropy` of their states / log min(T, d).

    - Range: 0 (all tokens of a text in one direction) to 1. Invariant to rotation and scale of each text.
    - Source: Skean et al., "Layer by Layer", ICML 2025, there low in the middle layers of decoders. Its code centres
      the states of a text and divides them by their norms; the formula of the paper, taken here, does neither.
    - Sample size: texts of one token have none and are left out; short texts read higher than long ones, so compare
      at the same texts. Cost: O(T² d) a text.

    Parameters
    ----------
    points
        States of the tokens (n, d).
    texts
        Which text each token is of (n,), any labels; None where all are of one.

    Raises
    ------
    DataError
        If no text has two tokens, the lengths differ, or a text's states are all zero.

    Examples
    --------
    >>> import numpy as np
    >>> states = np.array([[1.0, 0], [0, 1], [2, 2], [3, 3], [5, 1]])
    >>> round(prompt_entropy(states, ["a", "a", "b", "b", "c"]), 6)
    0.5
    """
    cloud = as_cloud(points, "prompt_entropy", TOKENS)
    names = np.zeros(cloud.n, dtype=int) if texts is None else np.asarray(texts)
    if names.shape != (cloud.n,):
        raise DataError(f"texts must say of each of the {cloud.n} points which text it is of, got {names.shape}")
    _, rows = np.unique(names, return_inverse=True)
    order, sizes = np.argsort(rows, kind="stable"), np.bincount(rows)
    parts = np.split(cloud.values[order], np.cumsum(sizes)[:-1])
    found = [entropy_share(part) for part in parts if len(part) > 1]
    if not found:
        raise DataError("prompt_entropy needs at least 2 points of one text, got texts of one each: pass longer ones")
    return float(np.mean(found))


def entropy_share(states: FloatArray) -> float:
    """Return the matrix-based entropy of two or more states (T, d) over log min(T, d); 0 in one dimension.

    >>> round(entropy_share(np.eye(3)), 6)
    1.0
    """
    energies = PointCloud(states).energies
    found, most = _entropy(energies), float(np.log(len(energies)))
    return found / most if most > 0 else 0.0


def dime(first: Points, second: Points, *, seed: int = 0) -> float:
    """DiME: what pairing the rows of two sets tells, as a difference of matrix-based entropies.

    With K and L the matrices of cosines (n, n) within either set of centred points, ∘ their entrywise product, S the
    matrix-based entropy and Π random permutations: mean over Π of S(K ∘ ΠLΠᵀ) − S(K ∘ L), in nats.

    - Range: about 0 (rows paired as by chance) to log n. Of two views of the same texts (one with words dropped, say)
      a large value says that the views are alike and the texts apart.
    - Invariant to rotation, shift and global scale of either set.
    - Source: Skean et al., "DiME", AISTATS 2024 (arXiv 2301.08164); with linear kernels, as "Layer by Layer" takes
      them. Its code takes the (d, d) matrices where n > d, where permutations no longer pair texts; here always (n, n).
    - Sample size: log n bounds it, so compare at equal n, of 100 or more. Ten permutations, drawn with `seed`. Cost:
      11 n³; 1,000 points take seconds. Constant points raise `DataError`.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((60, 8))
    >>> dime(x, x) > .2, abs(dime(x, np.roll(x, 7, axis=0))) < .1
    (True, True)
    """
    left, right = paired(first, second, "dime", PAIRS)
    one, two = _cosines(left), _cosines(right)
    rng = np.random.default_rng(seed)
    shuffled = (rng.permutation(left.n) for _ in range(PERMUTATIONS))
    chance = [_joint_entropy(one, two[np.ix_(order, order)]) for order in shuffled]
    return float(np.mean(chance)) - _joint_entropy(one, two)


def _cosines(cloud: PointCloud) -> FloatArray:
    rows = cloud.values - cloud.values.mean(axis=0)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(norms > 0, norms, 1.0)
    return rows @ rows.T


def _joint_entropy(one: FloatArray, two: FloatArray) -> float:
    both = one * two
    return _entropy(np.maximum(np.linalg.eigvalsh(both / np.trace(both)), 0.0))


def _entropy(weights: NDArray[np.floating[Any]]) -> float:
    """Return −Σ p log p of non-negative weights over their sum."""
    if not (total := weights.sum()) > 0:
        raise DataError("an entropy describes directions, so the points must not all be zero: pass others")
    shares = weights[weights > 0] / total
    return float(-(shares @ np.log(shares))) + 0.0
