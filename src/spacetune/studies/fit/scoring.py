"""Say how good a model is on labelled texts, against the baseline."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts, overlap_note
from spacetune.encoders import FeatureSource
from spacetune.errors import counted
from spacetune.estimators import SpaceClassifier, TextEstimator
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.hashes import text_hashes
from spacetune.estimators.reading import cut_at
from spacetune.fitting import Task, calibration_errors, logits_of, probabilities, reliability
from spacetune.results import Result
from spacetune.studies.fit.examples import hardest, least_sure
from spacetune.studies.fit.intervals import decisions, score_intervals
from spacetune.studies.fit.matching import as_trained

__all__ = ["Scores", "score_model", "seen_notes"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Scores(Result):
    """Scores of one model on one set of texts.

    Parameters
    ----------
    source
        Where the texts came from.
    n_texts
        How many.
    kind
        ``single``, ``multi`` or ``regression``.
    scores
        Of the model: accuracy and macro-F1, or R², correlations and error.
    baseline
        Of the best constant guess: the training majority, or here the test set's own where that is unknown.
    ece
        Expected calibration error; None for regression.
    from_spaces
        Accuracy of classifying straight from the spaces; None where the model was not trained for it.
    confusion
        ``(true, predicted)`` counts in the order of `classes`, for single labels.
    classes
        The classes.
    notes
        Warnings: texts that repeat a training text, texts that were cut.
    intervals
        95 % bootstrap interval of every score, as ``(low, high)``.
    calibration
        The calibration curve: one row a bin of confidence (`reliability`); empty for regression.
    hardest
        The ten texts with the largest loss.
    least_sure
        The ten texts whose two strongest classes lie closest; only for single labels.
    """

    source: str
    n_texts: int
    kind: str
    scores: dict[str, float]
    baseline: dict[str, float]
    ece: float | None
    from_spaces: float | None
    confusion: np.ndarray[Any, Any] | None
    classes: tuple[Any, ...]
    notes: tuple[str, ...]
    intervals: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict[str, tuple[float, float]])
    calibration: tuple[dict[str, float], ...] = ()
    hardest: tuple[dict[str, Any], ...] = ()
    least_sure: tuple[dict[str, Any], ...] = ()


def score_model(model: TextEstimator, data: LabelledTexts) -> Scores:
    """Score a fitted model on labelled texts.

    Parameters
    ----------
    model
        A fitted estimator.
    data
        Texts with labels of the kind it was trained on; where they have weights, the scores and their intervals go by
        these, and all else counts texts.

    Returns
    -------
    Scores
        The model's scores, the majority baseline's, and what flatters them.

    Raises
    ------
    DataError
        If the texts carry no labels, or a label the model does not know.
    """
    task: Task = model.task_
    data = as_trained(task, model.fitted_.pairs, data)
    targets = task.targets(data.labels or []).numpy()
    source = model.features(data.inputs)
    logits = logits_of(model.learnt_.model.on_top, source)
    single = task.kind == "single"
    from_spaces = None
    if single and isinstance(model, SpaceClassifier) and model.inter_weight > 0:
        from_spaces = float(np.mean(model.predict_from_spaces(data.inputs) == np.asarray(data.labels)))
    predicted = decisions(task, logits, targets)
    return Scores(
        source=data.source,
        n_texts=len(data),
        kind=task.kind,
        scores=task.scores(logits, targets, data.weights),
        baseline=task.baseline(targets, targets, data.weights),
        ece=_ece(model, logits, targets) if isinstance(model, Classifier) else None,
        from_spaces=from_spaces,
        confusion=_confusion(targets, logits.argmax(1), task.n_outputs) if single else None,
        classes=tuple(task.classes),
        notes=tuple(_notes(model, data, source)),
        intervals=score_intervals(task.kind, targets, predicted, data.weights),
        **_evidence(model, data, logits, targets, predicted),
    )


def _evidence(
    model: TextEstimator, data: LabelledTexts, logits: Array, targets: Array, predicted: Array
) -> dict[str, Any]:
    """Return the calibration curve, and the texts to look at."""
    labels, task = data.labels or [], model.task_
    if not isinstance(model, Classifier):
        return {"hardest": tuple(hardest(data.inputs, labels, predicted.tolist(), np.abs(predicted - targets)))}
    said = task.labels(logits)
    said = said.tolist() if isinstance(said, np.ndarray) else said
    table = probabilities(logits, model.temperature_, model.kind_)
    if model.kind_ == "multi":
        labels = task.names(targets == 1)  # an indicator names no labels
        loss = -np.log(np.clip(np.where(targets == 1, table, 1 - table), 1e-12, 1)).sum(1)
        curve = reliability(table.ravel(), targets.ravel() == 1)
        return {"calibration": tuple(curve), "hardest": tuple(hardest(data.inputs, labels, said, loss))}
    loss = -np.log(np.clip(table[np.arange(len(targets)), targets], 1e-12, 1))
    return {
        "calibration": tuple(reliability(table.max(1), predicted == targets)),
        "hardest": tuple(hardest(data.inputs, labels, said, loss)),
        "least_sure": tuple(least_sure(data.inputs, labels, said, table)),
    }


def _ece(model: Classifier, logits: Array, targets: Array) -> float:
    return calibration_errors(logits, targets, model.temperature_, model.kind_)["ece"]


def _confusion(true: Array, predicted: Array, n_classes: int) -> Array:
    counts = np.zeros((n_classes, n_classes), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    return counts


def seen_notes(model: TextEstimator, data: LabelledTexts) -> list[str]:
    """Return the data's notes, and how many of the texts the model was fitted on."""
    notes = [str(note) for note in data.notes]
    seen = set(model.fitted_.hashes.tolist())
    hashes = [int(text_hashes([key])[0]) for key in data.keys]
    repeated = overlap_note(seen, hashes, "texts")
    return notes if repeated is None else [*notes, str(repeated)]


def _notes(model: TextEstimator, data: LabelledTexts, source: FeatureSource) -> list[str]:
    notes = seen_notes(model, data)
    provenance = getattr(source, "provenance", None)
    if provenance is not None and provenance.n_truncated:
        notes.append(
            f"{counted(provenance.n_truncated, 'text')} cut at {cut_at(model.head_, provenance, data.inputs):,} tokens"
        )
    return notes
