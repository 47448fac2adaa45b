"""How well measures picked the best layer where the answer is known: the evidence behind ``measure --rank``.

The evidence is a table of scores and measures by layer over many data sets, made by
`python -m papers.latent_geometry.layer_choice` and kept in ``evidence/layer_choice.json``. A measure picks the layer
where it is greatest, or least; which of the two is settled on the other data sets, never on the one it is judged on.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spacetune.errors import DataError
from spacetune.results import RecordResult

__all__ = ["BASELINES", "LayerEvidence", "PickRecord", "records", "stored_evidence"]

EVIDENCE = Path(__file__).parent / "evidence" / "layer_choice.json"
BASELINES = {
    "last layer": "always the last layer",
    "same layer": "the layer that was best on average on the other data sets",
    "small probe": "the layer where a linear probe on 100 labelled texts does best",
    "any layer": "a layer drawn at random, on average",
}
RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class LayerEvidence:
    """Scores and measures by layer.

    Parameters
    ----------
    encoder
        The encoder's name.
    sha256
        Of its weights.
    layers
        The layers, ascending.
    sets
        Data set to ``{"scores": [layer], "small probe": [layer], "measures": {name: [layer]}}``.
    about
        How the scores were made.
    """

    encoder: str
    sha256: str
    layers: tuple[int, ...]
    sets: Mapping[str, Any]
    about: str


@dataclasses.dataclass(frozen=True)
class PickRecord(RecordResult):
    """How one way of picking a layer did over the data sets.

    Parameters
    ----------
    by
        A measure, or a baseline.
    direction
        ``greatest`` or ``least``, as settled on all data sets; empty for a baseline.
    best
        On how many data sets it picked the best layer (for ``any layer``, the number expected).
    of
        Number of data sets.
    regret
        Mean over data sets of the best layer's score less the picked layer's.
    low
        Lower end of the 95 % bootstrap interval of the mean regret, over data sets.
    high
        Upper end.
    """

    by: str
    direction: str
    best: float
    of: int
    regret: float
    low: float
    high: float


@functools.cache
def stored_evidence() -> LayerEvidence:
    """Return the evidence that comes with the package.

    Raises
    ------
    DataError
        If the file is missing.
    """
    if not EVIDENCE.is_file():
        raise DataError(f"there is no evidence at {EVIDENCE}: python -m papers.latent_geometry.layer_choice makes it")
    found = json.loads(EVIDENCE.read_text(encoding="utf-8"))
    return LayerEvidence(found["encoder"], found["sha256"], tuple(found["layers"]), found["sets"], found["about"])


def records(evidence: LayerEvidence) -> list[PickRecord]:
    """Return the record of every measure and baseline, the least mean regret first.

    >>> one = {"scores": [0.5, 0.9], "small probe": [0.6, 0.7], "measures": {"eee": [0.2, 0.1]}}
    >>> sets = {name: one for name in "abc"}
    >>> found = records(LayerEvidence("e", "", (0, 1), sets, ""))
    >>> [(record.by, record.direction, record.best, round(record.regret, 2)) for record in found if record.by == "eee"]
    [('eee', 'least', 3, 0.0)]
    """
    names = list(evidence.sets)
    scores = np.array([evidence.sets[name]["scores"] for name in names])
    regrets = scores.max(axis=1, keepdims=True) - scores
    found = [_record(name, *_picked(_table(evidence, name), regrets), regrets) for name in measures_of(evidence)]
    n, last = len(names), scores.shape[1] - 1
    small = np.array([evidence.sets[name]["small probe"] for name in names])
    others = (regrets.sum(axis=0) - regrets) / max(n - 1, 1)
    found += [
        _record("last layer", np.full(n, last), "", regrets),
        _record("same layer", others.argmin(axis=1), "", regrets),
        _record("small probe", small.argmax(axis=1), "", regrets),
        _any_layer(regrets),
    ]
    return sorted(found, key=lambda record: record.regret)


def measures_of(evidence: LayerEvidence) -> list[str]:
    """Return the measures that every data set has at every layer."""
    tables = [set_["measures"] for set_ in evidence.sets.values()]
    return [name for name in tables[0] if all(None not in table.get(name, [None]) for table in tables)]


def _table(evidence: LayerEvidence, measure: str) -> np.ndarray:
    return np.array([set_["measures"][measure] for set_ in evidence.sets.values()])


def _picked(values: np.ndarray, regrets: np.ndarray) -> tuple[np.ndarray, str]:
    """Return the layer picked for each data set, the direction settled on the others, and the one settled on all."""
    rows = np.arange(len(values))
    ends = np.stack([values.argmax(axis=1), values.argmin(axis=1)])
    costs = np.stack([regrets[rows, end] for end in ends])
    others = costs.sum(axis=1, keepdims=True) - costs
    picked = ends[others.argmin(axis=0), rows]
    return picked, ("greatest", "least")[int(costs.sum(axis=1).argmin())]


def _record(by: str, picked: np.ndarray, direction: str, regrets: np.ndarray) -> PickRecord:
    costs = regrets[np.arange(len(regrets)), picked]
    low, high = _interval(costs)
    return PickRecord(by, direction, int(np.count_nonzero(costs == 0)), len(costs), float(costs.mean()), low, high)


def _any_layer(regrets: np.ndarray) -> PickRecord:
    costs = regrets.mean(axis=1)
    best = float((regrets == 0).mean(axis=1).sum())
    return PickRecord("any layer", "", best, len(costs), float(costs.mean()), *_interval(costs))


def _interval(costs: Sequence[float] | np.ndarray) -> tuple[float, float]:
    drawn = np.random.default_rng(0).choice(np.asarray(costs), (RESAMPLES, len(costs))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
