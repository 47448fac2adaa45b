"""The eigen-spectrum of the covariance: what every second-moment measure is a function of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spacetune.errors import DataError

__all__ = ["FloatArray", "Spectrum", "spectrum_of_covariance", "spectrum_of_values"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """Variances along the principal axes, largest first.

    Attributes
    ----------
    values
        The p = min(n, d) largest eigenvalues of the unbiased covariance, descending; those that are zero to
        rounding are exactly zero.
    axes
        Principal axes, one a column (d, p), or None where only the values were asked for.
    n, dim
        Numbers of points and of dimensions d.
    """

    values: FloatArray
    axes: FloatArray | None
    n: int
    dim: int

    @property
    def total(self) -> float:
        """Return the summed variance."""
        return float(self.values.sum())

    def spread(self, measure: str) -> FloatArray:
        """Return the eigenvalues, or raise where there is no variance to describe.

        Raises `DataError` if all points are equal.
        """
        if self.n < 2 or self.total <= 0.0:
            raise DataError(
                f"{measure} describes how variance is spread, so the points must not all be equal; "
                f"got {self.n} equal points: pass points that differ"
            )
        return self.values


def _clean(values: NDArray[np.floating[Any]], size: int) -> FloatArray:
    top = float(values[0]) if len(values) else 0.0
    return np.where(values > top * np.finfo(np.float64).eps * size, values, 0.0).astype(np.float64)


def spectrum_of_covariance(covariance: FloatArray, n: int, *, axes: bool = False) -> Spectrum:
    """Return the spectrum of a covariance matrix (d, d) of `n` points.

    >>> spectrum_of_covariance(np.diag([1.0, 4.0]), n=10).values.tolist()
    [4.0, 1.0]
    """
    dim = len(covariance)
    p = min(n, dim)
    if axes:
        values, vectors = np.linalg.eigh(covariance)
        return Spectrum(_clean(values[::-1][:p], max(n, dim)), vectors[:, ::-1][:, :p], n, dim)
    return Spectrum(_clean(np.linalg.eigvalsh(covariance)[::-1][:p], max(n, dim)), None, n, dim)


def spectrum_of_values(values: FloatArray) -> Spectrum:
    """Return the spectrum of points (n, d), through whichever of the two Gram matrices is smaller.

    >>> spectrum_of_values(np.array([[0.0, 0.0], [2.0, 0.0]])).values.tolist()
    [2.0, 0.0]
    """
    n, dim = values.shape
    centred: FloatArray = values - values.mean(axis=0)
    scale = float(max(n - 1, 1))
    if n >= dim:
        return spectrum_of_covariance(centred.T @ centred / scale, n, axes=True)
    gram: FloatArray = centred @ centred.T / scale
    outer, left = np.linalg.eigh(gram)
    eigenvalues = _clean(outer[::-1], max(n, dim))
    keep = eigenvalues > 0
    axes = np.zeros((dim, n))
    axes[:, keep] = centred.T @ left[:, ::-1][:, keep] / np.sqrt(eigenvalues[keep] * scale)
    return Spectrum(eigenvalues, axes, n, dim)
