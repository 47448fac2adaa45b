"""Measures on how points fall into the cells of a quantizer (Marbut et al. 2024, "Exploring the Impact of a
Transformer's Latent Space Geometry on Downstream Task Performance").

Every function takes points (n, d) or a `PointCloud`, and `quantizer="product"` or `"additive"`: M = 4
codebooks of k = 256 cells. n >= 256 or `DataError`; constant points raise `DataError`; n >= 10,000 is advised
(39 points a cell). Repeated points count as many times as they occur, except in `point_distribution_eee`.
Training costs O(n d k) (product) or some twenty times that (additive), once for all measures of a cloud.
No measure is invariant to rotation under a product quantizer, which cuts the dimensions in four as they come.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr
from scipy.stats import skew

from spacetune.geometry.cell_spectra import cell_eees
from spacetune.geometry.cloud import Points, as_cloud
from spacetune.geometry.points import SampleAdvice, Variant, check_variant
from spacetune.geometry.quantizers import Quantization, QuantizerKind
from spacetune.geometry.spectrum import FloatArray

__all__ = [
    "centroid_distance_variance",
    "patchiness",
    "patchiness_of_counts",
    "point_count_kl",
    "point_count_kl_of_counts",
    "point_count_variance",
    "point_count_variance_of_counts",
    "point_distribution_eee",
    "reconstruction_error",
    "reconstruction_iqr",
    "reconstruction_skew",
]


FLOOR = SampleAdvice(at_least=256)  # the training of the quantizer says it where more are advised


def _quantized(points: Points, measure: str, kind: QuantizerKind) -> Quantization:
    return as_cloud(points, measure, FLOOR).quantization(kind)


def reconstruction_error(points: Points, *, quantizer: QuantizerKind = "product") -> float:
    """RE: reconstruction error, Σ‖x − x̂‖² / Σ‖x‖².

    - Range: 0 to about 1. Direction: 0 when the codebooks hold every point. Invariant to global scale only:
      the denominator is not centred, so a shift away from the origin lowers it.
    - Source: Marbut et al. 2024. Sample size: n >= 10,000 (fewer points fit their centroids better). Cost:
      module.

    >>> import numpy as np
    >>> reconstruction_error(np.repeat(np.eye(4), 100, axis=0)) < 1e-9
    True
    """
    found = _quantized(points, "reconstruction_error", quantizer)
    return float((found.errors**2).sum() / found.energy) if found.energy else 0.0


def reconstruction_iqr(points: Points, *, quantizer: QuantizerKind = "product") -> float:
    """RI: interquartile range of ‖x − x̂‖ divided by its maximum.

    - Range: 0 to 1. Direction: 0 when all points are reconstructed equally well. Invariant to global scale
      and, to the quantizer's randomness, to shift. 0 where every error is 0.
    - Source: Marbut et al. 2024. Sample size: n >= 10,000; the maximum makes it sensitive to one outlier.

    >>> import numpy as np
    >>> 0 < reconstruction_iqr(np.random.default_rng(0).standard_normal((300, 8))) < 1
    True
    """
    errors = _quantized(points, "reconstruction_iqr", quantizer).errors
    if not errors.any():
        return 0.0
    low, high = np.percentile(errors / errors.max(), [25, 75])
    return float(high - low)


def reconstruction_skew(points: Points, *, quantizer: QuantizerKind = "product") -> float:
    """RS: skewness of ‖x − x̂‖, the biased estimate m₃ / m₂^1.5.

    - Range: unbounded. Direction: positive when a few points are reconstructed badly. Invariant to global
      scale and, to the quantizer's randomness, to shift. 0 where all errors are equal.
    - Source: Marbut et al. 2024. Sample size: n >= 10,000.

    >>> import numpy as np
    >>> abs(reconstruction_skew(np.random.default_rng(0).standard_normal((300, 8)))) < 3
    True
    """
    errors = _quantized(points, "reconstruction_skew", quantizer).errors
    return float(skew(errors)) if errors.min() < errors.max() else 0.0


def _counts(found: Quantization, variant: Variant) -> NDArray[np.int64]:
    """Return the cell counts (M, k); officially those of k bins between the least and the greatest code used."""
    if not check_variant(variant):
        return found.counts
    return np.stack([np.histogram(column, bins=found.n_cells)[0] for column in found.codes.T])


def point_count_variance_of_counts(counts: NDArray[np.int64]) -> float:
    """Return PC_var of cell counts (M, k); see `point_count_variance`.

    >>> point_count_variance_of_counts(np.full((4, 256), 7))
    0.0
    """
    shares = counts / counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = shares / (1.0 - shares) * (counts.shape[1] - 1)
        value = float(np.var(odds, axis=1).mean())
    return value if np.isfinite(value) else float("inf")


def point_count_variance(points: Points, *, quantizer: QuantizerKind = "product", variant: Variant = "exact") -> float:
    """PC_var: variance of the cells' odds ratios against an even spread, averaged over codebooks.

    With p a cell's share of the points: odds = p/(1 − p)·(k − 1), 1 for an even spread.

    - Range: 0 to infinity (all points in one cell). Direction: 0 is even. Invariant to global scale and, to
      the quantizer's randomness, to shift.
    - Source: Marbut et al. 2024. Sample size: reads about k/n more than the truth; n >= 10,000.
    - Official variant: codes binned between the least and the greatest used.

    >>> import numpy as np
    >>> point_count_variance(np.random.default_rng(0).standard_normal((600, 8))) > 0
    True
    """
    return point_count_variance_of_counts(_counts(_quantized(points, "point_count_variance", quantizer), variant))


def point_count_kl_of_counts(counts: NDArray[np.int64]) -> float:
    """Return PC_kl of cell counts (M, k) against the even spread; see `point_count_kl`.

    >>> point_count_kl_of_counts(np.full((4, 256), 7))
    0.0
    """
    shares = counts / counts.sum(axis=1, keepdims=True)
    return float(rel_entr(shares, 1.0 / counts.shape[1]).sum(axis=1).mean())


def point_count_kl(
    points: Points, *, quantizer: QuantizerKind = "product", variant: Variant = "exact", seed: int = 0
) -> float:
    """PC_kl: divergence of the cells' shares from an even spread, Σ p log(k p), averaged over codebooks.

    - Range: 0 to log k = 5.545. Direction: 0 is even. Invariant to global scale and, to the quantizer's
      randomness, to shift.
    - Source: Marbut et al. 2024. Sample size: reads about k/(2n) more than the truth; n >= 10,000.
    - Official variant: against the histogram of one uniform sample of n points drawn with `seed` (infinite
      where that leaves a used cell empty).

    >>> import numpy as np
    >>> 0 < point_count_kl(np.random.default_rng(0).standard_normal((600, 8))) < 5.545
    True
    """
    found = _quantized(points, "point_count_kl", quantizer)
    counts = _counts(found, variant)
    if not check_variant(variant):
        return point_count_kl_of_counts(counts)
    n, k = len(found.codes), found.n_cells
    uniform = np.histogram(np.random.default_rng(seed).uniform(0, k, n), bins=k)[0] / n
    return float(rel_entr(counts / n, uniform).sum(axis=1).mean())


def centroid_distance_variance(points: Points, *, quantizer: QuantizerKind = "product") -> float:
    """CD_var: variance of squared distances from each centroid to its nearest, over their global maximum.

    - Range: 0 to .25. Direction: 0 when centroids are evenly spaced. Invariant to global scale and, to the
      quantizer's randomness, to shift.
    - Source: Marbut et al. 2024 (squared distances and one maximum over all M·k, as there).
    - Sample size: n >= 10,000; one far centroid sets the maximum.

    >>> import numpy as np
    >>> 0 < centroid_distance_variance(np.random.default_rng(0).standard_normal((600, 8))) < 0.25
    True
    """
    codebooks = _quantized(points, "centroid_distance_variance", quantizer).quantizer.codebooks
    nearest = np.concatenate([_nearest_squares(book.astype(np.float64)) for book in codebooks])
    return float(np.var(nearest / nearest.max())) if nearest.max() > 0 else 0.0


def _nearest_squares(centroids: FloatArray) -> FloatArray:
    squares = np.einsum("ij,ij->i", centroids, centroids)
    gaps = squares[:, None] + squares - 2.0 * centroids @ centroids.T
    np.fill_diagonal(gaps, np.inf)
    steps = centroids - centroids[gaps.argmin(axis=1)]
    return np.einsum("ij,ij->i", steps, steps)


def point_distribution_eee(
    points: Points, *, quantizer: QuantizerKind = "product", variant: Variant = "exact"
) -> float:
    """PD_EEE: mean EEE of the points of each cell, over all cells with more than one distinct point.

    The full d-dimensional points, also under a product quantizer.

    - Range: 0 to 1. Direction: 0 when points are spread evenly around every centroid. Depends on n: a cell of
      m points has at most m − 1 directions. Invariant to global scale and, to the quantizer's randomness, to
      shift.
    - Source: Marbut et al. 2024. Sample size: compare sets of one size only. Cost: O(M n²d/k + M k (n/k)³).
    - Repeated points within a cell count once. Official variant: each EEE rounded to 4 decimals.

    >>> import numpy as np
    >>> 0 < point_distribution_eee(np.random.default_rng(0).standard_normal((600, 8))) < 1
    True
    """
    cloud = as_cloud(points, "point_distribution_eee", FLOOR)
    values = cell_eees(cloud.values, cloud.labels, cloud.quantization(quantizer).codes)
    if check_variant(variant):
        values = np.round(values, 4)
    return float(values.mean()) if len(values) else 0.0


def patchiness_of_counts(counts: NDArray[np.int64], *, variant: Variant = "exact") -> float:
    """Return PP of cell counts (M, k); see `patchiness`.

    >>> even, one = np.full((4, 256), 10), np.eye(256, dtype=int)[:4] * 2560
    >>> [round(patchiness_of_counts(c, variant="official"), 6) for c in (even, one)]
    [0.975, 16.9125]
    """
    if check_variant(variant):
        mean = counts.sum() / counts.shape[1]
        return float((mean + counts.var() / mean - 1.0) / mean)
    mean = counts.mean(axis=1)
    return float((1.0 + counts.var(axis=1) / mean**2 - 1.0 / mean).mean())


def patchiness(points: Points, *, quantizer: QuantizerKind = "product", variant: Variant = "exact") -> float:
    """PP: Lloyd's index of patchiness of the cell counts, averaged over codebooks.

    With m = n/k and V the mean and variance of a codebook's k counts: (m + V/m − 1) / m = 1 + V/m² − 1/m, how
    many more neighbours a point has in its cell than under random counts.

    - Range: 1 − k/n (even) to about k (one cell); 1 is random. Direction: larger is patchier.
    - Invariant to global scale and, to the quantizer's randomness, to shift.
    - Source: Lloyd 1967; Marbut et al. 2024. It says nothing beyond PC_var, of which it is nearly an affine
      function.
    - Sample size: its noise between samples of 120,000 tokens (±.0015 additive, ±.003 product, official form)
      is of the order of the differences it is used for; report `bootstrap` intervals.
    - Official variant: the counts of all M codebooks over k, so m is M times too large: PP = 1 + V/m² − 1/m
      with m = Mn/k, nearly 1 + PC_var/16 − 64/n. Published values are of this form.

    >>> import numpy as np
    >>> points = np.random.default_rng(0).standard_normal((600, 8))
    >>> 0.5 < patchiness(points) < 2
    True
    """
    counts = _counts(_quantized(points, "patchiness", quantizer), variant)
    return patchiness_of_counts(counts, variant=variant)
