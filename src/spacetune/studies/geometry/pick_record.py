"""How well a way of picking one of several did where the answer is known, over many data sets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spacetune.errors import DataError
from spacetune.results import RecordResult

__all__ = ["PickRecord", "mean_interval", "picked", "record_of", "record_of_any", "stored"]

Array = np.ndarray[Any, Any]

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class PickRecord(RecordResult):
    """How one way of picking a layer, or an encoder, did over the data sets.

    Parameters
    ----------
    by
        A measure, or a baseline.
    direction
        ``greatest`` or ``least``, as settled on all data sets; empty for a baseline.
    best
        On how many data sets it picked the best one (for a pick at random, the number expected).
    of
        Number of data sets.
    regret
        Mean over data sets of the best one's score less the picked one's.
    low
        Lower end of the 95 % bootstrap interval of the mean regret, over data sets.
    high
        Upper end.
    """

    by: str
    direction: str
    best: float
    of: int
    regret: float
    low: float
    high: float


def stored(evidence: Path, script: str) -> dict[str, Any]:
    """Return the evidence of a file that comes with the package.

    Raises
    ------
    DataError
        If the file is missing.
    """
    if not evidence.is_file():
        raise DataError(f"there is no evidence at {evidence}: python -m {script} makes it")
    return json.loads(evidence.read_text(encoding="utf-8"))


def picked(values: Array, regrets: Array) -> tuple[Array, str]:
    """Return what a measure picks for each data set, and the direction settled on all of them.

    A measure ``(set, option)`` picks the option where it is greatest, or least; which of the two is settled on the
    other data sets, never on the one it is judged on.
    """
    rows = np.arange(len(values))
    ends = np.stack([values.argmax(axis=1), values.argmin(axis=1)])
    costs = np.stack([regrets[rows, end] for end in ends])
    others = costs.sum(axis=1, keepdims=True) - costs
    return ends[others.argmin(axis=0), rows], ("greatest", "least")[int(costs.sum(axis=1).argmin())]


def record_of(by: str, chosen: Array, direction: str, regrets: Array) -> PickRecord:
    """Return the record of what was chosen for each data set; regrets are ``(set, option)``."""
    costs = regrets[np.arange(len(regrets)), chosen]
    low, high = mean_interval(costs)
    return PickRecord(by, direction, int(np.count_nonzero(costs == 0)), len(costs), float(costs.mean()), low, high)


def record_of_any(by: str, regrets: Array) -> PickRecord:
    """Return the record that a pick at random has on average."""
    costs = regrets.mean(axis=1)
    best = float((regrets == 0).mean(axis=1).sum())
    return PickRecord(by, "", best, len(costs), float(costs.mean()), *mean_interval(costs))


def mean_interval(values: Sequence[float] | Array) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over data sets."""
    drawn = np.random.default_rng(0).choice(np.asarray(values), (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
