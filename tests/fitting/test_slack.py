"""Which epoch is kept where a later one may stay a little below the best."""

from __future__ import annotations

import pytest
from torch import nn

from spacetune.fitting import Candidate, Epoch


@pytest.mark.parametrize(
    ("scores", "slack", "kept"),
    [
        ([0.5, 0.6, 0.7, 0.69], 0.0, 2),
        ([0.5, 0.6, 0.7, 0.69], 0.02, 3),
        ([0.5, 0.7, 0.69, 0.675], 0.02, 2),  # the slack is from the highest, not from the one before
        ([0.5, 0.45, 0.44], 0.1, 0),
        ([0.5, 0.52, 0.49], 0.1, 1),  # the start must be beaten
        ([0.5, 0.5, 0.5], 0.1, 0),
    ],
)
def test_the_last_within_the_slack_that_beats_the_start_is_kept(scores: list[float], slack: float, kept: int) -> None:
    candidate = Candidate(nn.Linear(1, 1), 0.1, 0.0, slack=slack)
    for number, score in enumerate(scores):
        candidate.record(Epoch(number, 0.0, {"macro_f1": score}, 0.0), "macro_f1")
    assert candidate.best_epoch == kept


def test_without_scores_the_last_epoch_is_kept() -> None:
    candidate = Candidate(nn.Linear(1, 1), 0.1, 0.0)
    for number in (1, 2):
        candidate.record(Epoch(number, 0.0, {}, 0.0), "macro_f1")
    assert candidate.best_epoch == 2


def test_no_patience_waits_for_one_epoch_that_is_no_better() -> None:
    candidate = Candidate(nn.Linear(1, 1), 0.1, 0.0)
    for number, score in enumerate((0.1, 0.2, 0.15)):
        candidate.record(Epoch(number, 0.0, {"accuracy": score}, 0.0), "accuracy")
        assert candidate.waited(0) == (score == 0.15)
        assert not candidate.waited(None)
