"""How far a score would move with another sample of texts: percentile bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spacetune.fitting import MultiLabel, Regression, Task, regression_scores

__all__ = ["decisions", "difference_intervals", "score_intervals"]

Array = np.ndarray[Any, Any]
LEVEL = 0.95
RESAMPLES = 1000
CHUNK = 100


def decisions(task: Task, logits: Array, targets: Array) -> Array:
    """Return what the task's scores compare with the targets: class numbers, zeros and ones, or numbers."""
    if isinstance(task, MultiLabel):
        return task.decided(logits, targets)
    return task.labels(logits) if isinstance(task, Regression) else logits.argmax(1)


def score_intervals(
    kind: str,
    truth: Array,
    predicted: Array,
    weights: Array | None = None,
    *,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return an interval for every score: the texts are drawn again with replacement, 1,000 times.

    The interval holds the middle `level` of the scores found (percentile bootstrap, Efron 1979). It tells of the
    choice of texts only, not of another training run, and is too narrow below some 30 texts. For a number a text
    300 draws are made. Where all texts are right, or all wrong, every draw is alike: accuracy then has the exact
    interval (Clopper & Pearson 1934).

    Parameters
    ----------
    kind
        ``single``, ``multi`` or ``regression``.
    truth
        Class numbers ``(text,)``, zeros and ones ``(text, label)``, or numbers ``(text,)``.
    predicted
        Likewise.
    weights
        What every text counts for, once drawn; None counts all alike.
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
    found = {name: _ends(values, level) for name, values in _drawn(kind, truth, [predicted], seed, weights)[0].items()}
    right = None if kind == "regression" else (truth == predicted).reshape(len(truth), -1).all(1)
    if right is not None and right.all() == right.any():
        far = ((1 - level) / 2) ** (1 / len(truth))
        found["accuracy"] = (far, 1.0) if right.all() else (0.0, 1 - far)
    return found


def difference_intervals(
    kind: str,
    truth: Array,
    a: Array,
    b: Array,
    weights: Array | None = None,
) -> dict[str, tuple[float, float]]:
    """Return a 95 % interval for every score of `a` less that of `b`: both are scored on the same draws.

    What is hard for both goes out of the difference, so the interval is narrower than their own ones suggest.

    Examples
    --------
    >>> truth = np.arange(100) % 2
    >>> better, worse = (np.where(np.arange(100) < wrong, 1 - truth, truth) for wrong in (10, 30))
    >>> low, high = difference_intervals("single", truth, better, worse)["accuracy"]
    >>> 0.1 < low < 0.2 < high < 0.3
    True
    """
    if len(truth) < 2:
        return {}
    ours, others = _drawn(kind, truth, [a, b], 0, weights)
    return {name: _ends(values - others[name], LEVEL) for name, values in ours.items()}


def _drawn(
    kind: str, truth: Array, predictions: Sequence[Array], seed: int, weights: Array | None
) -> list[dict[str, Array]]:
    """Return the drawn scores of every prediction, by name; a draw is the same texts for all."""
    draw = {"single": _single, "multi": _multi, "regression": _regression}[kind]
    return draw(truth, predictions, weights, np.random.default_rng(seed))


def _ends(values: Array, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def _single(
    truth: Array, predictions: Sequence[Array], weights: Array | None, rng: np.random.Generator
) -> list[dict[str, Array]]:
    """Scores depend on the counts of (true, predicted, ...) alone: where texts count alike, these are drawn."""
    n, told = len(truth), np.stack([truth, *predictions])
    cells, cell, counts = np.unique(told, axis=1, return_inverse=True, return_counts=True)
    if weights is None:
        drawn = rng.multinomial(n, counts / n, size=RESAMPLES)
    else:
        drawn = np.concatenate([each @ np.eye(len(counts))[cell] for each in _draws(n, weights, rng)])
    one_hot = np.eye(int(told.max()) + 1)
    is_true = one_hot[cells[0]]
    found: list[dict[str, Array]] = []
    for is_predicted in one_hot[cells[1:]]:
        hits, sizes = drawn @ (is_true * is_predicted), drawn @ is_true + drawn @ is_predicted
        found.append({"accuracy": hits.sum(1) / drawn.sum(1), "macro_f1": _macro(hits, sizes, present=True)})
    return found


def _draws(n: int, weights: Array | None, rng: np.random.Generator) -> Iterator[Array]:
    """Yield what every text counts for in some draws at a time, ``(draw, text)``."""
    for _ in range(RESAMPLES // CHUNK):
        times = rng.multinomial(n, np.full(n, 1 / n), size=CHUNK).astype(np.float32)
        yield times if weights is None else times * weights


def _multi(
    truth: Array, predictions: Sequence[Array], weights: Array | None, rng: np.random.Generator
) -> list[dict[str, Array]]:
    drawn = [[_weighed(truth, each, counts) for each in predictions] for counts in _draws(len(truth), weights, rng)]
    return [
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for parts in zip(*drawn, strict=True)
    ]


def _weighed(truth: Array, predicted: Array, weights: Array) -> dict[str, Array]:
    """Return the scores of every draw, in which each text counts as often as its weight says."""
    exact, hits, sizes = (truth == predicted).all(1), weights @ (truth * predicted), weights @ (truth + predicted)
    return {
        "accuracy": weights @ exact / weights.sum(1),
        "macro_f1": _macro(hits, sizes, present=False),
        "micro_f1": 2 * hits.sum(1) / _above_0(sizes.sum(1)),
    }


def _macro(hits: Array, sizes: Array, *, present: bool) -> Array:
    """Return the mean F1 over classes; over those that occur in the draw where `present`."""
    each = 2 * hits / _above_0(sizes)
    return each.sum(1) / (sizes > 0).sum(1) if present else each.mean(1)


def _above_0(sizes: Array) -> Array:
    return np.where(sizes > 0, sizes, 1)


def _regression(
    truth: Array, predictions: Sequence[Array], weights: Array | None, rng: np.random.Generator
) -> list[dict[str, Array]]:
    rows = rng.integers(0, len(truth), size=(300, len(truth)))
    drawn = [
        [regression_scores(truth[r], each[r], None if weights is None else weights[r]) for r in rows]
        for each in predictions
    ]
    return [{name: np.array([scores[name] for scores in each]) for name in each[0]} for each in drawn]
