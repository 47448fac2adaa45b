"""Half-sampling written out, and how often its interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune.geometry.uncertainty import bootstrap


def third_power(points: np.ndarray) -> float:
    """A measure whose half-samples lean to one side."""
    return float(np.mean(points[:, 0] ** 3))


def first(points: np.ndarray) -> float:
    return float(points[:, 0].mean())


@pytest.mark.parametrize(("n", "level"), [(40, 0.95), (41, 0.8)])
def test_the_interval_is_the_value_less_the_quantiles_of_the_halves_deviations(n: int, level: float) -> None:
    points = np.random.default_rng(0).exponential(size=(n, 2))
    rng, half = np.random.default_rng(7), n // 2
    draws = np.array([third_power(points[rng.choice(n, half, replace=False)]) for _ in range(60)])
    gaps = (draws - draws.mean()) * np.sqrt(half / (n - half))
    low, high = np.quantile(gaps, [(1 - level) / 2, (1 + level) / 2])
    found = bootstrap(points, third_power, n_resamples=60, level=level, seed=7)
    assert abs(high + low) > 0.05 * (high - low)  # one-sided enough to tell the ends apart
    value = third_power(points)
    assert (found.value, found.low, found.high) == pytest.approx((value, value - high, value - low))
    assert found.standard_error == pytest.approx(gaps.std(ddof=1))
    assert (found.level, found.n, found.n_resamples) == (level, n, 60)


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(500):
        points = np.random.default_rng(seed).standard_normal((60, 1))
        found = bootstrap(points, first, n_resamples=100, seed=seed)
        held += found.low <= 0 <= found.high
    assert held / 500 == pytest.approx(0.95, abs=0.028)
