"""Fit a head of pairs: logistic or ridge regression on products and squared differences of two texts' means."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.fitting.data import Batch, FitData
from spacetune.fitting.inputs import Inputs, text_chunks
from spacetune.fitting.linear import choose_linear, fit_linear, spread
from spacetune.fitting.scores import standing
from spacetune.fitting.tasks import Task
from spacetune.heads import PairHead, pair_rows

__all__ = ["PAIR_STRENGTHS", "PairChosen", "TunedPairs", "are_pairs", "choose_pairs", "learn_pairs"]

Array = np.ndarray[Any, Any]


PAIR_STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2)
"""Inverse regularisation strengths tried where the user names none; products want a stronger penalty than states."""


TUNED_SPREAD = 0.3
"""The standard deviation of what a head over tuned layers reads, as for single texts."""


@dataclasses.dataclass(frozen=True)
class PairChosen:
    """What dev chose: the strength of the penalty, whether swapping the texts changes nothing, and the tuned share.

    The share is that of a tuning's epochs; 0 where nothing was tuned.
    """

    strength: float
    symmetric: bool
    tuned_share: float = 0.0


def are_pairs(inputs: Inputs) -> bool:
    """Tell whether inputs are pairs whose texts were read apart."""
    return len(inputs) > 0 and inputs.take(torch.tensor([0])).first is not None


def choose_pairs(
    data: FitData, task: Task, strengths: Sequence[float], symmetric: bool | None
) -> tuple[PairHead, PairChosen, Array]:
    """Fit at every strength, with and without a direction unless that is given; keep the best on dev.

    Parameters
    ----------
    data
        Pairs and targets; without dev the training pairs choose.
    task
        What is learnt.
    strengths
        Inverse strengths of the penalty to try.
    symmetric
        Whether swapping the texts must change nothing; None lets dev choose, and no direction where that is level.

    Returns
    -------
    tuple
        The head, what was chosen, and dev's logits.
    """
    mean = _mean(data.train, data.weights)
    rows = _rows(data.train, mean)
    dev_rows = _rows(data.dev, mean) if data.has_dev else rows
    found: list[tuple[PairHead, PairChosen, Array]] = []
    for alike in (True, False) if symmetric is None else (symmetric,):
        width = _width(rows, alike)
        middle, scale = spread(rows[:, :width], data.truth[1])
        own, held = ((r[:, :width] - middle) / scale for r in (rows, dev_rows))
        fit = choose_linear(task, (own, *data.truth), (held, *data.dev_truth), strengths)
        head = _head(fit.weight, fit.bias, middle, scale, mean)
        found.append((head, PairChosen(fit.strength, alike), fit.dev_logits))
    return max(found, key=lambda each: standing(task.scores(each[2], *data.dev_truth), task.monitor))


class TunedPairs(nn.Module):
    """A head of pairs that is trained with the layers under it.

    It reads products and squared differences as they spread on the frozen encoder, and starts at `start`, the head that
    was fitted there.
    """

    def __init__(self, inputs: Inputs, task: Task, start: PairHead, chosen: PairChosen) -> None:
        super().__init__()
        self.task, self.mean = task, start.mean
        rows = _rows(inputs, self.mean)
        self.width = _width(rows, chosen.symmetric)
        self.middle, self.scale = spread(rows[:, : self.width])
        weight = torch.cat([part.flatten(1) for part in (start.product, start.square, start.direction)], dim=1)
        weight = weight[:, : self.width]
        bias = start.bias + weight @ torch.from_numpy(self.middle)
        own = weight * torch.from_numpy(self.scale) / TUNED_SPREAD
        self.weight, self.bias = nn.Parameter(own.float()), nn.Parameter(bias.float())

    def _rows(self, features: TokenFeatures) -> Tensor:
        rows = pair_rows(features, self.mean)[:, : self.width]
        return ((rows - torch.from_numpy(self.middle)) / torch.from_numpy(self.scale) * TUNED_SPREAD).float()

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(pair, output)``."""
        return self._rows(features) @ self.weight.T + self.bias

    def loss(self, features: TokenFeatures, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the task's loss of a batch."""
        del generator
        return self.task.loss(self.logits(features), *batch)

    def head(self) -> PairHead:
        """Return the head as it stands, of rows as they are."""
        weight, bias = (part.detach().double().numpy() for part in (self.weight * TUNED_SPREAD, self.bias))
        return _head(weight, bias, self.middle, self.scale, self.mean)


def learn_pairs(data: FitData, task: Task, chosen: PairChosen) -> PairHead:
    """Fit with what was chosen before."""
    mean, (targets, weights) = _mean(data.train, data.weights), data.truth
    rows = _rows(data.train, mean)
    rows = rows[:, : _width(rows, chosen.symmetric)]
    middle, scale = spread(rows, weights)
    weight, bias = fit_linear(task, (rows - middle) / scale, targets, chosen.strength, weights)
    return _head(weight, bias, middle, scale, mean)


def _width(rows: Array, symmetric: bool) -> int:
    return rows.shape[1] * 2 // 3 if symmetric else rows.shape[1]


def _mean(inputs: Inputs, weights: Tensor | None) -> Tensor:
    """Return the mean of all texts' mean states, ``(layer, dim)``; both texts of a pair weigh what the pair weighs."""
    each = torch.ones(len(inputs), dtype=torch.float64) if weights is None else weights
    sums = torch.zeros(inputs.shape, dtype=torch.float64)
    for rows in text_chunks(inputs.lengths):
        halves = inputs.take(rows).halves().means().double()
        sums += torch.einsum("n,nld->ld", each[rows].repeat_interleave(2), halves)
    return sums / (2 * each.sum())


def _rows(inputs: Inputs, mean: Tensor) -> Array:
    return torch.cat([pair_rows(inputs.take(rows), mean) for rows in text_chunks(inputs.lengths)]).numpy()


def _head(weight: Array, bias: Array, middle: Array, scale: Array, mean: Tensor) -> PairHead:
    """Return the head of rows as they are, without a direction where none was fitted."""
    own = weight / scale
    start = torch.from_numpy(np.asarray(bias - own @ middle))
    parts = torch.zeros(len(own), 3, *mean.shape, dtype=torch.float64)
    parts.view(len(own), -1)[:, : own.shape[1]] = torch.from_numpy(own)
    return PairHead(parts[:, 0], parts[:, 1], parts[:, 2], start, mean)
