"""Say how good a model is on labelled texts, against the baseline."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts, overlap_note
from spacetune.errors import DataError
from spacetune.estimators import SpaceClassifier, TextEstimator
from spacetune.estimators.text_estimator import text_hashes
from spacetune.results import Result

__all__ = ["Scores", "score_model"]


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


def score_model(model: TextEstimator, data: LabelledTexts) -> Scores:
    """Score a fitted model on labelled texts.

    Parameters
    ----------
    model
        A fitted estimator.
    data
        Texts with labels of the kind it was trained on.

    Returns
    -------
    Scores
        The model's scores, the majority baseline's, and what flatters them.

    Raises
    ------
    DataError
        If the texts carry no labels, or a label the model does not know.
    """
    if data.labels is None:
        raise DataError(f"{data.source} carries no labels to score against; say which column holds them with --label")
    task: Any = model.task()  # pyright: ignore[reportAttributeAccessIssue]
    targets = task.targets(data.labels).numpy()
    source = model.features(data.inputs)
    logits = model.logits_of_source(source)
    single = task.kind == "single"
    from_spaces = None
    if single and isinstance(model, SpaceClassifier) and model.inter_weight > 0:
        from_spaces = float(np.mean(model.predict_from_spaces(data.inputs) == np.asarray(data.labels)))
    scores = task.scores(logits, targets)
    if task.kind == "multi":
        scores = _at_threshold(model, logits, targets)
    return Scores(
        source=data.source,
        n_texts=len(data),
        kind=task.kind,
        scores=scores,
        baseline=task.baseline(targets, targets),
        ece=None if task.kind == "regression" else _ece(model, logits, targets),
        from_spaces=from_spaces,
        confusion=_confusion(targets, logits.argmax(1), task.n_outputs) if single else None,
        classes=tuple(task.classes),
        notes=tuple(_notes(model, data, source)),
    )


def _at_threshold(model: Any, logits: Any, targets: Any) -> dict[str, float]:
    from spacetune.training import multilabel_scores

    return multilabel_scores(targets, (logits >= model.threshold_).astype(targets.dtype))


def _ece(model: Any, logits: Any, targets: Any) -> float:
    return model.calibration(logits, targets)["ece"]


def _confusion(true: Any, predicted: Any, n_classes: int) -> np.ndarray[Any, Any]:
    counts = np.zeros((n_classes, n_classes), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    return counts


def _notes(model: Any, data: LabelledTexts, source: Any) -> list[str]:
    notes = [str(note) for note in data.notes]
    seen = set(model.train_hashes_.tolist())
    hashes = [int(text_hashes([key])[0]) for key in data.keys]
    repeated = overlap_note(seen, hashes, "texts")
    if repeated is not None:
        notes.append(str(repeated))
    provenance = getattr(source, "provenance", None)
    if provenance is not None and provenance.n_truncated:
        notes.append(f"{provenance.n_truncated} texts were cut at {provenance.max_length} tokens")
    return notes
