"""A race of methods: rounds that each fits and is scored in, who plays next, and who is ahead beyond chance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from spacetune.errors import counted
from spacetune.results import RecordResult
from spacetune.studies.fit.methods import Method, usual_method

__all__ = [
    "OUT_OF_TIME",
    "USUAL",
    "Trial",
    "drop_the_clearly_worse",
    "next_to_play",
    "reason_for",
    "standing_of",
    "unrefuted",
    "who_is_ahead",
    "winner_of",
]

MOST_ROUNDS = 8
LEVEL = 0.975
USUAL: Method = usual_method(pairs=False)
OUT_OF_TIME = "a fit does not end within what was left of the budget"


@dataclasses.dataclass
class Trial(RecordResult):
    """How one method did in the rounds so far.

    Parameters
    ----------
    method
        Its name.
    scores
        Its score in every round it took part in.
    seconds
        What its fits took, in all.
    ended
        Why it took no further part; empty for those that went to the end.
    """

    method: Method
    scores: list[float]
    seconds: float = 0.0
    ended: str = ""

    @property
    def mean(self) -> float:
        """Mean score; minus infinity before the first round."""
        return float(np.mean(self.scores)) if self.scores else -math.inf


def who_is_ahead(trials: Sequence[Trial]) -> str:
    """Say who stands best so far."""
    leader = max(trials, key=lambda t: standing_of(t, trials))
    return f"{leader.method} {leader.mean:.3f} ahead after {counted(sum(len(t.scores) for t in trials), 'fit')}"


def next_to_play(trials: Sequence[Trial]) -> Trial | None:
    """Return whose turn it is: first fits in the given order, then whoever took the least time; None ends it."""
    running = [t for t in trials if not t.ended]
    if len(running) < 2 and any(t.scores for t in trials):
        return None
    open_ = [t for t in running if len(t.scores) < MOST_ROUNDS]
    return min(open_, key=lambda t: (bool(t.scores), t.seconds)) if open_ else None


def standing_of(trial: Trial, trials: Sequence[Trial]) -> float:
    """Return the mean as if it had played every round: the longest player's, and its lead over it where both did."""
    if not trial.scores:
        return -math.inf
    longest = max(trials, key=lambda t: len(t.scores))
    return longest.mean + float(np.mean(_leads(trial, longest)))


def winner_of(trials: Sequence[Trial]) -> Trial:
    """Return the best standing; one round is luck where others have played more."""
    several = [t for t in trials if len(t.scores) > 1]
    return max(several or trials, key=lambda t: standing_of(t, trials))


def unrefuted(best: Trial, trials: Sequence[Trial], default: Method = USUAL) -> Trial | None:
    """Return the default's trial where another has the best standing, but does not lead it clearly."""
    usual = next((t for t in trials if t.method == default and (t.scores or t.ended == OUT_OF_TIME)), None)
    return None if usual is None or usual is best or _clearly_ahead(best, usual) else usual


def _clearly_ahead(first: Trial, second: Trial) -> bool:
    gaps = _leads(first, second)
    if len(gaps) < 3:
        return False
    error = max(float(gaps.std(ddof=1)), 1e-6) / math.sqrt(len(gaps))
    return bool(gaps.mean() > stdtrit(len(gaps) - 1, LEVEL) * error)


def _leads(first: Trial, second: Trial) -> np.ndarray:
    n = min(len(first.scores), len(second.scores))
    return np.array(first.scores[:n]) - np.array(second.scores[:n])


def drop_the_clearly_worse(trials: Sequence[Trial]) -> None:
    """End the trials that are behind the leader beyond chance."""
    leader = max(trials, key=lambda t: standing_of(t, trials))
    for trial in trials:
        if trial is not leader and not trial.ended and _clearly_ahead(leader, trial):
            trial.ended = f"clearly behind {leader.method} after {counted(len(_leads(leader, trial)), 'round')}"


def reason_for(best: Trial, trials: Sequence[Trial], measure: str) -> str:
    """Say how the best did, and the others beside it."""
    others = sorted((t for t in trials if t is not best), key=lambda t: -standing_of(t, trials))
    shown = ", ".join(_told(t, trials) for t in others) or "nothing else could be tried"
    name, rounds = measure.replace("_", "-"), counted(len(best.scores), "round")
    return f"{best.method} has the best mean {name}, {standing_of(best, trials):.4f} in {rounds}; {shown}"


def _told(trial: Trial, trials: Sequence[Trial]) -> str:
    if not trial.scores:
        return f"{trial.method} none: {trial.ended}"
    return f"{trial.method} {standing_of(trial, trials):.4f} ({len(trial.scores)})"
