"""LogME is the evidence that scikit-learn's Bayesian ridge maximises; the H-score is a trace that can be worked out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from spacetune.errors import DataError
from spacetune.geometry import h_score, log_me


@pytest.mark.parametrize(("n", "dim"), [(200, 10), (60, 150)])
@pytest.mark.parametrize("strength", [0.0, 0.3, 3.0])
def test_log_me_is_the_maximum_evidence(n: int, dim: int, strength: float) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n, dim)) * np.linspace(0.1, 3, dim)
    numbers = strength * points[:, 0] + rng.normal(size=(n,))
    free = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    ridge = BayesianRidge(fit_intercept=False, compute_score=True, max_iter=5000, tol=1e-12, **free)
    expected = ridge.fit(points, numbers).scores_[-1] / n
    assert log_me(points, numbers) == pytest.approx(expected, abs=2e-4)
    assert log_me(points, np.stack([numbers, numbers], axis=1)) == pytest.approx(log_me(points, numbers))


def test_log_me_is_higher_where_labels_can_be_read_off() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 20))
    read, partly, drawn = (points[:, 0] > 0, points[:, 0] + rng.normal(size=300) > 0, rng.random(300) > 0.5)
    assert log_me(points, read) > log_me(points, partly) > log_me(points, drawn)


def test_points_that_give_every_target_away_have_a_finite_evidence() -> None:
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(size=(30, 100)), 2, axis=0)
    with np.errstate(all="raise"):
        assert np.isfinite(log_me(points, np.repeat(rng.integers(0, 2, 30), 2)))
        assert np.isfinite(log_me(rng.normal(size=(30, 100)), rng.integers(0, 2, 30)))
        assert np.isfinite(log_me(points, np.zeros(60)))


def test_h_score_is_the_share_of_the_spread_that_lies_between_classes() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 400)
    centres = np.array([[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]])
    points = centres[labels] + rng.normal(size=(1200, 3))
    total, between = np.cov(points.T, bias=True), np.zeros((3, 3))
    for label in range(3):
        apart = points[labels == label].mean(0) - points.mean(0)
        between += np.outer(apart, apart) / 3
    assert h_score(points, labels, 0) == pytest.approx(np.trace(np.linalg.inv(total) @ between))
    assert h_score(points @ rng.normal(size=(3, 3)), labels, 0) == pytest.approx(h_score(points, labels, 0))
    assert h_score(points, labels) == pytest.approx(h_score(points, labels, 0), abs=0.05)
    assert h_score(points, rng.permutation(labels)) < 0.05


def test_shrinkage_keeps_a_few_wide_texts_from_looking_perfect() -> None:
    rng = np.random.default_rng(0)
    noise, labels = rng.normal(size=(50, 200)), np.arange(50) % 2
    assert h_score(noise, labels, 0) == pytest.approx(1.0)
    assert h_score(noise, labels) < 0.3


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros(4), np.zeros((3, 2))])
def test_points_and_targets_go_together(points: np.ndarray) -> None:
    with pytest.raises(DataError, match="one target per text"):
        log_me(points, np.zeros(4))
