"""How well the ways of ``compare --label`` picked the best encoder where the answer is known.

The evidence is a table of scores and measures of several encoders over many data sets, made by
`python -m papers.latent_geometry.encoder_choice` and kept in ``evidence/encoder_choice.json``.
"""

# The types of SciPy are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from spacetune.results import RecordResult
from spacetune.studies.geometry.pick_record import PickRecord, mean_interval, picked, record_of, record_of_any, stored

__all__ = ["LOOKED_AT", "EncoderEvidence", "RankRecord", "encoder_evidence", "encoder_records", "preferred"]

Array = np.ndarray[Any, Any]

EVIDENCE = Path(__file__).parent / "evidence" / "encoder_choice.json"

LOOKED_AT = 1_000
"""Texts that a choice looks at, at most."""


@dataclasses.dataclass(frozen=True)
class EncoderEvidence:
    """Scores and measures of encoders.

    Parameters
    ----------
    encoders
        Their names.
    sets
        Data set to ``{"scores": [encoder], "measures": {name: [encoder]}, "n_train": number}``.
    about
        How the scores were made.
    """

    encoders: tuple[str, ...]
    sets: Mapping[str, Any]
    about: str


@dataclasses.dataclass(frozen=True)
class RankRecord(RecordResult):
    """How one way of ranking encoders did over the data sets.

    Parameters
    ----------
    by
        What ranks them.
    pick
        How often its first was the best, and what following it cost.
    worst
        The most that it cost on one data set.
    correlation
        Mean over data sets of Spearman's rank correlation with the scores, in the direction of `pick`.
    low, high
        Ends of its 95 % bootstrap interval over data sets.
    """

    by: str
    pick: PickRecord
    worst: float
    correlation: float
    low: float
    high: float


@functools.cache
def encoder_evidence() -> EncoderEvidence:
    """Return the evidence that comes with the package.

    Raises
    ------
    DataError
        If the file is missing.
    """
    found = stored(EVIDENCE, "papers.latent_geometry.encoder_choice")
    return EncoderEvidence(tuple(found["encoders"]), found["sets"], found["about"])


def encoder_records(evidence: EncoderEvidence) -> list[RankRecord]:
    """Return the record of every way to rank, the least mean regret first; ``choice`` is `preferred`, ranked as probes.

    >>> measures = {"probe": [0.4, 0.8, 0.7], "log_me": [-0.3, -0.1, -0.2], "eee": [0.2, 0.3, 0.1]}
    >>> one = {"scores": [0.5, 0.9, 0.7], "measures": measures, "n_train": 1_000}
    >>> found = encoder_records(EncoderEvidence(("a", "b", "c"), {name: one for name in "xyz"}, ""))
    >>> [(record.by, record.pick.regret, round(record.correlation, 1)) for record in found][:4]
    [('choice', 0.0, 1.0), ('probe', 0.0, 1.0), ('log_me', 0.0, 1.0), ('eee', 0.0, 0.5)]
    """
    scores = np.array([each["scores"] for each in evidence.sets.values()])
    regrets = scores.max(axis=1, keepdims=True) - scores
    tables = [each["measures"] for each in evidence.sets.values()]
    sizes = [min(LOOKED_AT, each["n_train"]) for each in evidence.sets.values()]
    choices = [preferred(each["probe"], each["log_me"], n) for each, n in zip(tables, sizes, strict=True)]
    found: list[RankRecord] = []
    for name in ("choice", *tables[0]):
        values = np.array([each["probe" if name == "choice" else name] for each in tables])
        chosen, direction = (np.array(choices), "greatest") if name == "choice" else picked(values, regrets)
        sign = 1 if direction == "greatest" else -1
        ranks = [_rank_correlation(sign * a, b) for a, b in zip(values, scores, strict=True)]
        worst = float(regrets[np.arange(len(regrets)), chosen].max())
        low, high = mean_interval(ranks)
        record = record_of(name, chosen, direction, regrets)
        found.append(RankRecord(name, record, worst, float(np.mean(ranks)), low, high))
    any_one = record_of_any("any encoder", regrets)
    found.append(RankRecord("any encoder", any_one, float(regrets.mean(axis=1).max()), 0.0, 0.0, 0.0))
    return sorted(found, key=lambda record: record.pick.regret)


def preferred(accuracies: Sequence[float], log_mes: Sequence[float], n_texts: int) -> int:
    """Return which encoder is chosen: of those that the probe cannot tell from its best, the one that LogME prefers.

    Cannot be told: within one standard error of the best one's accuracy on these texts.

    >>> preferred([0.80, 0.81, 0.70], [-0.4, -0.5, -0.1], 1_000)
    0
    """
    probes, best = np.asarray(accuracies), max(accuracies)
    level = probes >= best - np.sqrt(best * (1 - best) / n_texts)
    return int(np.argmax(np.where(level, log_mes, -np.inf)))


def _rank_correlation(a: Array, b: Array) -> float:
    """Return Spearman's rank correlation; 0 where one of the two is constant."""
    ranks = rankdata(np.stack([a, b]), axis=1)
    return float(np.corrcoef(ranks)[0, 1]) if ranks.std(axis=1).all() else 0.0
