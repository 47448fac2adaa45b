"""`choose_method`: which method suits these texts, by repeated cross-validation within a time budget."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

from spacetune.data import LabelledTexts, few_shot, label_kind, split_dev
from spacetune.errors import OutOfTime, SpacetuneError, UsageError, counted
from spacetune.fitting import time_limit
from spacetune.progress import progress_bar
from spacetune.results import Result
from spacetune.studies.fit.methods import Method, is_regression, make_estimator, settings_for
from spacetune.studies.fit.scoring import score_model
from spacetune.studies.fit.tuning import WORTH_IT, tuning_cost

__all__ = ["Choice", "Trial", "choose_method"]

log = logging.getLogger("spacetune")

MOST_ROUNDS = 8
MOST_TEXTS = 4000
HELD = 0.2
FEW_FOR_PREFIXES = 500
FEW_FOR_SIMPLEX = 2000
LEVEL = 0.975
FIRST_SHARE = 2 / 3
USUAL: Method = "space"
OUT_OF_TIME = "a fit does not end within what was left of the budget"


@dataclasses.dataclass
class Trial(Result):
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


@dataclasses.dataclass(frozen=True)
class Choice(Result):
    """The method chosen, and what was tried.

    Parameters
    ----------
    method
        The chosen one.
    measure
        The score they were compared by.
    reason
        Why, in a sentence.
    trials
        One a method tried.
    n_texts
        Texts the rounds drew from.
    seconds
        What the choice took.
    budget
        What it was allowed.
    """

    method: Method
    measure: str
    reason: str
    trials: tuple[Trial, ...]
    n_texts: int
    seconds: float
    budget: float

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a method."""
        return [
            {
                "method": t.method,
                self.measure: t.mean if t.scores else None,
                "std": float(np.std(t.scores, ddof=1)) if len(t.scores) > 1 else None,
                "rounds": len(t.scores),
                "seconds": t.seconds,
                "ended": t.ended,
            }
            for t in self.trials
        ]


def choose_method(
    data: LabelledTexts,
    *,
    task: str = "auto",
    methods: Sequence[Method] | None = None,
    settings: Mapping[str, Any] | None = None,
    budget: float = 60.0,
    seed: int = 0,
) -> Choice:
    """Choose a method by stochastic cross-validation: fresh random fifths held out, round after round.

    All methods see the same parts in the same order, and whoever has taken the least time so far plays next, so that
    slow ones play fewer rounds. Methods are compared over the rounds they share. After three rounds a method drops out
    where the 95 % t interval of its differences to the leader lies below zero; so does one whose next fit would not end
    within the budget. A first fit gets two thirds of what is left. The best standing wins, of those with two rounds or
    more where there are any. Where the rounds see a part of the texts only, the default, which makes more of many texts
    than the probe does, stays unless another is clearly ahead in that sense. All these rules are our choice.

    Parameters
    ----------
    data
        Labelled texts; of more than 4,000 a stratified sample is drawn.
    task
        What the labels are.
    methods
        Which to try, cheapest first; None is the probe and the spaces, the spaces' simplex for at most 2,000 texts,
        the prefixes for at most 500, and from 1,000 on tuned layers where the budget allows two rounds of them.
    settings
        Settings that methods share; each takes those it has.
    budget
        Seconds, counted from when the texts have been encoded once. Only the first method's first fit may take longer.
    seed
        Of the parts and the fits.

    Returns
    -------
    Choice
        The method, the reason, and every trial.

    Raises
    ------
    UsageError
        If there is no method to try, or the budget is not above 0.
    """
    regression = is_regression(data.labels or [], task)
    sample = _sample(data, seed)
    given = dict(settings or {})
    if methods == () or not budget > 0:
        raise UsageError(f"a choice needs methods to try and a budget above 0 seconds, got {methods} and {budget}")
    tuning = _encode_once(sample, regression, given, seed)
    tried = tuple(methods or _affordable(len(data), tuning, budget))
    began = time.perf_counter()
    trials = [Trial(method, []) for method in tried]
    measure = ""
    with _quiet_trials(), progress_bar(round(budget), "choosing", "s") as bar:
        bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f} of {total} s, {postfix}"
        while (trial := _next(trials)) is not None:
            spent = time.perf_counter() - began
            left = budget - spent
            if trial.scores and trial.seconds / len(trial.scores) > left:
                trial.ended = "the budget was used up"
                continue
            train, held = _parts(sample, seed * 1_000 + len(trial.scores))
            with time_limit(math.inf if not measure else left if trial.scores else FIRST_SHARE * left):
                measure = _play(trial, train, held, regression, given, seed + len(trial.scores)) or measure
            _drop_the_clearly_worse(trials)
            bar.set_postfix_str(_ahead(trials), refresh=False)
            bar.update(time.perf_counter() - began - spent)
    best = _winner(trials)
    if not best.scores:
        raise UsageError(f"no method could be fitted: {best.ended}")
    reason = _reason(best, trials, measure)
    if len(sample) < len(data) and (usual := _unrefuted(best, trials)) is not None:
        part = f"on {len(sample):,} of {counted(len(data), 'text')}"
        best, reason = usual, f"{USUAL} stays, since nothing is clearly ahead of it {part}; {reason}"
    seconds = time.perf_counter() - began
    return Choice(best.method, measure, reason, tuple(trials), len(sample), seconds, budget)


@contextlib.contextmanager
def _quiet_trials() -> Generator[None]:
    """Keep back what every single fit has to say; what came of it stands in the trials."""
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _ahead(trials: Sequence[Trial]) -> str:
    """Say who stands best so far."""
    leader = max(trials, key=lambda t: _standing(t, trials))
    return f"{leader.method} {leader.mean:.3f} ahead after {counted(sum(len(t.scores) for t in trials), 'fit')}"


def _affordable(n_texts: int, tuning: float, budget: float) -> list[Method]:
    """Return what to try: what takes long on few texts only, tuning if two rounds of so many seconds can be played."""
    simplex: list[Method] = ["space-simplex"] if n_texts <= FEW_FOR_SIMPLEX else []
    prefixes: list[Method] = ["prefix-simplex"] if n_texts <= FEW_FOR_PREFIXES else []
    tuned: list[Method] = ["tuned"] if n_texts >= WORTH_IT and 2 * tuning <= FIRST_SHARE * budget else []
    return ["probe", "space", *simplex, *prefixes, *tuned]


def _sample(data: LabelledTexts, seed: int) -> LabelledTexts:
    if len(data) <= MOST_TEXTS:
        return data
    if label_kind(data.labels or []) == "single":
        return few_shot(data, MOST_TEXTS, seed=seed)
    return data.take(sorted(np.random.default_rng(seed).permutation(len(data))[:MOST_TEXTS].tolist()))


def _encode_once(data: LabelledTexts, regression: bool, settings: dict[str, Any], seed: int) -> float:
    """Put the texts into the store before the clock starts, for most read from there; return a tuning's seconds."""
    probe = make_estimator("probe", regression, settings_for("probe", regression, settings), seed)
    probe.features(data.inputs)
    return (1 - HELD) * tuning_cost(probe.encoder_, sum(probe.encoder_.count_tokens(data.inputs)))


def _parts(data: LabelledTexts, seed: int) -> tuple[LabelledTexts, LabelledTexts]:
    rows, held = split_dev(data.labels or [], data.keys, HELD, seed)
    if len(held) < 2:
        raise UsageError(f"{counted(len(data), 'text')} are too few to choose a method by; name one with --method")
    return data.take(rows.tolist()), data.take(held.tolist())


def _play(
    trial: Trial, train: LabelledTexts, held: LabelledTexts, regression: bool, settings: dict[str, Any], seed: int
) -> str:
    """Fit and score a method once; one that cannot be fitted here drops out with the reason."""
    began = time.perf_counter()
    try:
        own = settings_for(trial.method, regression, settings)
        model = make_estimator(trial.method, regression, own, seed)
        model.fit(train.inputs, train.labels, progress=False)
        measure = str(model.task_.monitor)
        trial.scores.append(score_model(model, held).scores[measure])
    except OutOfTime:
        trial.ended = OUT_OF_TIME
        return ""
    except SpacetuneError as error:
        trial.ended = str(error)
        return ""
    trial.seconds += time.perf_counter() - began
    return measure


def _next(trials: Sequence[Trial]) -> Trial | None:
    """Return whose turn it is: first fits in the given order, then whoever took the least time; None ends it."""
    running = [t for t in trials if not t.ended]
    if len(running) < 2 and any(t.scores for t in trials):
        return None
    open_ = [t for t in running if len(t.scores) < MOST_ROUNDS]
    return min(open_, key=lambda t: (bool(t.scores), t.seconds)) if open_ else None


def _standing(trial: Trial, trials: Sequence[Trial]) -> float:
    """Return the mean as if it had played every round: the longest player's, and its lead over it where both did."""
    if not trial.scores:
        return -math.inf
    longest = max(trials, key=lambda t: len(t.scores))
    return longest.mean + float(np.mean(_leads(trial, longest)))


def _winner(trials: Sequence[Trial]) -> Trial:
    """Return the best standing; one round is luck where others have played more."""
    several = [t for t in trials if len(t.scores) > 1]
    return max(several or trials, key=lambda t: _standing(t, trials))


def _unrefuted(best: Trial, trials: Sequence[Trial]) -> Trial | None:
    """Return the default's trial where another has the best standing, but does not lead it clearly."""
    usual = next((t for t in trials if t.method == USUAL and (t.scores or t.ended == OUT_OF_TIME)), None)
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


def _drop_the_clearly_worse(trials: Sequence[Trial]) -> None:
    leader = max(trials, key=lambda t: _standing(t, trials))
    for trial in trials:
        if trial is not leader and not trial.ended and _clearly_ahead(leader, trial):
            trial.ended = f"clearly behind {leader.method} after {counted(len(_leads(leader, trial)), 'round')}"


def _reason(best: Trial, trials: Sequence[Trial], measure: str) -> str:
    others = sorted((t for t in trials if t is not best), key=lambda t: -_standing(t, trials))
    shown = ", ".join(_told(t, trials) for t in others) or "nothing else could be tried"
    name, rounds = measure.replace("_", "-"), counted(len(best.scores), "round")
    return f"{best.method} has the best mean {name}, {_standing(best, trials):.4f} in {rounds}; {shown}"


def _told(trial: Trial, trials: Sequence[Trial]) -> str:
    if not trial.scores:
        return f"{trial.method} none: {trial.ended}"
    return f"{trial.method} {_standing(trial, trials):.4f} ({len(trial.scores)})"
