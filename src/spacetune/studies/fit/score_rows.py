"""The rows of a fit's table: a model's scores, and those of the baselines from the same texts, in the same order.

Who learns from the dev texts too in the end is scored on dev before that, and on test after it.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts
from spacetune.estimators import TextEstimator
from spacetune.fitting import Task
from spacetune.studies.fit.baselines import TfidfBaseline
from spacetune.studies.fit.intervals import decisions, difference_intervals, score_intervals
from spacetune.studies.fit.scoring import Scores, score_model

__all__ = ["Parts", "Row", "logits_row", "majority_rows", "probe_rows", "score_row", "tfidf_rows", "with_differences"]

Array = np.ndarray[Any, Any]
Row = dict[str, Any]
DECIDED = "decided"
"""Under this name a row has its predictions while a table is made."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a fit learns from, is chosen by and is scored on; `everything` is what it learns from in the end, if more.

    Parameters
    ----------
    train
        Learnt from before anything is chosen.
    dev
        Chosen by.
    test
        Scored on; None where there is none.
    everything
        Learnt from in the end; None where that is `train`.
    """

    train: LabelledTexts
    dev: LabelledTexts
    test: LabelledTexts | None
    everything: LabelledTexts | None

    @property
    def scored(self) -> dict[str, LabelledTexts]:
        """The splits that have scores."""
        return {"dev": self.dev} if self.test is None else {"dev": self.dev, "test": self.test}


def score_row(method: str, split: str, scored: Scores, seconds: float | None) -> Row:
    """Return a model's row."""
    ece = {} if scored.ece is None else {"ece": scored.ece}
    return {
        "method": method,
        "split": split,
        "n": scored.n_texts,
        **_shown(scored.scores),
        **ece,
        "seconds": seconds,
        "intervals": scored.intervals,
        DECIDED: scored.decided,
    }


def logits_row(method: str, split: str, task: Task, data: Parts, logits: Array, seconds: float) -> Row:
    """Return the row of what is known by its logits alone."""
    truth, weights = task.targets(data.scored[split].labels or []).numpy(), data.scored[split].weights
    scores = _shown(task.scores(logits, truth, weights))
    decided = decisions(task, logits, truth)
    intervals = score_intervals(task.kind, truth, decided, weights)
    found = {"method": method, "split": split, "n": len(truth), **scores, "seconds": seconds}
    return {**found, "intervals": intervals, DECIDED: decided}


def with_differences(task: Task, data: Parts, table: list[Row]) -> list[Row]:
    """Return the rows with how far the last method is ahead of each, on the same texts; what was predicted goes.

    ``ahead`` of a baseline's row has the 95 % interval of the last method's score less this one's, by score.
    """
    last = {row["split"]: row for row in table}
    truth = {split: task.targets(part.labels or []).numpy() for split, part in data.scored.items()}
    rows: list[Row] = []
    for row in table:
        split = row["split"]
        own, found, ours = last[split], row.get(DECIDED), last[split].get(DECIDED)
        kept = {name: value for name, value in row.items() if name != DECIDED}
        if row is not own and found is not None and ours is not None:
            weights = data.scored[split].weights
            kept["ahead"] = difference_intervals(task.kind, truth[split], ours, found, weights)
        rows.append(kept)
    return rows


def majority_rows(task: Task, data: Parts) -> list[Row]:
    """Return the rows of the best constant guess."""
    return [_majority("majority", task, data, split, 0.0) for split in data.scored]


def tfidf_rows(task: Task, data: Parts) -> list[Row]:
    """Fit TF-IDF, and return its rows; where no training text holds a word to count, the best constant guess's."""
    began = time.perf_counter()
    words = TfidfBaseline(task).fit(data.train, data.dev)
    logits = {"dev": words.logits(data.dev.inputs)}
    if data.everything is not None:
        words.refit(data.everything)
    if data.test is not None:
        logits["test"] = words.logits(data.test.inputs)
    seconds = time.perf_counter() - began
    return [_tfidf(words, data, split, found, seconds) for split, found in logits.items()]


def probe_rows(probe: TextEstimator, data: Parts) -> list[Row]:
    """Fit the linear probe, and return its rows."""
    began = time.perf_counter()
    probe.fit(data.train.inputs, data.train.labels, data.train.weights, dev=data.dev)
    scored = {"dev": score_model(probe, data.dev)}
    if data.everything is not None:
        probe.refit(data.everything.inputs, data.everything.labels, data.everything.weights)
    seconds = time.perf_counter() - began
    if data.test is not None:
        scored["test"] = score_model(probe, data.test)
    return [score_row("linear probe", split, each, seconds) for split, each in scored.items()]


def _majority(method: str, task: Task, data: Parts, split: str, seconds: float) -> Row:
    learnt = data.train if data.everything is None or split == "dev" else data.everything
    train, truth = (task.targets(d.labels or []).numpy() for d in (learnt, data.scored[split]))
    scores = task.baseline(train, truth, data.scored[split].weights, learnt.weights)
    return {"method": method, "split": split, "n": len(truth), **scores, "seconds": seconds}


def _tfidf(words: TfidfBaseline, data: Parts, split: str, logits: Array | None, seconds: float) -> Row:
    name, task = "tf-idf + linear", words.task
    if logits is None:
        return _majority(name, task, data, split, seconds)
    return logits_row(name, split, task, data, logits, seconds)


def _shown(scores: dict[str, float]) -> dict[str, float]:
    """Return the scores that a table shows."""
    return {name: value for name, value in scores.items() if name != "neg_log_loss"}
