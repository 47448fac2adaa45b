"""Fit a head of pairs: logistic or ridge regression on products and squared differences of two texts' means."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.fitting.data import FitData
from spacetune.fitting.inputs import Inputs, text_chunks
from spacetune.fitting.linear import choose_linear, fit_linear, spread
from spacetune.fitting.scores import standing
from spacetune.fitting.tasks import Task
from spacetune.heads import ConceptSpaces, Meeting, PairHead, TextMean

__all__ = [
    "PAIR_STRENGTHS",
    "PairChosen",
    "TrainedMeeting",
    "TunedPairs",
    "are_pairs",
    "centred_means",
    "choose_pairs",
    "learn_pairs",
    "logits_held_out",
]

Array = np.ndarray[Any, Any]


PAIR_STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2)
"""Inverse regularisation strengths tried where the user names none; products want a stronger penalty than states."""


TUNED_SPREAD = 0.3
"""The standard deviation of what a head over tuned layers reads, as for single texts."""

FOLDS = 5


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
    text_mean = centred_means(data.train)
    rows, targets = _rows(data.train, text_mean), data.targets.numpy()
    dev_rows = _rows(data.dev, text_mean) if data.has_dev else rows
    dev_targets = data.dev_targets.numpy() if data.has_dev else targets
    found: list[tuple[PairHead, PairChosen, Array]] = []
    for alike in (True, False) if symmetric is None else (symmetric,):
        width = _width(rows, alike)
        middle, scale = spread(rows[:, :width])
        parts = [((r[:, :width] - middle) / scale, t) for r, t in ((rows, targets), (dev_rows, dev_targets))]
        fit = choose_linear(task, parts[0], parts[1], strengths)
        head = _head(fit.weight, fit.bias, middle, scale, text_mean)
        found.append((head, PairChosen(fit.strength, alike), fit.dev_logits))
    return max(found, key=lambda each: standing(task.scores(each[2], dev_targets), task.monitor))


def learn_pairs(inputs: Inputs, targets: Tensor, task: Task, chosen: PairChosen) -> PairHead:
    """Fit with what was chosen before."""
    text_mean = centred_means(inputs)
    rows, middle, scale = _standard_rows(inputs, text_mean, chosen)
    return _head(*fit_linear(task, rows, targets.numpy(), chosen.strength), middle, scale, text_mean)


def logits_held_out(inputs: Inputs, targets: Tensor, task: Task, chosen: PairChosen, seed: int) -> Tensor:
    """Return every pair's logits by heads that were fitted without it: of each fifth by the other four.

    A single pair has none: its logits are 0.
    """
    rows, _, _ = _standard_rows(inputs, centred_means(inputs), chosen)
    order = np.random.default_rng(seed).permutation(len(rows))
    logits = np.zeros((len(rows), task.n_outputs))
    for fold in np.array_split(order, min(FOLDS, len(rows))):
        others = np.setdiff1d(order, fold)
        if len(others):
            weight, bias = fit_linear(task, rows[others], targets.numpy()[others], chosen.strength)
            logits[fold] = rows[fold] @ weight.T + bias
    return torch.from_numpy(logits)


class TrainedMeeting(nn.Module):
    """A meeting in training, over rows that are standardised as they spread at its start.

    Parameters
    ----------
    inputs
        Pairs to take the spread from.
    start
        The meeting to start at.
    symmetric
        Whether differences are left out.
    deviation
        The standard deviation that they get.
    """

    def __init__(self, inputs: Inputs, start: Meeting, symmetric: bool, deviation: float) -> None:
        super().__init__()
        self.text_mean = start.text_mean
        rows = _rows(inputs, self.text_mean)
        self.width = _width(rows, symmetric)
        middle, scale = spread(rows[:, : self.width])
        self.middle, self.scale = torch.from_numpy(middle), torch.from_numpy(scale / deviation)
        flat = start.weight.transpose(0, 1).flatten(1)[:, : self.width]
        self.weight, self.shift = nn.Parameter((flat * self.scale).float()), flat @ self.middle

    def rows(self, features: TokenFeatures) -> Tensor:
        """Return the standardised rows."""
        return ((self.text_mean.rows(features)[:, : self.width] - self.middle) / self.scale).float()

    def finished(self) -> tuple[Meeting, Tensor]:
        """Return the meeting of rows as they are, and what goes to the bias."""
        own = self.weight.detach().double() / self.scale
        return Meeting(self.text_mean, _weights(own, self.text_mean)), -own @ self.middle


class TunedPairs(nn.Module):
    """A head of pairs that is trained with the layers under it.

    It reads products and squared differences as they spread on the frozen encoder, and starts at `start`, the head that
    was fitted there.
    """

    def __init__(self, inputs: Inputs, task: Task, start: PairHead, chosen: PairChosen) -> None:
        super().__init__()
        self.task = task
        self.meeting = TrainedMeeting(inputs, start.parts[0], chosen.symmetric, TUNED_SPREAD)
        self.bias = nn.Parameter((start.bias + self.meeting.shift).float())

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(pair, output)``."""
        return self.meeting.rows(features) @ self.meeting.weight.T + self.bias

    def loss(self, features: TokenFeatures, targets: Tensor, generator: torch.Generator) -> Tensor:
        """Return the task's loss of a batch."""
        del generator
        return self.task.loss(self.logits(features), targets)

    def head(self) -> PairHead:
        """Return the head as it stands, of rows as they are."""
        meeting, shift = self.meeting.finished()
        return PairHead(self.bias.detach().double() + shift, [meeting])


def centred_means(inputs: Inputs, spaces: ConceptSpaces | None = None) -> TextMean:
    """Return the reading of mean states, or of centroids in spaces, less what these are over all texts."""
    plain = TextMean(torch.zeros(()), spaces)
    with torch.no_grad():
        sums = [plain.means(inputs.take(rows).halves()).sum(0) for rows in text_chunks(inputs.lengths)]
    return TextMean(torch.stack(sums).sum(0) / (2 * len(inputs)), spaces)


def _rows(inputs: Inputs, text_mean: TextMean) -> Array:
    """Return all pairs' rows (`TextMean.rows`)."""
    with torch.no_grad():
        return torch.cat([text_mean.rows(inputs.take(rows)) for rows in text_chunks(inputs.lengths)]).numpy()


def _standard_rows(inputs: Inputs, text_mean: TextMean, chosen: PairChosen) -> tuple[Array, Array, Array]:
    rows = _rows(inputs, text_mean)
    rows = rows[:, : _width(rows, chosen.symmetric)]
    middle, scale = spread(rows)
    return (rows - middle) / scale, middle, scale


def _width(rows: Array, symmetric: bool) -> int:
    return rows.shape[1] * 2 // 3 if symmetric else rows.shape[1]


def _head(weight: Array, bias: Array, middle: Array, scale: Array, text_mean: TextMean) -> PairHead:
    """Return the head of rows as they are, without a direction where none was fitted."""
    own = weight / scale
    return PairHead(torch.from_numpy(np.asarray(bias - own @ middle)), [Meeting(text_mean, _weights(own, text_mean))])


def _weights(own: Array | Tensor, text_mean: TextMean) -> Tensor:
    """Return a meeting's weights of those of rows, ``(3, output, layer, width)``; 0 for differences where none are."""
    parts = torch.zeros(len(own), 3, *text_mean.mean.shape, dtype=torch.float64)
    parts.view(len(own), -1)[:, : own.shape[1]] = torch.as_tensor(own)
    return parts.transpose(0, 1)
