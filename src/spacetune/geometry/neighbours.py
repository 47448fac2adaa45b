"""Exact nearest neighbours of every point, found once for as many as the greediest measure needs."""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from spacetune.geometry.spectrum import FloatArray

__all__ = ["NeighbourTable", "find_neighbours"]

TREE_UP_TO = 10  # dimensions; above, comparing all pairs in blocks is faster than a tree
BLOCK_BYTES = 1 << 26


@dataclass(frozen=True)
class NeighbourTable:
    """The k nearest other points of each point, nearest first: Euclidean distances (n, k) and row numbers (n, k)."""

    distances: FloatArray
    indices: NDArray[np.intp]

    @property
    def k(self) -> int:
        """Return how many neighbours each point has."""
        return self.distances.shape[1]

    def first(self, k: int) -> NeighbourTable:
        """Return the table of the `k` nearest only."""
        return NeighbourTable(self.distances[:, :k], self.indices[:, :k])


def find_neighbours(values: FloatArray, k: int) -> NeighbourTable:
    """Find the `k` nearest other points of each point (fewer where there are not that many).

    A point is never its own neighbour; an equal point is, at distance exactly 0.

    >>> find_neighbours(np.array([[0.0], [1.0], [3.0]]), 1).indices.ravel().tolist()
    [1, 0, 1]
    """
    n, dim = values.shape
    k = min(k, n - 1)
    rows = max(1, BLOCK_BYTES // (8 * max(n, k * dim)))
    distances, indices = np.empty((n, k)), np.empty((n, k), dtype=np.intp)
    centred = values - values.mean(axis=0)
    tree = KDTree(centred) if dim <= TREE_UP_TO else None
    squares = np.einsum("ij,ij->i", centred, centred)
    for start in range(0, n, rows):
        block = slice(start, min(start + rows, n))
        found = _from_tree(tree, centred, block, k) if tree is not None else _from_pairs(centred, squares, block, k)
        distances[block], indices[block] = _sorted_exactly(centred, block, found)
    return NeighbourTable(distances, indices)


def _from_pairs(values: FloatArray, squares: FloatArray, block: slice, k: int) -> NDArray[np.intp]:
    gaps = values[block] @ values.T
    gaps *= -2.0
    gaps += squares
    rows = np.arange(block.start, block.stop)
    gaps[rows - block.start, rows] = np.inf
    return np.argpartition(gaps, k - 1, axis=1)[:, :k]


def _from_tree(tree: KDTree, values: FloatArray, block: slice, k: int) -> NDArray[np.intp]:
    found = cast("NDArray[np.intp]", tree.query(values[block], k=k + 1)[1])
    own = found == np.arange(block.start, block.stop)[:, None]
    own[~own.any(axis=1), -1] = True  # so many equal points that the point itself was not listed
    return found[~own].reshape(-1, k)


def _sorted_exactly(values: FloatArray, block: slice, found: NDArray[np.intp]) -> tuple[FloatArray, NDArray[np.intp]]:
    """Measure the found neighbours again from coordinate differences, so equal points are at exactly 0."""
    steps = values[found]
    steps -= values[block, None]
    distances = np.sqrt(np.einsum("ijk,ijk->ij", steps, steps))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(found, order, axis=1)
