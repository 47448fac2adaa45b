"""How far a value would move with another sample, and how far it is from settled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spacetune.errors import DataError, UsageError
from spacetune.geometry.catalogue import Measure, find_measure
from spacetune.geometry.points import SampleAdvice, SampleSizeWarning, read_points
from spacetune.geometry.spectrum import FloatArray
from spacetune.results import RecordResult, TableResult

__all__ = ["Convergence", "Interval", "bootstrap", "convergence"]

RESAMPLES = {"moments": 200, "points": 200, "neighbours": 50, "quantizer": 20, "pairs": 50}


@dataclass(frozen=True)
class Interval(RecordResult):
    """A value with its sampling error.

    Attributes
    ----------
    value
        On all points.
    low, high
        Ends of the interval.
    standard_error
        Standard deviation of the value over samples of n points.
    level
        Coverage aimed at.
    n, n_resamples
        Numbers of points and of half-samples.
    """

    measure: str
    value: float
    low: float
    high: float
    standard_error: float
    level: float
    n: int
    n_resamples: int


@dataclass(frozen=True)
class Convergence(TableResult):
    """Values over sample sizes.

    Attributes
    ----------
    sizes
        Sample sizes, ascending.
    values
        Values (size, repeat); samples of all points are all alike, up to their order.
    """

    measure: str
    sizes: tuple[int, ...]
    values: FloatArray

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a size: mean and standard deviation over repeats."""
        means, spreads = self.values.mean(axis=1), self.values.std(axis=1, ddof=1)
        return [
            {"measure": self.measure, "n": n, "mean": float(mean), "std": float(spread)}
            for n, mean, spread in zip(self.sizes, means, spreads, strict=True)
        ]


MeasureFunction = Callable[..., float]


def _resolve(measure: str | Measure | MeasureFunction, sets: int) -> Measure:
    if isinstance(measure, str):
        measure = find_measure(measure)
    if not isinstance(measure, Measure):
        name = getattr(measure, "__name__", "measure")
        measure = Measure(
            name, name, measure, "", -np.inf, np.inf, "", "", (), SampleAdvice(2), "", needs="points", sets=sets
        )
    if measure.sets != sets:
        wanted = "two sets: pass the other as `second`" if measure.sets == 2 else "one set: leave `second` out"
        raise UsageError(f"{measure.name} is a measure of {wanted}")
    return measure


class _Sampler:
    """Values of a measure on rows chosen without replacement; both sets of a pair lose the same rows."""

    def __init__(self, measure: Measure, points: ArrayLike, second: ArrayLike | None, seed: int) -> None:
        self.sets = [read_points(part) for part in (points, second) if part is not None]
        self.n = len(self.sets[0])
        if len(self.sets[-1]) != self.n:
            raise DataError(f"both sets must have the same number of points, got {self.n} and {len(self.sets[-1])}")
        self.measure = measure
        self.rng = np.random.default_rng(seed)

    def whole(self) -> float:
        return self.measure.function(*self.sets)

    def draw(self, size: int) -> float:
        rows = self.rng.choice(self.n, size, replace=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SampleSizeWarning)
            return self.measure.function(*(part[rows] for part in self.sets))


def bootstrap(
    points: ArrayLike,
    measure: str | Measure | MeasureFunction,
    *,
    second: ArrayLike | None = None,
    n_resamples: int | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Give a measure's value an interval, by half-sampling.

    The measure is worked out on random halves of the points, drawn without replacement. The spread of a
    half-sample value around the mean of such values estimates that of a value on n points (the two factors of
    two cancel), so the interval is the value less the quantiles of these deviations. Drawing with
    replacement, as the ordinary bootstrap does, would repeat points: that adds neighbours at distance 0,
    patches to the cells and lost rank. The interval covers sampling noise, not the bias of too small a
    sample: see `convergence`. Where a
    value sits at the end of its range (IsoScore of isotropic points) the interval is too wide, by up to three
    quarters.

    Parameters
    ----------
    points
        Table (n, d).
    measure
        Name or entry of the catalogue, or any function of points.
    second
        The other set, for a measure between two; rows are drawn in pairs.
    n_resamples
        Number of halves; None for 200, 50 where neighbours or pairs are needed, 20 for quantizer measures.
    level
        Coverage aimed at.
    seed
        Seed of the draws.

    Raises
    ------
    DataError
        If half the points are too few for the measure.
    UsageError
        If the level is not between 0 and 1, or fewer than two resamples are asked for.

    Examples
    --------
    >>> found = bootstrap(np.random.default_rng(0).standard_normal((2000, 4)), "isoscore")
    >>> found.low < found.value < found.high < found.value + 0.01
    True
    """
    entry = _resolve(measure, 1 if second is None else 2)
    count = RESAMPLES[entry.needs] if n_resamples is None else n_resamples
    if not 0 < level < 1 or count < 2:
        raise UsageError(f"level must be in (0, 1) and n_resamples at least 2, got {level} and {count}")
    sampler = _Sampler(entry, points, second, seed)
    half = sampler.n // 2
    if half < entry.advice.at_least:
        raise DataError(
            f"half of {sampler.n} points are too few for {entry.name}, which needs {entry.advice.at_least}: "
            f"pass {2 * entry.advice.at_least} points or more"
        )
    value = sampler.whole()
    draws = np.array([sampler.draw(half) for _ in range(count)])
    deviations = (draws - draws.mean()) * np.sqrt(half / (sampler.n - half))
    low, high = np.quantile(deviations, [(1 - level) / 2, (1 + level) / 2])
    error = float(deviations.std(ddof=1))
    return Interval(entry.name, value, float(value - high), float(value - low), error, level, sampler.n, count)


def convergence(
    points: ArrayLike,
    measure: str | Measure | MeasureFunction,
    sizes: Sequence[int] | None = None,
    *,
    second: ArrayLike | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> Convergence:
    """Work out a measure on samples of growing size: where the curve is still moving, n is too small.

    Parameters
    ----------
    points, measure, second, seed
        As in `bootstrap`.
    sizes
        Sample sizes; None for n, n/2, n/4, … down to a few hundred.
    repeats
        Samples of each size, at least 2.

    Raises
    ------
    UsageError
        If a size is more than n or too small for the measure, or there are fewer than two repeats.

    Examples
    --------
    >>> curve = convergence(np.random.default_rng(0).standard_normal((1000, 100)), "isoscore", [100, 1000])
    >>> [round(row["mean"], 1) for row in curve.rows()]
    [0.5, 0.9]
    """
    entry = _resolve(measure, 1 if second is None else 2)
    sampler = _Sampler(entry, points, second, seed)
    least = entry.advice.at_least
    if sizes is None:
        halvings = [sampler.n >> i for i in range(sampler.n.bit_length())]
        sizes = [size for size in halvings if size >= max(least, min(256, sampler.n))]
    ordered = tuple(sorted(set(sizes)))
    if not ordered or ordered[0] < least or ordered[-1] > sampler.n or repeats < 2:
        raise UsageError(
            f"sizes must be from {least} to {sampler.n} with at least 2 repeats, got "
            f"sizes {list(ordered)} and {repeats} repeats"
        )
    values = np.array([[sampler.draw(size) for _ in range(repeats)] for size in ordered])
    return Convergence(entry.name, ordered, values)
