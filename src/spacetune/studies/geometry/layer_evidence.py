"""How well measures picked the best layer where the answer is known: the evidence behind ``measure --rank``.

The evidence is a table of scores and measures by layer over many data sets, made by
`python -m papers.latent_geometry.layer_choice` and kept in ``evidence/``, for two encoders. A measure picks the layer
where it is greatest, or least; which of the two is settled on the other data sets, never on the one it is judged on.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spacetune.studies.geometry.pick_record import PickRecord, picked, record_of, record_of_any, stored

__all__ = ["BASELINES", "LayerEvidence", "read_evidence", "records", "stored_evidence"]

EVIDENCE = Path(__file__).parent / "evidence"
FILES = ("layer_choice.json", "layer_choice_second.json")
"""Of the default encoder, and of all-mpnet-base-v2."""
BASELINES = {
    "last layer": "always the last layer",
    "same layer": "the layer that was best on average on the other data sets",
    "small probe": "the layer where a linear probe on 100 labelled texts does best",
    "any layer": "a layer drawn at random, on average",
}


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


@functools.cache
def stored_evidence(sha256: str = "") -> LayerEvidence:
    """Return the evidence that comes with the package: of these weights, or else of the default encoder.

    Raises
    ------
    DataError
        If the file is missing.
    """
    found = [read_evidence(EVIDENCE / name) for name in FILES]
    return next((evidence for evidence in found if evidence.sha256 == sha256), found[0])


def read_evidence(path: Path) -> LayerEvidence:
    """Return evidence from a file as `papers.latent_geometry.layer_choice` writes it.

    Raises
    ------
    DataError
        If the file is missing.
    """
    found = stored(path, "papers.latent_geometry.layer_choice")
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
    found = [record_of(name, *picked(_table(evidence, name), regrets), regrets) for name in measures_of(evidence)]
    n, last = len(names), scores.shape[1] - 1
    small = np.array([evidence.sets[name]["small probe"] for name in names])
    others = (regrets.sum(axis=0) - regrets) / max(n - 1, 1)
    found += [
        record_of("last layer", np.full(n, last), "", regrets),
        record_of("same layer", others.argmin(axis=1), "", regrets),
        record_of("small probe", small.argmax(axis=1), "", regrets),
        record_of_any("any layer", regrets),
    ]
    return sorted(found, key=lambda record: record.regret)


def measures_of(evidence: LayerEvidence) -> list[str]:
    """Return the measures that every data set has at every layer."""
    tables = [set_["measures"] for set_ in evidence.sets.values()]
    return [name for name in tables[0] if all(None not in table.get(name, [None]) for table in tables)]


def _table(evidence: LayerEvidence, measure: str) -> np.ndarray:
    return np.array([set_["measures"][measure] for set_ in evidence.sets.values()])
