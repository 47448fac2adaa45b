"""Spread measures on the shape of each principal component: entropy and binned divergence from a normal.

Both look at the points in principal axes, scaled so that their total variance is that of a standard normal
(d). Components without variance (always some when n <= d) count as what they are: a single value.
"""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, rel_entr
from scipy.stats import differential_entropy

from spacetune.errors import DataError
from spacetune.geometry.cloud import PointCloud, Points, as_cloud
from spacetune.geometry.points import SPECTRAL, Variant, check_variant
from spacetune.geometry.spectrum import FloatArray

__all__ = ["kl_discrete", "vrm"]

VASICEK_FROM = 1000  # scipy's 'auto' rule: Vasicek above, Ebrahimi and van Es below


def reference_sample(cloud: PointCloud, seed: int) -> FloatArray:
    """Return a standard normal sample of the cloud's shape, as the official code compares with."""
    return np.random.default_rng(seed).standard_normal((cloud.n, cloud.dim))


def scaled_scores(cloud: PointCloud, measure: str, total: float) -> FloatArray:
    """Return the points in principal axes (d, n), scaled to a total variance of `total`."""
    values = cloud.spectrum.spread(measure)
    scores = cloud.scores * np.sqrt(total / values.sum())
    scores[values == 0] = 0.0
    missing = np.zeros((cloud.dim - len(scores), cloud.n))
    return np.concatenate([scores, missing]) if len(missing) else scores


def component_entropies(scores: FloatArray) -> FloatArray:
    """Return the differential entropy of each row (p, n), as scipy's 'auto' method; −∞ where constant.

    Vasicek's m-spacing estimator: mean over i of log(n (x₍ᵢ₊ₘ₎ − x₍ᵢ₋ₘ₎) / 2m), m = ⌊√n + ½⌋. It needs 2m < n.
    """
    n = scores.shape[1]
    if n < 5:
        raise DataError(f"the entropy of a component needs at least 5 points, got {n}: pass more points")
    with np.errstate(divide="ignore", invalid="ignore"):
        if n <= VASICEK_FROM:
            found = np.asarray(differential_entropy(scores, axis=1))
            return np.where(np.isnan(found), -np.inf, found)
        m = int(np.sqrt(n) + 0.5)
        ordered = np.pad(np.sort(scores, axis=1), ((0, 0), (m, m)), mode="edge")
        return np.log((ordered[:, 2 * m :] - ordered[:, : -2 * m]) * (n / (2 * m))).mean(axis=1)


def vrm(points: Points, *, variant: Variant = "exact", seed: int = 0) -> float:
    """Vasicek Ratio MSE: how far each principal component's entropy is from a standard normal's.

    With T the points in principal axes scaled to total variance d, h the m-spacing entropy of a component and
    r = exp(h) / √(2πe): mean over components of (1 − r)².

    - Range: 0 to about 1.4 (not bounded by 1). Direction: 0 is isotropic and normal.
    - Invariant to rotation, shift and global scale.
    - Source: Marbut et al., ICML 2023 (entropy: Vasicek 1976, Ebrahimi 1994).
    - Sample size: n >= 50 d. Cost: O(n d² + d³ + d n log n).
    - Components without variance have r = 0 and count 1. Constant points raise `DataError`. So have components in which
      points come back more than 2 m times: tokens at layer 0, of which words and places repeat, read near 1.
    - Official variant: scaled to the variance of a random normal sample (drawn with `seed`) instead of d,
      only the p = min(n, d) found components in the sum, rounded to 4 decimals.

    >>> import numpy as np
    >>> vrm(np.random.default_rng(0).standard_normal((2000, 4))) < 0.002
    True
    """
    cloud = as_cloud(points, "vrm", SPECTRAL)
    official = check_variant(variant)
    total = float(cloud.dim)
    if official:
        total = float(reference_sample(cloud, seed).var(axis=0, ddof=1).sum())
    scores = scaled_scores(cloud, "vrm", total)
    if official:
        scores = scores[: len(cloud.spectrum.values)]
    ratio = np.exp(component_entropies(scores)) / np.sqrt(2 * np.pi * np.e)
    value = float(np.sum((1.0 - ratio) ** 2) / cloud.dim)
    return round(value, 4) if official else value


def _histograms(scores: FloatArray, edges: FloatArray, *, clip: bool) -> NDArray[np.float64]:
    """Count each row's values in equal bins; outside values go to the end bins, or nowhere."""
    bins = len(edges) - 1
    cells = np.floor((scores - edges[0]) * (bins / (edges[-1] - edges[0]))).astype(np.int64)
    cells[scores == edges[-1]] = bins - 1
    inside = np.ones(cells.shape, dtype=bool) if clip else (cells >= 0) & (cells < bins)
    flat = np.clip(cells, 0, bins - 1) + bins * np.arange(len(scores))[:, None]
    return np.bincount(flat[inside], minlength=bins * len(scores)).reshape(len(scores), bins).astype(float)


def kl_discrete(points: Points, *, bins: int = 30, variant: Variant = "exact", seed: int = 0) -> float:
    """Discrete KL: binned divergence of each principal component from a normal, squared and averaged.

    Components (scaled to total variance d) are counted in equal bins; with p the shares and q the reference
    shares, mean over components of (Σ p log(p/q))².

    - Range: 0 to infinity. Direction: 0 is isotropic and normal. Invariant to rotation, shift and global
      scale.
    - Source: Marbut et al., ICML 2023. Sample size: n >= 50 d. Cost: O(n d² + d³).
    - The reference range is our choice: ± the normal quantile at 1 − 1/(nd + 1), about the largest of n·d
      normal draws; q is the exact normal mass, and both end bins reach to infinity. Constant points raise
      `DataError`.
    - Official variant: bins span a random normal sample (drawn with `seed`), q are its counts, outside points
      are dropped, 1e-16 is added to every count; rounded to 4 decimals.

    >>> import numpy as np
    >>> kl_discrete(np.random.default_rng(0).standard_normal((2000, 4))) < 0.001
    True
    """
    cloud = as_cloud(points, "kl_discrete", SPECTRAL)
    if check_variant(variant):
        sample = reference_sample(cloud, seed)
        edges = np.linspace(sample.min(), sample.max(), bins + 1)
        scores = scaled_scores(cloud, "kl_discrete", float(sample.var(axis=0, ddof=1).sum()))
        p, q = (_histograms(rows, edges, clip=False) + 1e-16 for rows in (scores, sample.T))
        p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
        return round(float(np.mean(rel_entr(p, q).sum(axis=1) ** 2)), 4)
    reach = float(ndtri(1.0 - 1.0 / (cloud.n * cloud.dim + 1.0)))
    edges = np.linspace(-reach, reach, bins + 1)
    p = _histograms(scaled_scores(cloud, "kl_discrete", float(cloud.dim)), edges, clip=True) / cloud.n
    q = np.diff(np.concatenate([[0.0], ndtr(edges[1:-1]), [1.0]]))
    return float(np.mean(rel_entr(p, q).sum(axis=1) ** 2))
