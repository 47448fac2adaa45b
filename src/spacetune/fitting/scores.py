"""Scores of predictions, with the baseline that any score must be read against."""

# The types of NumPy, SciPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from scipy import stats
from sklearn import metrics

__all__ = ["classification_scores", "multilabel_scores", "regression_scores", "standing"]

Array = np.ndarray[Any, Any]


def standing(scores: dict[str, float], monitor: str) -> tuple[float, float]:
    """Return what dev scores are compared by: the monitored one and, where that ties, the log loss.

    A few dev texts take few values of a score, so the first of several equals would be chosen: of epochs the least
    trained. The choice is ours (docs/how-it-works/choices.md).
    """
    return scores[monitor], scores.get("neg_log_loss", 0.0)


def classification_scores(true: Array, predicted: Array, weights: Array | None = None) -> dict[str, float]:
    """Return accuracy and macro-F1 (over the classes that occur in either)."""
    return {
        "accuracy": float(np.average(true == predicted, weights=weights)),
        "macro_f1": _f1(true, predicted, "macro", weights),
    }


def multilabel_scores(true: Array, predicted: Array, weights: Array | None = None) -> dict[str, float]:
    """Return macro-F1, micro-F1 and subset accuracy of 0/1 matrices ``(text, label)``."""
    return {
        "accuracy": float(np.average((true == predicted).all(1), weights=weights)),
        "macro_f1": _f1(true, predicted, "macro", weights),
        "micro_f1": _f1(true, predicted, "micro", weights),
    }


def regression_scores(true: Array, predicted: Array, weights: Array | None = None) -> dict[str, float]:
    """Return R², Pearson's and Spearman's correlation, and mean absolute error; 0 correlation for constants.

    Predictions that are no numbers, of a training that diverged, are worse than any others.
    """
    if not np.isfinite(predicted).all():
        return {"r2": -math.inf, "pearson": 0.0, "spearman": 0.0, "mae": math.inf}
    constant = np.ptp(predicted) == 0 or np.ptp(true) == 0
    ranks = stats.rankdata(true), stats.rankdata(predicted)
    return {
        "r2": float(metrics.r2_score(true, predicted, sample_weight=weights)) if len(true) > 1 else 0.0,
        "pearson": 0.0 if constant else _correlation(true, predicted, weights),
        "spearman": 0.0 if constant else _correlation(*ranks, weights),
        "mae": float(np.average(np.abs(true - predicted), weights=weights)),
    }


def _f1(true: Array, predicted: Array, average: Literal["macro", "micro"], weights: Array | None) -> float:
    found = metrics.f1_score(true, predicted, average=average, sample_weight=weights, zero_division=0)  # pyright: ignore[reportArgumentType]
    return float(found)


def _correlation(first: Array, second: Array, weights: Array | None) -> float:
    moments = np.cov(first, second, aweights=weights)
    return float(moments[0, 1] / np.sqrt(moments[0, 0] * moments[1, 1]))
