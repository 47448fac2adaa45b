"""Intervals for points that come in groups: whole groups are drawn, since points of one group are alike.

Tokens of one text are not independent, so that an interval from drawing tokens one by one would be too narrow. Texts
are dealt into a few groups, and a measure is worked out on random halves of the groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spacetune.errors import UsageError
from spacetune.geometry.moments import Moments

__all__ = ["draw_halves", "half_sample_interval", "merge_all"]


def draw_halves(n_groups: int, count: int, seed: int = 0) -> NDArray[np.bool_]:
    """Return `count` random halves of the groups, (count, n_groups), true for those drawn.

    >>> draw_halves(4, 3).sum(axis=1).tolist()
    [2, 2, 2]

    Raises `UsageError` if the groups cannot be halved.
    """
    if n_groups < 2 or n_groups % 2 or count < 2:
        raise UsageError(f"an even number of groups and at least 2 draws are needed, got {n_groups} and {count}")
    order = np.random.default_rng(seed).random((count, n_groups)).argsort(axis=1)
    return order < n_groups // 2


def half_sample_interval(value: float, draws: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a value from values on random halves: the value less the quantiles of the deviations.

    The spread over halves drawn without replacement estimates that of the value on all points; see `bootstrap`.

    >>> half_sample_interval(1.0, [0.5, 0.7])
    (0.905, 1.095)
    """
    deviations = np.asarray(draws) - np.mean(draws)
    low, high = np.quantile(deviations, [(1 - level) / 2, (1 + level) / 2])
    return float(value - high), float(value - low)


def merge_all(parts: Sequence[Moments]) -> Moments:
    """Return the moments of all parts' points.

    >>> merge_all([Moments(1).update([[1.0]]), Moments(1).update([[3.0], [5.0]])]).mean.tolist()
    [3.0]
    """
    whole = Moments(parts[0].dim)
    for part in parts:
        whole = whole.merge(part)
    return whole
