"""Many measures of one set of points, with the work they share done once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spacetune.errors import DataError, MissingExtraError, UsageError
from spacetune.geometry.catalogue import Measure, find_measure, list_measures
from spacetune.geometry.cloud import PointCloud, Points
from spacetune.geometry.moments import Moments
from spacetune.geometry.points import SampleSizeWarning, Variant, check_variant
from spacetune.results import RecordResult, TableResult

__all__ = ["Measured", "Measurements", "compute"]


@dataclass(frozen=True)
class Measured(RecordResult):
    """One measure's value.

    Attributes
    ----------
    measure
        Name in the catalogue.
    value
        None where there is none.
    n, advised
        Numbers of points it was worked out on, and advised.
    problem
        Why there is no value, or None.
    """

    measure: str
    value: float | None
    n: int
    advised: int
    problem: str | None = None


@dataclass(frozen=True)
class Measurements(TableResult):
    """Values of several measures of one set of points.

    Attributes
    ----------
    n, dim
        Numbers of points and of dimensions.
    variant
        "exact" or "official".
    measured
        The values, in the order asked for.
    """

    n: int
    dim: int
    variant: str
    measured: tuple[Measured, ...]

    def __getitem__(self, measure: str) -> float:
        """Return a value by the measure's name.

        Raises `DataError` if the measure has no value, with the reason.
        Raises `UsageError` if the measure was not asked for.
        """
        for entry in self.measured:
            if entry.measure == measure:
                if entry.value is None:
                    raise DataError(f"{measure} has no value: {entry.problem}")
                return entry.value
        raise UsageError(f"{measure!r} was not measured; measured were {', '.join(self.values) or 'none'}")

    @property
    def values(self) -> dict[str, float]:
        """Return the values by name, without those that have none."""
        return {entry.measure: entry.value for entry in self.measured if entry.value is not None}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a measure."""
        return [entry.to_dict() for entry in self.measured]


def compute(
    points: Points | Moments,
    measures: Sequence[str] | None = None,
    *,
    variant: Variant = "exact",
    sample: int = 20_000,
    seed: int = 0,
) -> Measurements:
    """Work out measures of one set of points; spectrum, neighbours and quantizers are shared between them.

    Parameters
    ----------
    points
        Table (n, d), a `PointCloud`, or `Moments` (which give the measures that need no more).
    measures
        Names from the catalogue; None for all measures of one set. The sixteen quantizer measures take most
        of the time: the additive quantizer alone takes seconds.
    variant
        "official" for the published forms where a measure has one.
    sample
        Measures that need more than moments are worked out on at most this many points, drawn with `seed`;
        their `n` says how many.
    seed
        Seed of the sample and, in official variants, of the random references.

    Returns
    -------
    Measurements
        A value, or the reason for having none, for each measure.

    Raises
    ------
    UsageError
        If a measure is unknown or is one between two sets.
    DataError
        If the points are not a table of finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.random.default_rng(0).standard_normal((2000, 4))
    >>> found = compute(points, ["isoscore", "participation_ratio"])
    >>> {name: round(value, 1) for name, value in found.values.items()}
    {'isoscore': 1.0, 'participation_ratio': 4.0}
    """
    chosen = list_measures(sets=1) if measures is None else [find_measure(name) for name in measures]
    if between := [m.name for m in chosen if m.sets != 1]:
        raise UsageError(f"compute measures one set, got {', '.join(between)}: call these on the two sets")
    check_variant(variant)
    whole = points if isinstance(points, Moments | PointCloud) else PointCloud(points)
    part = _drawn(whole, sample, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        measured = tuple(_measure(m, whole if m.needs == "moments" else part, variant, seed) for m in chosen)
    _warn(measured, whole.dim)
    return Measurements(whole.n, whole.dim, variant, measured)


def _drawn(whole: PointCloud | Moments, sample: int, seed: int) -> PointCloud | Moments:
    if isinstance(whole, Moments) or whole.n <= sample:
        return whole
    rows = np.random.default_rng(seed).choice(whole.n, sample, replace=False)
    return PointCloud(whole.values[np.sort(rows)])


def _measure(measure: Measure, points: PointCloud | Moments, variant: Variant, seed: int) -> Measured:
    advised = measure.advice.advised(points.dim)
    if isinstance(points, Moments) and measure.needs != "moments":
        return Measured(measure.name, None, points.n, advised, f"needs {measure.needs}, got moments only")
    if measure.needs == "texts":
        problem = f"needs to know which text each point is of: call geometry.{measure.name}(points, texts)"
        return Measured(measure.name, None, points.n, advised, problem)
    settings: dict[str, Any] = {"variant": variant} if measure.variants else {}
    if variant == "official" and measure.name in RANDOM_REFERENCE:
        settings["seed"] = seed
    try:
        value = measure.function(points, **settings)
    except (DataError, MissingExtraError) as error:
        return Measured(measure.name, None, points.n, advised, str(error))
    return Measured(measure.name, value, points.n, advised)


RANDOM_REFERENCE = frozenset(
    {"vrm", "kl_gaussian", "kl_discrete", "kl_empirical", "koleo", "average_cosine", "pq_pc_kl", "aq_pc_kl"}
)


def _warn(measured: Sequence[Measured], dim: int) -> None:
    few = [entry for entry in measured if entry.value is not None and entry.n < entry.advised]
    if few:
        names = ", ".join(f"{entry.measure} ({entry.advised})" for entry in few)
        message = f"{few[0].n} points of {dim} dimensions are fewer than advised for {names}"
        warnings.warn(message, SampleSizeWarning, stacklevel=3)
