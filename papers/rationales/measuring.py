"""Measures of many posts' explanations, the choice of a reading on dev, and paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from papers.rationales.eraser import SHARES, auprc, chosen, iou_f1, iou_rates, share, token_f1
from papers.rationales.erasing import softmax
from papers.rationales.methods import Explained
from papers.rationales.posts import erased

from spacetune import SpaceClassifier

TOP = 5
"""Words of a chosen set, as HateXplain's evaluation has it."""
RESAMPLES = 2000
Columns = dict[str, np.ndarray]


def plausibility(explained: Sequence[Explained], method: str, reading: str) -> Columns:
    """Return every measure of every post that two people marked a word in."""
    rows = [(each.post, each.scores[method][reading]) for each in explained if each.post.majority.any()]
    top = [chosen(scores, TOP) for _, scores in rows]
    marked = [post.majority for post, _ in rows]
    return {
        "token F1": np.array([token_f1(*pair) for pair in zip(marked, top, strict=True)]),
        "IOU F1": np.array([iou_rates(*pair) for pair in zip(marked, top, strict=True)]),
        "AUPRC": np.array([auprc(post.majority, scores) for post, scores in rows]),
        "AUPRC, marked by anyone": np.array([auprc(post.union, scores) for post, scores in rows]),
    }


def faithfulness(
    model: SpaceClassifier, explained: Sequence[Explained], method: str, reading: str, *, shares: bool = True
) -> Columns:
    """Return for every post by how much the predicted class's probability falls without the chosen words, and
    with these alone: for the top five, and averaged over ERASER's shares of the words.
    """
    texts: list[str] = []
    for each in explained:
        scores = each.scores[method][reading]
        for mask in [chosen(scores, TOP), *((share(scores, part) for part in SHARES) if shares else ())]:
            texts += [erased(each.post.words, mask), erased(each.post.words, ~mask)]
    before = softmax(np.stack([each.logits for each in explained]) / model.temperature_)
    own = before.argmax(1)
    after = softmax(model.predict_logits(texts).astype(float) / model.temperature_).reshape(
        len(own), -1, 2, len(before[0])
    )
    rows = np.arange(len(own))
    falls = before[rows, own][:, None, None] - after[rows, :, :, own]
    found = {"comprehensiveness": falls[:, 0, 0], "sufficiency": falls[:, 0, 1]}
    if shares:
        means = falls[:, 1:].mean(1)
        found |= {"comprehensiveness over shares": means[:, 0], "sufficiency over shares": means[:, 1]}
    return found


def summed_up(columns: Columns) -> dict[str, float]:
    """Return the measure over posts: a mean, but for IOU F1 the F1 of mean precision and recall."""
    return {name: _of(values) for name, values in columns.items()}


def best(explained: Sequence[Explained], method: str, measure: Callable[[str], float]) -> dict[str, Any]:
    """Return the reading with the highest value, and all values."""
    values = {reading: measure(reading) for reading in explained[0].scores[method]}
    return {"reading": max(values, key=lambda name: values[name]), "values": values}


def mean_over_fits(fits: Sequence[Columns]) -> dict[str, float]:
    """Return every measure of a method, the mean over several models."""
    return {name: float(np.mean([_of(columns[name]) for columns in fits])) for name in fits[0]}


def differences(ours: Sequence[Columns], other: Sequence[Columns]) -> dict[str, list[float]]:
    """Return ours less the other's, the mean over models, with a 95 % interval over draws of the posts and the models.

    Paired: both are of the same models and posts, of the first models where one method ran on fewer. Posts and models
    are drawn with replacement.
    """
    rng, found = np.random.default_rng(0), dict[str, list[float]]()
    pairs = list(zip(ours, other, strict=False))
    for name in ours[0]:
        n = len(ours[0][name])
        drawn = [
            np.mean([_of(a[name][rows]) - _of(b[name][rows]) for a, b in (pairs[i] for i in models)])
            for rows, models in (
                (rng.integers(0, n, n), rng.integers(0, len(pairs), len(pairs))) for _ in range(RESAMPLES)
            )
        ]
        low, high = np.quantile(drawn, (0.025, 0.975))
        apart = np.mean([_of(a[name]) - _of(b[name]) for a, b in pairs])
        found[name] = [float(apart), float(low), float(high)]
    return found


def _of(values: np.ndarray) -> float:
    return iou_f1(values) if values.ndim == 2 else float(values.mean())
