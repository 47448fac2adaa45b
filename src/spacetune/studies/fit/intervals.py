"""How far a score would move with another sample of texts: percentile bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from spacetune.fitting import MultiLabel, Regression, Task, regression_scores

__all__ = ["decisions", "score_intervals"]

Array = np.ndarray[Any, Any]
RESAMPLES = 1000
CHUNK = 100


def decisions(task: Task, logits: Array, targets: Array) -> Array:
    """Return what the task's scores compare with the targets: class numbers, zeros and ones, or numbers."""
    if isinstance(task, MultiLabel):
        return task.decided(logits, targets)
    return task.labels(logits) if isinstance(task, Regression) else logits.argmax(1)


def score_intervals(
    kind: str, truth: Array, predicted: Array, *, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return an interval for every score: the texts are drawn again with replacement, 1,000 times.

    The interval holds the middle `level` of the scores found (percentile bootstrap, Efron 1979). It tells of the
    choice of texts only, not of another training run, and is too narrow below some 30 texts. For a number a text
    300 draws are made.

    Parameters
    ----------
    kind
        ``single``, ``multi`` or ``regression``.
    truth
        Class numbers ``(text,)``, zeros and ones ``(text, label)``, or numbers ``(text,)``.
    predicted
        Likewise.
    level
        Share of the draws that the interval holds.
    seed
        Of the draws.

    Returns
    -------
    dict
        ``(low, high)`` by the score's name; empty below 2 texts.

    Examples
    --------
    >>> truth = np.arange(100) % 2
    >>> low, high = score_intervals("single", truth, np.where(np.arange(100) < 20, 1 - truth, truth))["accuracy"]
    >>> low < 0.8 < high
    True
    """
    if len(truth) < 2:
        return {}
    draw = {"single": _single, "multi": _multi, "regression": _regression}[kind]
    drawn = draw(truth, predicted, np.random.default_rng(seed))
    tail = (1 - level) / 2
    ends = {name: np.quantile(values, (tail, 1 - tail)) for name, values in drawn.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def _single(truth: Array, predicted: Array, rng: np.random.Generator) -> dict[str, Array]:
    """Scores depend on the confusion counts alone, so these are drawn and not the texts."""
    n, n_classes = len(truth), int(max(truth.max(), predicted.max())) + 1
    cells, counts = np.unique(truth * n_classes + predicted, return_counts=True)
    is_true, is_predicted = np.eye(n_classes)[cells // n_classes], np.eye(n_classes)[cells % n_classes]
    drawn = rng.multinomial(n, counts / n, size=RESAMPLES)
    hits = drawn @ (is_true * is_predicted)
    return {"accuracy": hits.sum(1) / n, "macro_f1": _macro(hits, drawn @ is_true + drawn @ is_predicted, present=True)}


def _multi(truth: Array, predicted: Array, rng: np.random.Generator) -> dict[str, Array]:
    n = len(truth)
    exact, both, either = (truth == predicted).all(1), truth * predicted, truth + predicted
    found: dict[str, list[Array]] = {"accuracy": [], "macro_f1": [], "micro_f1": []}
    for _ in range(RESAMPLES // CHUNK):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=CHUNK).astype(np.float32)
        hits, sizes = weights @ both, weights @ either
        found["accuracy"].append(weights @ exact / n)
        found["macro_f1"].append(_macro(hits, sizes, present=False))
        found["micro_f1"].append(2 * hits.sum(1) / np.maximum(sizes.sum(1), 1))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _macro(hits: Array, sizes: Array, *, present: bool) -> Array:
    """Return the mean F1 over classes; over those that occur in the draw where `present`."""
    each = 2 * hits / np.maximum(sizes, 1)
    return each.sum(1) / (sizes > 0).sum(1) if present else each.mean(1)


def _regression(truth: Array, predicted: Array, rng: np.random.Generator) -> dict[str, Array]:
    rows = rng.integers(0, len(truth), size=(300, len(truth)))
    drawn = [regression_scores(truth[each], predicted[each]) for each in rows]
    return {name: np.array([scores[name] for scores in drawn]) for name in drawn[0]}
