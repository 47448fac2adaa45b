"""Measures on how points fall into the cells of a quantizer (Marbut et al. 2024, "Exploring the Impact of a
Transformer's Latent Space Geometry on Downstream Task Performance").

Every function takes points (n, d) or a `PointCloud`, and `quantizer="product"` or `"additive"`: M = 4
codebooks of k = 256 cells. n >= 256 or `DataError`; constant points raise `DataError`; n >= 10,000 is advised
(39 points a cell). Repeated points count as many times as they occur, except in `point_distribution_eee`.
Training costs O(n d k) (product) or some twenty times that (additive), once for all measures of a cloud.
No measure is invariant to rotation under a product quantizer, which cuts the dimensions in four as they come.
"""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import skew

from spacetune.geometry.cloud import Points, as_cloud
from spacetune.geometry.isotropy import eee_of_spectra
from spacetune.geometry.points import SampleAdvice, Variant, check_variant
from spacetune.geometry.quantizers import Quantization, QuantizerKind
from spacetune.geometry.spectrum import FloatArray, spectrum_of_covariance

__all__ = [
    "centroid_distance_variance",
    "point_distribution_eee",
    "quantized",
    "reconstruction_error",
    "reconstruction_iqr",
    "reconstruction_skew",
]

STACK_VALUES = 1 << 20

FLOOR = SampleAdvice(at_least=256)  # the training of the quantizer says it where more are advised


def quantized(points: Points, measure: str, kind: QuantizerKind) -> Quantization:
    """Return points under a quantizer of this kind, where there are enough of them for a measure."""
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
    found = quantized(points, "reconstruction_error", quantizer)
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
    errors = quantized(points, "reconstruction_iqr", quantizer).errors
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
    errors = quantized(points, "reconstruction_skew", quantizer).errors
    return float(skew(errors)) if errors.min() < errors.max() else 0.0


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
    codebooks = quantized(points, "centroid_distance_variance", quantizer).quantizer.codebooks
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


def cell_eees(values: FloatArray, labels: NDArray[np.intp], codes: NDArray[np.uint8]) -> FloatArray:
    """Return the EEE of every (codebook, cell) with more than one distinct point, in no particular order.

    Cells with as many points are done together: their eigenvalues come from one stacked call.

    >>> square = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> cell_eees(square, np.arange(4), np.zeros((4, 1), np.uint8)).round(6).tolist()
    [0.0]
    """
    found: list[FloatArray] = []
    same_size: dict[int, list[NDArray[np.intp]]] = {}
    for rows in _cells(labels, codes):
        same_size.setdefault(len(rows), []).append(rows)
    for size, cells in same_size.items():
        if size > values.shape[1]:
            found.append(np.array([_large_cell(values[rows]) for rows in cells]))
            continue
        at_once = max(1, STACK_VALUES // (size * values.shape[1]))
        starts = range(0, len(cells), at_once)
        found.extend(_small_cells(values[np.stack(cells[start : start + at_once])]) for start in starts)
    return np.concatenate(found) if found else np.zeros(0)


def _cells(labels: NDArray[np.intp], codes: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    """Return the row numbers of each cell's distinct points, for cells with at least two."""
    cells: list[NDArray[np.intp]] = []
    for column in codes.T:
        order = np.lexsort((labels, column))
        code, label = column[order], labels[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (code[1:] != code[:-1]) | (label[1:] != label[:-1])
        order, code = order[new], code[new]
        starts = np.flatnonzero(np.diff(code)) + 1
        cells.extend(rows for rows in np.split(order, starts) if len(rows) > 1)
    return cells


def _small_cells(stack: FloatArray) -> FloatArray:
    """Return the EEE of cells (b, m, d) with m <= d points each."""
    centred = stack - stack.mean(axis=1, keepdims=True)
    values = np.linalg.eigvalsh(centred @ centred.transpose(0, 2, 1))[:, ::-1]
    return eee_of_spectra(np.maximum(values, 0.0))


def _large_cell(points: FloatArray) -> float:
    centred = points - points.mean(axis=0)
    return float(eee_of_spectra(spectrum_of_covariance(centred.T @ centred, len(points)).values))
