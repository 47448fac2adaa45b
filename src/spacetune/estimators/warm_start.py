"""Start a simplex of heads where the frozen encoder's linear probe ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from spacetune.estimators.linear_probe import STRENGTHS
from spacetune.estimators.logistic import linear
from spacetune.prefixes import LinearSimplex
from spacetune.training import Task, standing

__all__ = ["warm_start"]

Array = np.ndarray[Any, Any]


def warm_start(
    head: LinearSimplex,
    task: Task,
    train: tuple[Array, Array],
    dev: tuple[Array, Array],
    strengths: Sequence[float] = STRENGTHS,
) -> float | None:
    """Standardise by the training rows, and move every corner of the head to the best probe of them.

    The probe is logistic regression (ridge for numbers) on mean states, its strength chosen on dev; the corners keep
    their own random starts around it. Both are ours.

    Parameters
    ----------
    head
        The heads; changed in place.
    task
        What is learnt.
    train
        Mean states ``(text, width)`` under the first centroid, and targets.
    dev
        The same of the texts to choose by.
    strengths
        Inverse strengths to choose from; without any only the standardisation, and a bias at the classes' shares.

    Returns
    -------
    float or None
        The strength chosen.
    """
    rows, targets = train
    mean, scale = rows.mean(0), rows.std(0)
    scale[scale < 1e-6] = 1.0
    weight, bias = np.zeros((task.n_outputs, rows.shape[1])), task.prior(torch.from_numpy(targets)).numpy()
    chosen = None
    if strengths:
        held, standard = (dev[0] - mean) / scale, (rows - mean) / scale
        tried = {C: linear(task, standard, targets, C) for C in strengths}
        scores = {C: task.scores(held @ w.T + b, dev[1]) for C, (w, b) in tried.items()}
        chosen = max(tried, key=lambda C: standing(scores[C], task.monitor))
        weight, bias = tried[chosen]
    head.warm_start(*(torch.from_numpy(np.asarray(part)) for part in (mean, scale, weight, bias)))
    return chosen
