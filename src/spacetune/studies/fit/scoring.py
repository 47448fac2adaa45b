"""Say how good a model is on labelled texts, against the baseline."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts, overlap_note
from spacetune.encoders import Provenance, TextInput
from spacetune.errors import counted
from spacetune.estimators import SpaceClassifier, TextEstimator
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.hashes import text_hashes
from spacetune.fitting import MultiLabel, calibration_errors, probabilities, reliability
from spacetune.heads import Head, PairHead
from spacetune.results import RecordResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.answers import Answers
from spacetune.studies.fit.examples import hardest, least_sure
from spacetune.studies.fit.intervals import score_intervals

__all__ = ["Scores", "cut_notes", "score_model", "seen_notes"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Scores(RecordResult):
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
    decided
        What the model predicts, in the terms of its task; it is left out of what is shown and written.
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
    decided: Array | None = dataclasses.field(default=None, repr=False, compare=False)


@checked_arguments
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
    answers = Answers.of(model, data)
    task, data, logits, targets = answers.task, answers.data, answers.logits, answers.targets
    single = task.kind == "single"
    from_spaces = None
    if single and isinstance(model, SpaceClassifier) and model.inter_weight > 0:
        from_spaces = float(np.mean(model.predict_from_spaces(data.inputs) == np.asarray(data.labels)))
    return Scores(
        source=data.source,
        n_texts=len(data),
        kind=task.kind,
        scores=task.scores(logits, targets, data.weights),
        baseline=task.baseline(targets, targets, data.weights, data.weights),
        ece=_ece(model, logits, targets) if isinstance(model, Classifier) else None,
        from_spaces=from_spaces,
        confusion=_confusion(targets, logits.argmax(1), task.n_outputs) if single else None,
        classes=tuple(task.classes),
        notes=tuple(_notes(answers)),
        intervals=score_intervals(task.kind, targets, answers.decided, data.weights),
        decided=answers.decided,
        **_evidence(answers),
    )


def _evidence(answers: Answers) -> dict[str, Any]:
    """Return the calibration curve, and the texts to look at."""
    model, targets, predicted = answers.model, answers.targets, answers.decided
    inputs, labels, said = answers.data.inputs, answers.labels, answers.said
    if not isinstance(model, Classifier):
        return {"hardest": tuple(hardest(inputs, labels, predicted.tolist(), np.abs(predicted - targets)))}
    table = probabilities(answers.logits, model.temperature_, model.kind_)
    if isinstance(model.task_, MultiLabel):
        loss = -np.log(np.clip(np.where(targets == 1, table, 1 - table), 1e-12, 1)).sum(1)
        curve = reliability(table.ravel(), targets.ravel() == 1)
        return {"calibration": tuple(curve), "hardest": tuple(hardest(inputs, labels, said, loss))}
    loss = -np.log(np.clip(table[np.arange(len(targets)), targets], 1e-12, 1))
    return {
        "calibration": tuple(reliability(table.max(1), predicted == targets)),
        "hardest": tuple(hardest(inputs, labels, said, loss)),
        "least_sure": tuple(least_sure(inputs, labels, said, table)),
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
    repeated = overlap_note(seen, hashes, "text")
    return notes if repeated is None else [*notes, str(repeated)]


def cut_notes(head: Head, provenance: Provenance, texts: Sequence[TextInput]) -> tuple[str, ...]:
    """Say how many texts were cut, if any, and above how many tokens: of pairs read apart those of each text."""
    limit = provenance.longest if isinstance(head, PairHead) else provenance.cut_at(texts)
    cut = provenance.n_truncated
    return (f"{counted(cut, 'text')} cut at {limit:,} tokens",) if cut else ()


def _notes(answers: Answers) -> list[str]:
    model, data = answers.model, answers.data
    provenance = getattr(answers.source, "provenance", None)
    cut = () if provenance is None else cut_notes(model.head_, provenance, data.inputs)
    return [*seen_notes(model, data), *cut]
