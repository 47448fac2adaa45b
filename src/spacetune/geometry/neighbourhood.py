"""Spread measures on distances to nearest neighbours, and the intrinsic dimension and hubness read from them.

`koleo`, `kl_empirical` and `two_nn` take logarithms of distances, so repeated points are counted once.
All are invariant to rotation, shift and global scale.
"""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
from scipy.stats import skew

from spacetune.errors import DataError, UsageError
from spacetune.geometry.cloud import PointCloud, Points, as_cloud
from spacetune.geometry.entropy import reference_sample
from spacetune.geometry.normal_reference import expected_log_distances, expected_log_neighbour_distance
from spacetune.geometry.points import NEIGHBOURS, Variant, check_variant
from spacetune.geometry.spectrum import FloatArray

__all__ = ["hubness", "kl_empirical", "knn_overlap", "koleo", "two_nn"]


def _distinct(points: Points, measure: str) -> PointCloud:
    cloud = as_cloud(points, measure, NEIGHBOURS)
    cloud.spectrum.spread(measure)
    NEIGHBOURS.check(cloud.distinct.n, cloud.dim, measure)
    return cloud.distinct


def _check_k(k: int, n: int) -> None:
    if not 1 <= k < n:
        raise UsageError(f"k must be from 1 to n - 1, got k = {k} with {n} points: lower k or pass more points")


def _kth(cloud: PointCloud, k: int) -> FloatArray:
    _check_k(k, cloud.n)
    return cloud.neighbours(k).distances[:, k - 1]


def koleo(points: Points, *, k: int = 1, variant: Variant = "exact", seed: int = 0) -> float:
    """KoLeo ratio: mean log distance to the k-th neighbour, over what a standard normal sample would have.

    Points are scaled to total variance d. With H(ρ) = mean log(nρ) + log 2 + γ, the value is H(ρ) /
    H(normal).

    - Range: unbounded, about 0 to 1. Direction: 1 is spread like a normal, less is more clumped.
    - Source: Marbut et al., ICML 2023 (KoLeo: Sablayrolles et al. 2019; Beirlant et al. 1997).
    - Sample size: n >= 1,000. Cost: O(n² d), or O(n log n) up to 10 dimensions.
    - Exact form: H(normal) is the expectation over normal samples of n points, by quadrature of the
      distribution of the k-th distance (no random sample). Repeated points are counted once; constant points
      raise `DataError`.
    - Official variant: one random normal sample drawn with `seed`; repeated points kept with 1e-16 added
      inside the logarithm; rounded to 4 decimals.

    >>> import numpy as np
    >>> round(koleo(np.random.default_rng(0).standard_normal((2000, 3))), 1)
    1.0
    """
    official = check_variant(variant)
    cloud = as_cloud(points, "koleo", NEIGHBOURS) if official else _distinct(points, "koleo")
    cloud.spectrum.spread("koleo")
    offset = float(np.log(cloud.n) + np.log(2.0) + np.euler_gamma)
    scale = np.sqrt(cloud.dim / cloud.values.var(axis=0).sum())
    if official:
        observed = np.log(cloud.n * scale * _kth(cloud, k) + 1e-16).mean() - np.log(cloud.n)
        normal = np.log(_kth(PointCloud(reference_sample(cloud, seed)), k)).mean()
        return round(float((observed + offset) / (normal + offset)), 4)
    observed = np.log(scale * _kth(cloud, k)).mean()
    return float((observed + offset) / (expected_log_neighbour_distance(cloud.n, cloud.dim, k) + offset))


def knn_overlap(points: Points, *, k: int | None = None, bins: int = 30, variant: Variant = "exact") -> float:
    """k-NN overlap: the share of the histogram of first-neighbour distances under that of the k-th.

    Both histograms have 30 equal bins from the least to the greatest distance; Σ min(h₁, h_k) / n, with
    k = min(5d, 100, n − 1).

    - Range: 0 to 1. Direction: 0 when density is even, 1 when distances say nothing about rank (uneven
      density, or k = 1).
    - Source: Marbut et al., ICML 2023. Sample size: n >= 1,000. Cost: O(n² d + n k d).
    - Repeated points are kept. Constant points raise `DataError`. Official variant: rounded to 4 decimals.

    >>> import numpy as np
    >>> knn_overlap(np.random.default_rng(0).standard_normal((500, 20))) < 0.2
    True
    """
    cloud = as_cloud(points, "knn_overlap", NEIGHBOURS)
    cloud.spectrum.spread("knn_overlap")
    k = min(5 * cloud.dim, 100, cloud.n - 1) if k is None else k
    _check_k(k, cloud.n)
    distances = cloud.neighbours(k).distances
    first, last = distances[:, 0], distances[:, k - 1]
    span = (float(first.min()), float(last.max()))
    counts = np.minimum(np.histogram(first, bins, span)[0], np.histogram(last, bins, span)[0])
    value = float(counts.sum() / cloud.n)
    return round(value, 4) if check_variant(variant) else value


def kl_empirical(points: Points, *, k: int = 1, variant: Variant = "exact", seed: int = 0) -> float:
    """Empirical KL: nearest-neighbour estimate of the divergence from the standard normal.

    Points are centred and scaled to total variance d. With ρ_k a point's distance to its k-th neighbour and
    s_k that to the k-th nearest of n normal points: (d/n) Σ (E[log s_k] − log ρ_k) + log(n/(n−1)).

    - Range: about 0 upwards (the estimate can fall below 0). Direction: 0 is isotropic and normal.
    - Source: Wang, Kulkarni & Verdú 2009; Marbut et al., ICML 2023.
    - Sample size: n >= 1,000; compare sets of one size and dimension. Cost: O(n² d).
    - Exact form: E[log s_k] is the expectation over normal samples given the point's norm, by quadrature (no
      random sample). Repeated points are counted once; constant points raise `DataError`.
    - Official variant: s_k from a random normal sample drawn with `seed`, without the sample-size term,
      negative terms cut off; rounded to 4 decimals.

    >>> import numpy as np
    >>> abs(kl_empirical(np.random.default_rng(0).standard_normal((2000, 2)))) < 0.1
    True
    """
    if check_variant(variant):
        return _kl_empirical_official(as_cloud(points, "kl_empirical", NEIGHBOURS), k, seed)
    cloud = _distinct(points, "kl_empirical")
    n, dim = cloud.n, cloud.dim
    scale = float(np.sqrt(dim / cloud.spectrum.total))
    centred = scale * (cloud.values - cloud.values.mean(axis=0))
    expected = expected_log_distances(np.einsum("ij,ij->i", centred, centred), n, dim, k)
    return float(dim * np.mean(expected - np.log(scale * _kth(cloud, k))) + np.log(n / (n - 1)))


def _kl_empirical_official(cloud: PointCloud, k: int, seed: int) -> float:
    cloud.spectrum.spread("kl_empirical")
    sample = reference_sample(cloud, seed)
    scale = np.sqrt(sample.var(axis=0, ddof=1).sum() / cloud.spectrum.total)
    scores = np.zeros((cloud.n, cloud.dim))
    scores[:, : len(cloud.scores)] = scale * cloud.scores.T
    own = scale * _kth(cloud, k)
    nearest = np.empty(cloud.n)
    squares = np.einsum("ij,ij->i", sample, sample)
    for start in range(0, cloud.n, 1024):
        block = scores[start : start + 1024]
        gaps = squares - 2.0 * block @ sample.T + np.einsum("ij,ij->i", block, block)[:, None]
        nearest[start : start + 1024] = np.sqrt(np.maximum(np.partition(gaps, k - 1, axis=1)[:, k - 1], 0.0))
    terms = np.log((nearest + 1e-16) / (own + 1e-16))
    return round(float(cloud.dim * np.maximum(terms, 0.0).mean()), 4)


def two_nn(points: Points, *, discard: float = 0.1) -> float:
    """TwoNN intrinsic dimension, from the ratio μ = ρ₂/ρ₁ of the two nearest distances.

    μ follows a Pareto law with exponent equal to the intrinsic dimension: the slope through the origin of
    −log(1 − F(μ)) against log μ, without the largest `discard` share of the μ.

    - Range: above 0, of the order of the manifold's dimension. It reads low for high dimensions at feasible
      n.
    - Source: Facco et al. 2017. Sample size: n >= 1,000. Cost: O(n² d), or O(n log n) up to 10 dimensions.
    - Repeated points are counted once; constant points raise `DataError`, and so do points on a regular grid
      (every ratio 1).

    >>> import numpy as np
    >>> round(two_nn(np.random.default_rng(0).random((3000, 2))))
    2
    """
    cloud = _distinct(points, "two_nn")
    nearest = cloud.neighbours(2).distances
    logs = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))
    keep = max(2, int(len(logs) * (1.0 - discard)))
    x = logs[:keep]
    y = -np.log1p(-np.arange(1, keep + 1) / (len(logs) + 1.0))
    if not x.any():
        raise DataError("two_nn needs first and second neighbours at different distances, got a regular grid")
    return float((x @ y) / (x @ x))


def hubness(points: Points, *, k: int = 10) -> float:
    """Hubness: skewness of how often each point is among the k nearest neighbours of others.

    - Range: unbounded, usually −1 to 10 or more. Direction: 0 is even; large and positive means a few hubs.
    - Source: Radovanović et al., JMLR 2010 (k = 10). Sample size: n >= 1,000. Cost: O(n² d).
    - k falls to n − 1 where there are fewer points. Repeated points are kept; constant points raise
      `DataError`. When every point occurs equally often the skewness is 0/0 and the value 0.

    >>> hubness([[0.0], [1.0], [10.0], [11.0]], k=1)
    0.0
    """
    cloud = as_cloud(points, "hubness", NEIGHBOURS)
    cloud.spectrum.spread("hubness")
    k = min(k, cloud.n - 1)
    _check_k(k, cloud.n)
    counts = np.bincount(cloud.neighbours(k).indices.ravel(), minlength=cloud.n)
    return float(skew(counts)) if counts.min() < counts.max() else 0.0
