"""Accumulators beside `Moments` and `CellCounts`: directions and a sample, in constant memory and mergeable.

Feed each shard of a data set to its own accumulator and merge them: the result is that of one pass over all
points, to rounding (samples exactly).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spacetune.errors import DataError, UsageError
from spacetune.geometry.points import read_points
from spacetune.geometry.spectrum import FloatArray

__all__ = ["Directions", "Reservoir"]

BLOCK_ROWS = 512  # in float64 these stay in the second-level cache


class Directions:
    """Sum of unit vectors: the exact average cosine over all pairs.

    >>> one, two = Directions(2).update([[1.0, 0.0], [0.0, 2.0]]), Directions(2).update([[1.0, 0.0]])
    >>> one.merge(two).average_cosine
    0.3333333333333333
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.n = 0
        self.n_nonzero = 0
        self.total: FloatArray = np.zeros(dim)

    def update(self, points: ArrayLike) -> Self:
        """Take in a chunk of points (n, d); a chunk that raises leaves nothing behind."""
        chunk, part = np.asarray(points), Directions(self.dim)
        for start in range(0, len(chunk), BLOCK_ROWS):
            values = read_points(chunk[start : start + BLOCK_ROWS])
            if values.shape[1] != self.dim:
                raise DataError(f"a chunk must have {self.dim} dimensions, got {values.shape[1]}")
            norms = np.sqrt(np.einsum("ij,ij->i", values, values))
            part.total += (1.0 / np.where(norms > 0, norms, 1.0)) @ values
            part.n += len(values)
            part.n_nonzero += int(np.count_nonzero(norms))
        self._absorb(part)
        return self

    def _absorb(self, other: Directions) -> None:
        self.n += other.n
        self.n_nonzero += other.n_nonzero
        self.total = self.total + other.total

    def merge(self, other: Directions) -> Directions:
        """Return the accumulator of both sets of points."""
        both = Directions(self.dim)
        both._absorb(self)
        both._absorb(other)
        return both

    @property
    def average_cosine(self) -> float:
        """Return the average cosine; see `spacetune.geometry.average_cosine`."""
        if self.n < 2:
            raise DataError(f"average_cosine needs at least 2 points, got {self.n}")
        return float((self.total @ self.total - self.n_nonzero) / (self.n * (self.n - 1)))


def _keys(seed: int, start: int, size: int) -> NDArray[np.uint64]:
    """Return a pseudo-random key for each row number (the SplitMix64 finaliser).

    >>> hex(_keys(0, 0, 1)[0])
    '0xe220a8397b1dcdaf'
    """
    with np.errstate(over="ignore"):
        z = np.arange(start, start + size, dtype=np.uint64) + np.uint64(1)
        z = (z + np.uint64(seed) * np.uint64(0xD1342543DE82EF95)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


class Reservoir:
    """A uniform sample of at most `size` points, the same whether read in one pass or in merged shards.

    Each row number has a key drawn from it and the seed; the rows with the least keys are kept.

    Parameters
    ----------
    size
        Number of points to keep.
    seed
        Seed of the keys.
    start
        Row number of the first point, so that shards of one data set draw from one sequence.

    Examples
    --------
    >>> rows = np.arange(100.0)[:, None]
    >>> one = Reservoir(5).update(rows)
    >>> two = Reservoir(5).update(rows[:60]).merge(Reservoir(5, start=60).update(rows[60:]))
    >>> np.array_equal(one.points, two.points)
    True
    """

    def __init__(self, size: int, *, seed: int = 0, start: int = 0) -> None:
        if size < 1 or seed < 0 or start < 0:
            raise UsageError(f"size must be at least 1, seed and start at least 0; got {size}, {seed}, {start}")
        self.size = size
        self.seed = seed
        self.n = 0
        self._next = start
        self._keys: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self._rows: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._values: NDArray[Any] | None = None

    def update(self, points: ArrayLike) -> Self:
        """Take in a chunk of points (n, d)."""
        chunk = np.asarray(points)
        if chunk.ndim != 2:
            raise DataError(f"a chunk must be a table (n, d), got shape {chunk.shape}")
        keys = _keys(self.seed, self._next, len(chunk))
        full = len(self._keys) == self.size
        chosen = np.flatnonzero(keys < self._keys[-1]) if full else np.arange(len(chunk))
        self._keep(keys[chosen], self._next + chosen, chunk[chosen])
        self._next += len(chunk)
        self.n += len(chunk)
        return self

    def _keep(self, keys: NDArray[np.uint64], rows: NDArray[np.int64], values: NDArray[Any]) -> None:
        if self._values is not None:
            keys, rows = np.concatenate([self._keys, keys]), np.concatenate([self._rows, rows])
            values = np.concatenate([self._values, values])
        order = np.argsort(keys, kind="stable")[: self.size]
        self._keys, self._rows, self._values = keys[order], rows[order], values[order]

    def merge(self, other: Reservoir) -> Reservoir:
        """Return the sample of both shards.

        Raises `UsageError` if the sizes or seeds differ.
        """
        if (other.size, other.seed) != (self.size, self.seed):
            raise UsageError("merged samples must have one size and one seed: build the shards alike")
        both = Reservoir(self.size, seed=self.seed)
        for part in (self, other):
            if part._values is not None:
                both._keep(part._keys, part._rows, part._values)
        both.n, both._next = self.n + other.n, max(self._next, other._next)
        return both

    @property
    def points(self) -> NDArray[Any]:
        """Return the sampled points in the order of their row numbers.

        Raises `DataError` if no point was taken in.
        """
        if self._values is None:
            raise DataError("the sample is empty: update it with points first")
        return self._values[np.argsort(self._rows)]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return the row numbers of `points`."""
        return np.sort(self._rows)
