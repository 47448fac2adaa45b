"""The last-layer Laplace approximation: a Gaussian over a linear classifier's weights, at the fitted ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from benchmarks.simplex.scores import mean_log_p

Array = np.ndarray[Any, Any]
PRECISIONS = tuple(float(p) for p in 10.0 ** np.arange(-3, 5))
N_SAMPLES = 100


def laplace_log_p(weight: Array, bias: Array, train: Array, others: list[Array], precision: float) -> list[Array]:
    r"""Return mean log probabilities of other rows under ``N(\hat W, (G + \lambda I)^{-1})``, by 100 samples of logits.

    .. math:: G = \sum_i (\operatorname{diag} p_i - p_i p_i^\top) \otimes x_i x_i^\top

    Parameters
    ----------
    weight, bias
        Of the classifier, ``(class, width)`` and ``(class,)``.
    train
        What it was fitted on, ``(text, width)``.
    others
        What to predict.
    precision
        Of the prior, lambda.
    """
    rows = with_one(train)
    p = softmax(train @ weight.T + bias, axis=1)
    within = np.einsum("ic,cd->icd", p, np.eye(p.shape[1])) - np.einsum("ic,id->icd", p, p)
    curvature = np.einsum("icd,ix,iy->cxdy", within, rows, rows, optimize=True)
    n_classes, width = curvature.shape[:2]
    flat = curvature.reshape(n_classes * width, -1)
    covariance = np.linalg.inv(flat + precision * np.eye(len(flat))).reshape(curvature.shape)
    noise = np.random.default_rng(0).standard_normal((N_SAMPLES, n_classes))
    found: list[Array] = []
    for each in others:
        x = with_one(each)
        spread = np.einsum("ix,cxdy,iy->icd", x, covariance, x, optimize=True)
        root = np.linalg.cholesky(spread + 1e-9 * np.eye(n_classes))
        drawn = (each @ weight.T + bias) + np.einsum("icd,sd->sic", root, noise)
        found.append(mean_log_p(drawn))
    return found


def with_one(rows: Array) -> Array:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
