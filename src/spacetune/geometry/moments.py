"""Count, mean and second moment of any number of points in constant memory, merged (Chan et al. 1979).

Points arrive in chunks; each block of rows is shifted by an estimate of the mean, multiplied out in float64
(one symmetric rank-k update) and merged. Two accumulators over different shards merge into the accumulator of
both, to rounding.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from spacetune.errors import DataError, UsageError
from spacetune.geometry.spectrum import FloatArray, Spectrum, spectrum_of_covariance

__all__ = ["Moments"]

BLOCK_VALUES = 1 << 19  # 4 MiB of float64: stays in the second-level cache while it is multiplied out


class Moments:
    """Streaming mean and covariance; pass it in place of points to every measure that needs no more.

    Parameters
    ----------
    dim
        Number of dimensions d. Memory is 8 d² bytes and one block, whatever the number of points.

    Examples
    --------
    >>> left, right = Moments(2), Moments(2)
    >>> _ = left.update([[0.0, 0.0], [2.0, 0.0]]); _ = right.update([[1.0, 3.0]])
    >>> both = left.merge(right)
    >>> both.n, both.mean.tolist(), both.covariance.tolist()
    (3, [1.0, 1.0], [[1.0, 0.0], [0.0, 3.0]])
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise UsageError(f"dim must be at least 1, got {dim}: pass the points' number of dimensions")
        self.dim = dim
        self.n = 0
        self.mean: FloatArray = np.zeros(dim)
        self.second: FloatArray = np.zeros((dim, dim))  # sum of (x - mean)(x - mean)^T
        self._block: FloatArray | None = None

    def __getstate__(self) -> dict[str, Any]:  # room to work in stays behind
        return self.__dict__ | {"_block": None}

    def update(self, points: ArrayLike) -> Self:
        """Take in a chunk of points (n, d) of any real dtype; a chunk that raises leaves nothing behind.

        Raises `DataError` if the chunk has another number of dimensions, or holds NaN or infinity.
        """
        chunk = np.asarray(points)
        if chunk.ndim != 2 or chunk.shape[1] != self.dim or chunk.dtype.kind not in "fiub":
            raise DataError(f"a chunk must be real numbers of shape (n, {self.dim}), got {chunk.dtype} {chunk.shape}")
        part = self._accumulate(chunk)
        if not np.isfinite(part.second.diagonal()).all() or not np.isfinite(part.mean).all():
            raise DataError("a chunk must be finite, got NaN or infinity (or overflow): drop or rescale it")
        self._absorb(part)
        return self

    def _accumulate(self, chunk: FloatArray) -> Moments:
        """Sum one chunk about a shift: the mean so far, or the mean of the chunk's first rows."""
        part = Moments(self.dim)
        if len(chunk) == 0:
            return part
        rows = max(256, BLOCK_VALUES // self.dim)
        if self._block is None:
            self._block = np.empty((rows, self.dim))
        shift = self.mean.copy() if self.n else chunk[:256].mean(axis=0, dtype=np.float64)
        ones, total = np.ones(rows), np.zeros(self.dim)
        for start in range(0, len(chunk), rows):
            size = min(rows, len(chunk) - start)
            block = self._block[:size]
            np.subtract(chunk[start : start + size], shift, out=block)
            part.second += block.T @ block
            total += ones[:size] @ block
        part.n = len(chunk)
        part.mean = shift + total / part.n
        part.second -= np.outer(total, total / part.n)
        return part

    def _absorb(self, other: Moments) -> None:
        n = self.n + other.n
        if other.n == 0:
            return
        step = other.mean - self.mean
        self.second += other.second
        self.second += np.outer(step, step * (self.n * other.n / n))
        self.mean = self.mean + step * (other.n / n)
        self.n = n

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both sets of points; neither operand changes.

        Raises `UsageError` if the dimensions differ.
        """
        if other.dim != self.dim:
            raise UsageError(f"merged moments must have one dimension, got {self.dim} and {other.dim}")
        both = Moments(self.dim)
        both._absorb(self)
        both._absorb(other)
        return both

    @property
    def covariance(self) -> FloatArray:
        """Return the unbiased covariance (d, d).

        Raises `DataError` if there are fewer than two points.
        """
        if self.n < 2:
            raise DataError(f"a covariance needs at least 2 points, got {self.n}: update with more")
        return self.second / (self.n - 1)

    @property
    def spectrum(self) -> Spectrum:
        """Return the variances along the principal axes."""
        found = spectrum_of_covariance(self.covariance, self.n)
        rounding = (16 * np.finfo(np.float64).eps) ** 2 * float(self.mean @ self.mean)
        if found.total <= rounding:
            return Spectrum(np.zeros_like(found.values), None, self.n, self.dim)
        return found

    @property
    def energies(self) -> FloatArray:
        """Return the mean squares along the principal directions about the origin, largest first."""
        return spectrum_of_covariance(self.second / self.n + np.outer(self.mean, self.mean), self.n).values
