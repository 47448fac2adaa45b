"""Points counted into the cells of a trained quantizer, in constant memory and mergeable."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spacetune.errors import DataError, UsageError
from spacetune.geometry import cells
from spacetune.geometry.quantizers import BLOCK_ROWS, Quantizer

__all__ = ["CellCounts"]


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
    >>> counts.patchiness == cells.patchiness(points)
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
        return cells.point_count_variance_of_counts(self.counts)

    @property
    def point_count_kl(self) -> float:
        """Return PC_kl."""
        return cells.point_count_kl_of_counts(self.counts)

    @property
    def patchiness(self) -> float:
        """Return PP."""
        return cells.patchiness_of_counts(self.counts)
