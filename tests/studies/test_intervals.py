"""Bootstrap intervals of scores against drawing the texts again, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats

from spacetune.fitting import classification_scores, multilabel_scores, regression_scores
from spacetune.studies.fit.intervals import score_intervals

rng = np.random.default_rng(0)
N, DRAWS, LEVEL = 40, 250, 0.6
TRUTH = rng.integers(0, 3, N)
SAID = np.where(rng.random(N) < 0.3, (TRUTH + 1) % 3, TRUTH)
SETS = (rng.random((N, 3)) < 0.4).astype(int)
SAID_SETS = np.where(rng.random((N, 3)) < 0.25, 1 - SETS, SETS)
NUMBERS = rng.standard_normal(N)
SAID_NUMBERS = NUMBERS + 0.5 * rng.standard_normal(N)

Scores = Callable[[Any, Any], dict[str, float]]


def test_where_all_is_right_accuracy_has_an_exact_interval() -> None:
    for kind, truth in (("single", TRUTH), ("multi", SETS)):
        low, high = score_intervals(kind, truth, truth)["accuracy"]
        assert (low, high) == (pytest.approx(0.025 ** (1 / N)), 1.0)
        assert scipy.stats.binom.sf(N - 1, N, low) == pytest.approx(0.025)


OF_EVERY_KIND = pytest.mark.parametrize(
    ("kind", "truth", "said", "scores"),
    [
        ("single", TRUTH, SAID, classification_scores),
        ("multi", SETS, SAID_SETS, multilabel_scores),
        ("regression", NUMBERS, SAID_NUMBERS, regression_scores),
    ],
)


def redrawn(truth: np.ndarray, said: np.ndarray, scores: Scores) -> dict[str, np.ndarray]:
    draws = [np.random.default_rng(seed).integers(0, N, N) for seed in range(DRAWS)]
    found = [scores(truth[rows], said[rows]) for rows in draws]
    return {name: np.array([each[name] for each in found]) for name in found[0]}


@pytest.mark.slow
@OF_EVERY_KIND
def test_the_interval_is_that_of_texts_drawn_again(
    kind: str, truth: np.ndarray, said: np.ndarray, scores: Scores
) -> None:
    found = score_intervals(kind, truth, said, level=LEVEL)
    for name, values in redrawn(truth, said, scores).items():
        expected = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        assert found[name] == pytest.approx(expected.tolist(), abs=0.3 * values.std() + 1 / N), name
        low, high = found[name]
        inside = np.mean((values >= low) & (values <= high))
        assert LEVEL - 0.2 < inside < LEVEL + 0.2, name


def test_one_text_has_no_interval() -> None:
    assert score_intervals("single", TRUTH[:1], SAID[:1]) == {}


@OF_EVERY_KIND
def test_weights_move_the_interval_with_the_score(
    kind: str, truth: np.ndarray, said: np.ndarray, scores: Callable[..., dict[str, float]]
) -> None:
    wrong = (truth != said).reshape(N, -1).any(1) if kind != "regression" else np.abs(truth - said) > 0.5
    weights = np.where(wrong, 1.0, 0.01)
    plain, weighed = score_intervals(kind, truth, said), score_intervals(kind, truth, said, weights)
    name = "r2" if kind == "regression" else "accuracy"
    low, high = weighed[name]
    assert low <= scores(truth, said, weights)[name] <= high < plain[name][1]


@pytest.mark.parametrize("n", [4, 15, 200])
def test_where_all_are_right_accuracy_has_the_exact_interval(n: int) -> None:
    truth = np.arange(n) % 2
    low, high = score_intervals("single", truth, truth)["accuracy"]
    assert high == 1
    assert scipy.stats.binom.sf(n - 1, n, low) == pytest.approx(0.025)
    assert score_intervals("single", truth, 1 - truth)["accuracy"] == pytest.approx((0, 1 - low))
