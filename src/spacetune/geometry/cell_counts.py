"""Measures on how many points each cell of a quantizer holds, and counts in constant memory, mergeable.

What `cells` says of its measures holds for these too.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr

from spacetune.errors import DataError, UsageError
from spacetune.geometry.cells import quantized
from spacetune.geometry.cloud import Points
from spacetune.geometry.points import Variant, check_variant
from spacetune.geometry.quantizers import BLOCK_ROWS, Quantization, Quantizer, QuantizerKind

__all__ = [
    "CellCounts",
    "patchiness",
    "patchiness_of_counts",
    "point_count_kl",
    "point_count_kl_of_counts",
    "point_count_variance",
    "point_count_variance_of_counts",
]


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
    return point_count_variance_of_counts(_counts(quantized(points, "point_count_variance", quantizer), variant))


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
    found = quantized(points, "point_count_kl", quantizer)
    counts = _counts(found, variant)
    if not check_variant(variant):
        return point_count_kl_of_counts(counts)
    n, k = len(found.codes), found.n_cells
    uniform = np.histogram(np.random.default_rng(seed).uniform(0, k, n), bins=k)[0] / n
    return float(rel_entr(counts / n, uniform).sum(axis=1).mean())


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
    counts = _counts(quantized(points, "patchiness", quantizer), variant)
    return patchiness_of_counts(counts, variant=variant)


class CellCounts:
    """Points counted into the cells of a trained quantizer, with the sums of their reconstruction errors.

    Train the quantizer on a sample (a `Reservoir`, say) and count all points with it. Gives RE, RS, PC_var,
    PC_kl and PP over any number of points; RI, CD_var and PD_EEE come from the sample.

    Parameters
    ----------
    quantizer
        From `train_quantizer`.

    Examples
    --------
    >>> from spacetune.geometry.quantizers import train_quantizer
    >>> points = np.random.default_rng(0).standard_normal((600, 8))
    >>> counts = CellCounts(train_quantizer(points, "product")).update(points)
    >>> counts.patchiness == patchiness(points)
    True
    """

    def __init__(self, quantizer: Quantizer) -> None:
        self.quantizer = quantizer
        books, k = quantizer.codebooks.shape[:2]
        self.counts: NDArray[np.int64] = np.zeros((books, k), dtype=np.int64)
        self.n = 0
        self.energy = 0.0
        self.squared_error = 0.0
        self._moments = np.zeros(3)  # mean, and sums of squared and cubed deviations, of the error norms

    def update(self, points: ArrayLike) -> Self:
        """Take in a chunk of points (n, d)."""
        chunk = np.asarray(points)
        if chunk.ndim != 2 or chunk.shape[1] != self.quantizer.dim:
            raise DataError(f"a chunk must have shape (n, {self.quantizer.dim}), got {chunk.shape}")
        part = CellCounts(self.quantizer)
        for start in range(0, len(chunk), BLOCK_ROWS):
            part._absorb(self._count(chunk[start : start + BLOCK_ROWS]))
        self._absorb(part)
        return self

    def _count(self, block: NDArray[Any]) -> CellCounts:
        single = np.ascontiguousarray(block, dtype=np.float32)
        energy = float(np.einsum("ij,ij->i", single, single).sum(dtype=np.float64))
        if not np.isfinite(energy):
            raise DataError("a chunk must be finite, got NaN or infinity (or overflow): drop or rescale it")
        codes = self.quantizer.encode(single)
        gaps = self.quantizer.decode(codes)
        np.subtract(single, gaps, out=gaps)
        squares = np.einsum("ij,ij->i", gaps, gaps).astype(np.float64)
        part = CellCounts(self.quantizer)
        part.n, part.energy, part.squared_error = len(block), energy, float(squares.sum())
        part.counts = np.stack([np.bincount(column, minlength=self.counts.shape[1]) for column in codes.T])
        errors = np.sqrt(squares)
        mean = float(errors.mean())
        part._moments = np.array([mean, ((errors - mean) ** 2).sum(), ((errors - mean) ** 3).sum()])
        return part

    def _absorb(self, other: CellCounts) -> None:
        a, b = self.n, other.n
        if b == 0:
            return
        n, (mean, second, third), (its_mean, its_second, its_third) = a + b, self._moments, other._moments
        step = its_mean - mean
        self._moments = np.array([
            mean + step * b / n,
            second + its_second + step**2 * a * b / n,
            third + its_third + step**3 * a * b * (a - b) / n**2 + 3 * step * (a * its_second - b * second) /
            n,
        ])  # fmt: skip
        self.n, self.counts = n, self.counts + other.counts
        self.energy += other.energy
        self.squared_error += other.squared_error

    def merge(self, other: CellCounts) -> CellCounts:
        """Return the accumulator of both sets of points.

        Raises `UsageError` if the quantizers differ.
        """
        if not np.array_equal(self.quantizer.codebooks, other.quantizer.codebooks):
            raise UsageError("merged cell counts must come from one quantizer: train it once and share it")
        both = CellCounts(self.quantizer)
        both._absorb(self)
        both._absorb(other)
        return both

    @property
    def reconstruction_error(self) -> float:
        """Return RE."""
        return self.squared_error / self.energy if self.energy else 0.0

    @property
    def reconstruction_skew(self) -> float:
        """Return RS."""
        _, second, third = self._moments
        return float(np.sqrt(self.n) * third / second**1.5) if second > 0 else 0.0

    @property
    def point_count_variance(self) -> float:
        """Return PC_var."""
        return point_count_variance_of_counts(self.counts)

    @property
    def point_count_kl(self) -> float:
        """Return PC_kl."""
        return point_count_kl_of_counts(self.counts)

    @property
    def patchiness(self) -> float:
        """Return PP."""
        return patchiness_of_counts(self.counts)
