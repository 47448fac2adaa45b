"""Scores worked out by hand, and the constant guesses they are read against."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spacetune.fitting import MultiLabel, Regression, SingleLabel, regression_scores
from spacetune.fitting.scores import classification_scores, standing


def test_numbers_by_hand() -> None:
    true, said = np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 3.0, 2.0, 8.0])
    found = regression_scores(true, said)
    assert found["r2"] == pytest.approx(1 - (0 + 1 + 1 + 4) / (4 + 1 + 0 + 9))
    assert found["mae"] == pytest.approx(1.0)
    assert found["spearman"] == pytest.approx(0.8)
    assert found["pearson"] == pytest.approx(np.corrcoef(true, said)[0, 1])
    constant = regression_scores(true, np.full(4, 3.0))
    assert (constant["r2"], constant["pearson"], constant["spearman"]) == (0.0, 0.0, 0.0)
    assert regression_scores(true[:1], said[:1])["r2"] == 0.0


def test_numbers_in_their_own_units() -> None:
    task = Regression.of([10.0, 14.0])
    assert (task.mean, task.scale) == (12.0, 2.0)
    assert task.labels(np.array([[0.5], [-1.0]])).tolist() == [13.0, 10.0]
    assert task.loss(torch.tensor([[0.5], [-1.0]]), task.targets([14.0, 10.0])).item() == pytest.approx(0.125)
    assert Regression.of([3.0, 3.0]).scale == 1.0
    assert task.baseline(np.array([10.0, 14.0]), np.array([11.0, 14.0]))["mae"] == pytest.approx(1.5)


def test_constant_guesses_are_those_of_training() -> None:
    task = SingleLabel("abc")
    assert task.baseline(np.array([1, 1, 2]), np.array([1, 2, 2, 0]))["accuracy"] == 0.25
    sets = np.array([[1, 0], [1, 0], [0, 1]])
    assert MultiLabel("ab").baseline(sets, np.array([[1, 0], [0, 1], [1, 1], [1, 0]]))["accuracy"] == 0.5


def test_classes_that_occur_in_neither_do_not_count() -> None:
    found = classification_scores(np.array([0, 0, 2]), np.array([0, 2, 2]))
    assert found == pytest.approx({"accuracy": 2 / 3, "macro_f1": 2 / 3})
    assert standing({"f": 0.5, "neg_log_loss": -2.0}, "f") == (0.5, -2.0)
    assert standing({"f": 0.5}, "f") == (0.5, 0.0)


def test_several_labels_lose_the_sum_over_labels_and_the_mean_over_texts() -> None:
    task, targets = MultiLabel("ab"), MultiLabel("ab").targets([["a"], ["a", "b"], []])
    assert targets.tolist() == [[1, 0], [1, 1], [0, 0]]
    assert task.loss(torch.zeros(3, 2), targets).item() == pytest.approx(2 * np.log(2), rel=1e-6)
    assert task.prior(targets).tolist() == pytest.approx([np.log(2.5 / 1.5), np.log(1.5 / 2.5)])


@pytest.mark.parametrize(("n", "told"), [(8, "'h'$"), (10, "'h' and 2 more$")])
def test_the_classes_told_are_few(n: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        SingleLabel("abcdefghij"[:n]).targets(["z"])


def test_predictions_that_are_no_numbers_are_the_worst() -> None:
    found = regression_scores(np.array([1.0, 2.0]), np.array([np.nan, 2.0]))
    assert found == {"r2": -np.inf, "pearson": 0.0, "spearman": 0.0, "mae": np.inf}
