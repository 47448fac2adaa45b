"""Scores of predictions, with the baseline that any score must be read against."""

from __future__ import annotations

from typing import Any

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


def classification_scores(true: Array, predicted: Array) -> dict[str, float]:
    """Return accuracy and macro-F1 (over the classes that occur in either)."""
    return {
        "accuracy": float(np.mean(true == predicted)),
        "macro_f1": float(metrics.f1_score(true, predicted, average="macro", zero_division=0)),  # pyright: ignore[reportArgumentType]
    }


def multilabel_scores(true: Array, predicted: Array) -> dict[str, float]:
    """Return macro-F1, micro-F1 and subset accuracy of 0/1 matrices ``(text, label)``."""
    return {
        "accuracy": float(np.mean((true == predicted).all(1))),
        "macro_f1": float(metrics.f1_score(true, predicted, average="macro", zero_division=0)),  # pyright: ignore[reportArgumentType]
        "micro_f1": float(metrics.f1_score(true, predicted, average="micro", zero_division=0)),  # pyright: ignore[reportArgumentType]
    }


def regression_scores(true: Array, predicted: Array) -> dict[str, float]:
    """Return R², Pearson's and Spearman's correlation, and mean absolute error; 0 correlation for constants."""
    constant = np.ptp(predicted) == 0 or np.ptp(true) == 0
    return {
        "r2": float(metrics.r2_score(true, predicted)) if len(true) > 1 else 0.0,
        "pearson": 0.0 if constant else float(np.corrcoef(true, predicted)[0, 1]),
        "spearman": 0.0 if constant else float(np.corrcoef(stats.rankdata(true), stats.rankdata(predicted))[0, 1]),
        "mae": float(np.mean(np.abs(true - predicted))),
    }
