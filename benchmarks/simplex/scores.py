"""Scores of probabilities: how right, how well calibrated, and whether errors are told from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.metrics import roc_auc_score

from benchmarks.simplex.draws import COMMON
from spacetune.fitting import classification_scores
from spacetune.fitting.calibration import calibration_error

Array = np.ndarray[Any, Any]


def scores_of(logits: Array, classes: Sequence[Any], labels: Sequence[Any], elsewhere: bool) -> dict[str, float]:
    """Return the scores of a softmax over these logits ``(text, class)``.

    ``brier`` is the mean squared distance from the true class, ``ece`` the calibration error over 15 bins,
    ``error_auroc`` how well the strongest probability tells wrong from right, and ``aurc`` the mean share of errors
    among the surest texts, over all shares of texts.
    """
    log_p, names = log_softmax(logits, axis=1), [str(c) for c in classes]
    if elsewhere:
        log_p, names = merged(log_p, names)
        labels = [COMMON.get(str(label), str(label)) for label in labels]
    truth = np.array([names.index(str(label)) for label in labels])
    p, rows = np.exp(log_p), np.arange(len(truth))
    surest, right = p.max(1), p.argmax(1) == truth
    risks = np.cumsum(~right[np.argsort(-surest, kind="stable")]) / (rows + 1)
    return {
        **classification_scores(truth, p.argmax(1)),
        "log_loss": float(-np.maximum(log_p[rows, truth], np.log(1e-12)).mean()),
        "brier": float(np.square(p - np.eye(len(names))[truth]).sum(1).mean()),
        "ece": calibration_error(surest, right),
        "error_auroc": error_auroc(-surest, right),
        "aurc": float(risks.mean()),
    }


def error_auroc(doubt: Array, right: Array) -> float:
    """Return how often a wrong text has more doubt than a right one; nan where all are right or all wrong."""
    return float("nan") if right.all() or not right.any() else float(roc_auc_score(~right, doubt))


def merged(log_p: Array, names: Sequence[str]) -> tuple[Array, list[str]]:
    """Add the probabilities of classes whose common name is the same.

    >>> log_p, names = merged(np.log([[0.2, 0.3, 0.5]]), ["hatespeech", "normal", "offensive"])
    >>> names, np.exp(log_p).round(2).tolist()
    (['normal', 'offensive'], [[0.3, 0.7]])
    """
    common = [COMMON.get(name, name) for name in names]
    kept = sorted(set(common))
    columns = [[i for i, name in enumerate(common) if name == one] for one in kept]
    return np.stack([logsumexp(log_p[:, each], axis=1) for each in columns], axis=1), kept


def mean_log_p(logits: Array) -> Array:
    """Return the logarithm of the mean probability over points ``(point, text, class)``."""
    return logsumexp(log_softmax(logits, axis=2), axis=0) - np.log(len(logits))
