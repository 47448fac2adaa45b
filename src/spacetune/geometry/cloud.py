"""A checked set of points that works out its spectrum, neighbours and quantizer codes once and keeps them.

Every measure takes an array (n, d) or a `PointCloud`; pass the same cloud to several measures and they share
the work. The rules for input are the same for every measure, and tested for each in the catalogue:

- NaN, infinity, text, complex numbers, a shape other than (n, d), no points: `DataError`.
- Integers and booleans are read as float64.
- One point, or fewer than the measure's floor: `DataError`. Fewer than advised: `SampleSizeWarning`.
- Constant points: `DataError`, but for measures of direction, whose values the catalogue states (`constant`).
- Fewer points than dimensions: a finite value, but for `kl_gaussian`, which is infinite.
- Repeated points count as often as they occur, but for `koleo`, `kl_empirical` and `two_nn`, where they count
  once, as they do within a cell of `point_distribution_eee`.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spacetune.errors import DataError
from spacetune.geometry.moments import Moments
from spacetune.geometry.neighbours import NeighbourTable, find_neighbours
from spacetune.geometry.points import SPECTRAL, SampleAdvice, read_points
from spacetune.geometry.quantizers import Quantization, Quantizer, QuantizerKind, quantize
from spacetune.geometry.spectrum import FloatArray, Spectrum, spectrum_of_covariance, spectrum_of_values

__all__ = ["PointCloud", "Points", "SpectralPoints", "as_cloud", "as_spectral"]


class PointCloud:
    """Points (n, d) with their spectrum, neighbour table and quantizer codes, each worked out at first use.

    Parameters
    ----------
    points
        Table (n, d) of finite real numbers; do not change it while the cloud is in use.

    Examples
    --------
    >>> cloud = PointCloud([[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    >>> cloud.n, cloud.dim, cloud.distinct.n
    (3, 2, 2)
    """

    def __init__(self, points: ArrayLike) -> None:
        self.values = read_points(points).view()
        self.values.flags.writeable = False
        self._table: NeighbourTable | None = None
        self._quantizations: dict[str, Quantization] = {}

    @property
    def n(self) -> int:
        """Return the number of points."""
        return len(self.values)

    @property
    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.values.shape[1]

    @cached_property
    def constant(self) -> bool:
        """Return whether all points are equal."""
        return bool((self.values == self.values[0]).all())

    @cached_property
    def spectrum(self) -> Spectrum:
        """Return the variances along the principal axes."""
        if self.constant:
            p = min(self.n, self.dim)
            return Spectrum(np.zeros(p), np.eye(self.dim)[:, :p], self.n, self.dim)
        return spectrum_of_values(self.values)

    @cached_property
    def energies(self) -> FloatArray:
        """Return the mean squares along the principal directions about the origin, largest first."""
        wide = self.n < self.dim
        square = (self.values @ self.values.T if wide else self.values.T @ self.values) / self.n
        return spectrum_of_covariance(square, self.n).values

    @cached_property
    def scores(self) -> FloatArray:
        """Return the centred points in principal axes, one row an axis (p, n)."""
        axes = self.spectrum.axes
        if axes is None:
            raise DataError("scores need principal axes, got a spectrum without them: build it from points")
        return np.ascontiguousarray(axes.T @ (self.values - self.values.mean(axis=0)).T)

    @cached_property
    def directions(self) -> FloatArray:
        """Return the points divided by their norms; a zero vector has no direction and stays zero."""
        norms = np.linalg.norm(self.values, axis=1, keepdims=True)
        return self.values / np.where(norms > 0, norms, 1.0)

    @cached_property
    def labels(self) -> NDArray[np.intp]:
        """Return a number for each point, the same for equal points and only for those."""
        rows = np.ascontiguousarray(self.values + 0.0).view(np.dtype((np.void, self.dim * 8)))
        return np.unique(rows.ravel(), return_inverse=True)[1].astype(np.intp)

    @cached_property
    def distinct(self) -> PointCloud:
        """Return the cloud without repeated points, in the order of first appearance."""
        first = np.sort(np.unique(self.labels, return_index=True)[1])
        return self if len(first) == self.n else PointCloud(self.values[first])

    def neighbours(self, k: int) -> NeighbourTable:
        """Return distances and indices of the `k` nearest other points of each point."""
        if self._table is None or self._table.k < min(k, self.n - 1):
            self._table = find_neighbours(self.values, k)
        return self._table.first(k)

    def quantization(self, kind: QuantizerKind) -> Quantization:
        """Return the points under a quantizer of this kind ("product" or "additive"), trained on them all.

        Unless `quantize_with` gave the cloud another.
        """
        if kind not in self._quantizations:
            self._quantizations[kind] = quantize(self.values, kind)
        return self._quantizations[kind]

    def quantize_with(self, quantizer: Quantizer) -> Quantization:
        """Encode the points with a quantizer trained elsewhere, on a sample say, and keep that for its kind."""
        self._quantizations[quantizer.kind] = quantize(self.values, quantizer.kind, quantizer=quantizer)
        return self._quantizations[quantizer.kind]


Points = ArrayLike | PointCloud
SpectralPoints = Points | Moments


def as_cloud(points: Points, measure: str, advice: SampleAdvice) -> PointCloud:
    """Return points as a cloud that has enough points for a measure."""
    cloud = points if isinstance(points, PointCloud) else PointCloud(points)
    advice.check(cloud.n, cloud.dim, measure)
    return cloud


def as_spectral(points: SpectralPoints, measure: str) -> PointCloud | Moments:
    """Return points, or their moments, with enough points for a measure of the spectrum."""
    if isinstance(points, Moments):
        SPECTRAL.check(points.n, points.dim, measure)
        return points
    return as_cloud(points, measure, SPECTRAL)
