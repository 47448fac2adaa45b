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

from spacetune.data import LabelledTexts, few_shot, label_kind, split_dev
from spacetune.errors import OutOfTime, SpacetuneError, UsageError, counted
from spacetune.fitting import time_limit
from spacetune.progress import progress_bar
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.methods import Method, is_regression, make_estimator, settings_for, usual_method
from spacetune.studies.fit.race import (
    OUT_OF_TIME,
    Trial,
    drop_the_clearly_worse,
    next_to_play,
    reason_for,
    unrefuted,
    who_is_ahead,
    winner_of,
)
from spacetune.studies.fit.scoring import score_model
from spacetune.studies.fit.tuning import WORTH_IT, tuning_cost

__all__ = ["Choice", "choose_method"]

log = logging.getLogger("spacetune")

MOST_TEXTS = 4000
HELD = 0.2
FEW_FOR_PREFIXES = 500
FEW_FOR_SIMPLEX = 2000
FIRST_SHARE = 2 / 3


@dataclasses.dataclass(frozen=True)
class Choice(TableResult):
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


@checked_arguments
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

    All methods see the same parts in the same order, and the one that has taken the least time so far comes next, so
    that slow ones get fewer rounds. Methods are compared over the rounds they share. After three rounds a method drops
    out where the 95 % t interval of its differences to the leader lies below zero; so does one whose next fit would not
    end within the budget. A first fit gets two thirds of what is left. The best standing wins, of those with two rounds
    or more where there are any. Where the rounds see a part of the texts only, the default, which makes more of many
    texts than the probe does, stays unless another is clearly ahead in that sense. All these rules are our choice.

    Parameters
    ----------
    data
        Labelled texts; of more than 4,000 a stratified sample is drawn.
    task
        What the labels are.
    methods
        Which to try, cheapest first; None is the probe and the spaces, the spaces' simplex for at most 2,000 texts,
        the prefixes for at most 500, and from 1,000 on tuned layers where two thirds of the budget allow two rounds.
    settings
        Settings that methods share; each takes those it has.
    budget
        Seconds, counted from when the texts have been encoded once. Only the first method's first fit may take longer.
    seed
        Seed of the parts and the fits.

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
    if (methods is not None and not methods) or not budget > 0:
        raise UsageError(f"a choice needs methods to try and a budget above 0 seconds, got {methods} and {budget}")
    tuning = _encode_once(sample, regression, given, seed)
    tried = tuple(methods or _affordable(len(data), tuning, budget))
    began = time.perf_counter()
    trials = [Trial(method, []) for method in tried]
    measure = ""
    with progress_bar(round(budget), "choosing", "s") as bar, _quiet_trials():
        bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f} of {total} s, {postfix}"
        while (trial := next_to_play(trials)) is not None:
            spent = time.perf_counter() - began
            left = budget - spent
            if trial.scores and trial.seconds / len(trial.scores) > left:
                trial.ended = "the budget was used up"
                continue
            train, held = _parts(sample, seed * 1_000 + len(trial.scores))
            with time_limit(math.inf if not measure else left if trial.scores else FIRST_SHARE * left):
                measure = _play(trial, train, held, regression, given, seed + len(trial.scores)) or measure
            drop_the_clearly_worse(trials)
            bar.set_postfix_str(who_is_ahead(trials), refresh=False)
            bar.update(time.perf_counter() - began - spent)
    best = winner_of(trials)
    if not best.scores:
        raise UsageError(f"no method could be fitted: {best.ended}")
    reason = reason_for(best, trials, measure)
    default = usual_method(pairs=data.pairs is not None)
    if len(sample) < len(data) and (usual := unrefuted(best, trials, default)) is not None:
        part = f"on {len(sample):,} of {counted(len(data), 'text')}"
        best, reason = usual, f"{usual.method} stays, since nothing is clearly ahead of it {part}; {reason}"
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
    n_tokens = sum(probe.encoder_.count_tokens(data.inputs))
    return tuning_cost(probe.encoder_, round((1 - HELD) * len(data)), round((1 - HELD) * n_tokens))


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
        model.fit(train.inputs, train.labels, train.weights, progress=False)
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
