"""The ERASER measures of one text's explanation (DeYoung et al., ACL 2020, arXiv 1911.03429).

Plausibility holds scores to the words people marked: token F1 and IOU F1 of a chosen set of words, AUPRC of the
scores themselves. Faithfulness holds them to the model: what happens to the predicted class without the chosen words
(comprehensiveness), and with these alone (sufficiency).
"""

from __future__ import annotations

import numpy as np

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Shares of the words to erase, over which ERASER averages where an explanation is a score a word."""


def chosen(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the `k` words of the largest score (the earlier one in a tie), all of them in a shorter text.

    >>> chosen(np.array([0.1, 0.5, 0.5, 0.2]), 2).astype(int).tolist()
    [0, 1, 1, 0]
    """
    mask = np.zeros(len(scores), dtype=bool)
    mask[np.argsort(-scores, kind="stable")[:k]] = True
    return mask


def share(scores: np.ndarray, of: float) -> np.ndarray:
    """Return this share of the words, rounded up."""
    return chosen(scores, int(np.ceil(of * len(scores))))


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return start and end of every run of neighbouring words.

    >>> runs(np.array([1, 1, 0, 1], dtype=bool))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision and recall else 0.0


def token_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return F1 over words.

    >>> round(token_f1(np.array([1, 1, 0, 0], dtype=bool), np.array([0, 1, 1, 1], dtype=bool)), 3)
    0.4
    """
    hits = float(np.sum(truth & predicted))
    return f1(hits / max(predicted.sum(), 1), hits / max(truth.sum(), 1))


def iou_rates(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return precision and recall over runs: a predicted run is right where it shares half its union with a true one.

    >>> iou_rates(np.array([1, 1, 1, 0, 0, 1], dtype=bool), np.array([0, 1, 1, 0, 1, 0], dtype=bool))
    (0.5, 0.5)
    """
    true, found = runs(truth), runs(predicted)
    hits = sum(max((_iou(run, other) for other in true), default=0.0) >= 0.5 for run in found)
    return hits / max(len(found), 1), hits / max(len(true), 1)


def _iou(one: tuple[int, int], other: tuple[int, int]) -> float:
    both = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return both / (one[1] - one[0] + other[1] - other[0] - both)


def iou_f1(rates: np.ndarray) -> float:
    """Return the F1 of mean precision and mean recall over texts, ``rates (n_texts, 2)``."""
    precision, recall = rates.mean(0)
    return f1(float(precision), float(recall))


def auprc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the precision-recall curve by trapezia, as ERASER's code has it from scikit-learn.

    Written out, since scikit-learn's checks cost a hundred times the sum for a text of twenty words.

    >>> round(auprc(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1])), 4)
    0.7917
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=np.nan))  # equal scores enter together
    hits = np.cumsum(truth[order])[last]
    precision = np.concatenate([[1.0], hits / (last + 1)])
    recall = np.concatenate([[0.0], hits / hits[-1]])
    return float(np.trapezoid(precision, recall))
