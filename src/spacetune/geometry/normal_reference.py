"""Expected log distance to the k-th nearest neighbour in a standard normal sample, without drawing one."""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import betaincc
from scipy.stats import chi2, ncx2

from spacetune.geometry.spectrum import FloatArray

__all__ = ["expected_log_distances", "expected_log_neighbour_distance"]

NODES = 32
GRID = 160


def _farther(log_radius: FloatArray, square: float, others: int, dim: int, k: int) -> FloatArray:
    """Return P(k-th nearest of `others` normal points is farther than r), from a point of norm² `square`."""
    within = np.clip(ncx2.cdf(np.exp(2 * log_radius), dim, square), 0.0, 1.0)
    return np.nan_to_num(betaincc(k, others - k + 1, within), nan=0.0)


def _expected_log(square: float, others: int, dim: int, k: int) -> float:
    """Return E[log distance] of the k-th nearest of `others` normal points, from norm² `square`."""
    coarse = np.linspace(-18.0, 0.5 * np.log(dim + square) + 3.0, GRID)
    rough = _farther(coarse, square, others, dim, k)
    low = int(np.flatnonzero(rough > 1 - 1e-10)[-1]) if (rough > 1 - 1e-10).any() else 0
    high = int(np.flatnonzero(rough < 1e-10)[0]) if (rough < 1e-10).any() else GRID - 1
    fine = np.linspace(coarse[low], coarse[high], GRID)
    return float(fine[0] + np.trapezoid(_farther(fine, square, others, dim, k), fine))


@lru_cache(maxsize=256)
def expected_log_neighbour_distance(n: int, dim: int, k: int = 1) -> float:
    """Return E[log ρ_k] over samples of n points from N(0, I_d).

    For a point x the number of others within r is binomial with chance F(r²), F the noncentral chi-square
    distribution with d degrees and ‖x‖²; the expectation integrates over r, and over ‖x‖² ~ χ²_d by
    Gauss–Legendre nodes in its quantiles.

    >>> round(expected_log_neighbour_distance(2, 1), 3)  # one pair: E log|N(0, 2)| = -γ/2
    -0.289
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    squares = chi2.ppf(0.5 * (nodes + 1.0), dim)
    return float(0.5 * weights @ [_expected_log(square, n - 1, dim, k) for square in squares.tolist()])


def expected_log_distances(squares: FloatArray, sample: int, dim: int, k: int = 1) -> FloatArray:
    """Return E[log distance to the k-th nearest of `sample` points from N(0, I_d)], by squared norm.

    Worked out at 64 norms from the least to the greatest and interpolated (cubic splines).

    >>> expected_log_distances(np.array([0.0]), 1, 2).round(3).tolist()  # E log|N(0, I_2)| = (log 2 - γ) / 2
    [0.058]
    """
    norms = np.sqrt(squares)
    if norms.max() - norms.min() <= 1e-9 * (1.0 + norms.max()):
        return np.full(len(norms), _expected_log(float(squares.mean()), sample, dim, k))
    knots = np.linspace(norms.min(), norms.max(), 64)
    return CubicSpline(knots, [_expected_log(knot**2, sample, dim, k) for knot in knots.tolist()])(norms)
