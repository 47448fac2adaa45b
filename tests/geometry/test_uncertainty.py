"""Half-sampling written out, and how often its interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune.geometry import draw_halves, half_sample_interval
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


@pytest.mark.parametrize("level", [0.95, 0.6])
def test_an_interval_from_halves_is_the_value_less_the_quantiles(level: float) -> None:
    draws = np.random.default_rng(0).exponential(size=50)
    gaps = np.sort(draws - draws.mean())
    low, high = (np.interp(share * 49, np.arange(50), gaps) for share in ((1 - level) / 2, (1 + level) / 2))
    assert abs(low + high) > 0.05
    found = half_sample_interval(3.0, draws.tolist(), level)
    assert found == pytest.approx((3.0 - high, 3.0 - low))


def test_halves_differ_and_the_seed_decides_them() -> None:
    halves = draw_halves(10, 40, seed=1)
    assert (halves.sum(1) == 5).all()
    assert len(np.unique(halves, axis=0)) > 20
    assert (halves == draw_halves(10, 40, seed=1)).all()
    assert (halves != draw_halves(10, 40, seed=2)).any()
    assert abs(halves.mean(0) - 0.5).max() < 0.3


@pytest.mark.slow
def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(500):
        points = np.random.default_rng(seed).standard_normal((60, 1))
        found = bootstrap(points, first, n_resamples=100, seed=seed)
        held += found.low <= 0 <= found.high
    assert held / 500 == pytest.approx(0.95, abs=0.028)
