"""The probe of frozen states: a task's linear model of texts' means, fitted on standardised ones, read as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from spacetune.fitting.data import FitData
from spacetune.fitting.inputs import mean_rows
from spacetune.fitting.linear import STRENGTHS, Spread, choose_linear, fit_linear, spread
from spacetune.fitting.tasks import Task
from spacetune.heads import LinearHead

__all__ = ["MeanProbe", "choose_probe", "learn_probe"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class MeanProbe:
    """A probe at the strength that dev chose.

    Parameters
    ----------
    head
        Of mean states as they are.
    strength
        Inverse strength of the penalty.
    spread
        Of the training texts' means.
    dev_logits
        ``(dev text, output)``; of the training texts where there is no dev.
    """

    head: LinearHead
    strength: float
    spread: Spread
    dev_logits: Array


def choose_probe(data: FitData, task: Task, strengths: Sequence[float] = STRENGTHS) -> MeanProbe:
    """Fit at every strength, and keep the one that is best on dev."""
    rows = mean_rows(data.train).numpy()
    dev_rows = mean_rows(data.dev).numpy() if data.has_dev else rows
    of_rows = spread(rows, data.truth[1])
    parts = (of_rows.standard(rows), *data.truth), (of_rows.standard(dev_rows), *data.dev_truth)
    found = choose_linear(task, *parts, strengths)
    head = _folded(of_rows, found.weight, found.bias)
    return MeanProbe(head, found.strength, of_rows, dev_rows @ head.weight.numpy().T + head.bias.numpy())


def learn_probe(data: FitData, task: Task, strength: float) -> LinearHead:
    """Fit at a strength that was chosen before."""
    rows, (targets, weights) = mean_rows(data.train).numpy(), data.truth
    of_rows = spread(rows, weights)
    return _folded(of_rows, *fit_linear(task, of_rows.standard(rows), targets, strength, weights))


def _folded(of_rows: Spread, weight: Array, bias: Array) -> LinearHead:
    return LinearHead(*map(torch.as_tensor, of_rows.folded(weight, bias)))
