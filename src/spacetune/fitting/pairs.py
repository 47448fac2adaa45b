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
from spacetune.fitting.lexicon import WordsChosen
from spacetune.fitting.linear import Spread, choose_linear, fit_linear, spread
from spacetune.fitting.scores import standing
from spacetune.fitting.tasks import Task
from spacetune.heads import ConceptSpaces, Meeting, PairHead, TextMean

__all__ = [
    "PAIR_STRENGTHS",
    "PairChosen",
    "PairRows",
    "TrainedMeeting",
    "TunedPairs",
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
    """What dev chose: the strength of the penalty, whether swapping the texts changes nothing, and the lexicon.

    The tuned share is that of a tuning's epochs; 0 where nothing was tuned.
    """

    strength: float
    symmetric: bool
    tuned_share: float = 0.0
    words: WordsChosen | None = None


@dataclasses.dataclass(frozen=True)
class PairRows:
    """The training pairs as linear models read them, ``(pair, 3 · layer · width)``, and how either text was read."""

    text_mean: TextMean
    rows: Array

    @classmethod
    def of(cls, data: FitData, text_mean: TextMean | None = None) -> PairRows:
        """Read the training pairs; None reads their centred mean states."""
        read = centred_means(data) if text_mean is None else text_mean
        return cls(read, _rows(data.train, read))

    def standard(self, weights: Array | None, symmetric: bool) -> tuple[Array, Spread]:
        """Return the rows standardised, without differences where swapping changes nothing; and their spread."""
        rows = self.rows[:, : _width(self.rows, symmetric)]
        of_rows = spread(rows, weights)
        return of_rows.standard(rows), of_rows


def choose_pairs(
    data: FitData, read: PairRows, task: Task, strengths: Sequence[float], symmetric: bool | None
) -> tuple[PairHead, PairChosen, Array]:
    """Fit at every strength, with and without a direction unless that is given; keep the best on dev.

    Parameters
    ----------
    data
        Pairs and targets; without dev the training pairs choose.
    read
        The training pairs.
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
    dev_rows = _rows(data.dev, read.text_mean) if data.has_dev else read.rows
    found: list[tuple[PairHead, PairChosen, Array]] = []
    for alike in (True, False) if symmetric is None else (symmetric,):
        own, of_rows = read.standard(data.truth[1], alike)
        held = of_rows.standard(dev_rows[:, : _width(dev_rows, alike)])
        fit = choose_linear(task, (own, *data.truth), (held, *data.dev_truth), strengths)
        head = _head(of_rows, fit.weight, fit.bias, read.text_mean)
        found.append((head, PairChosen(fit.strength, alike), fit.dev_logits))
    return max(found, key=lambda each: standing(task.scores(each[2], *data.dev_truth), task.monitor))


def learn_pairs(data: FitData, read: PairRows, task: Task, chosen: PairChosen) -> PairHead:
    """Fit with what was chosen before."""
    targets, weights = data.truth
    rows, of_rows = read.standard(weights, chosen.symmetric)
    return _head(of_rows, *fit_linear(task, rows, targets, chosen.strength, weights), read.text_mean)


def logits_held_out(data: FitData, read: PairRows, task: Task, chosen: PairChosen, seed: int) -> Tensor:
    """Return every pair's logits by heads that were fitted without it: of each fifth by the other four.

    A single pair has none: its logits are 0.
    """
    targets, weights = data.truth
    rows, _ = read.standard(weights, chosen.symmetric)
    order = np.random.default_rng(seed).permutation(len(rows))
    logits = np.zeros((len(rows), task.n_outputs))
    for fold in np.array_split(order, min(FOLDS, len(rows))):
        others = np.setdiff1d(order, fold)
        if len(others):
            theirs = None if weights is None else weights[others]
            weight, bias = fit_linear(task, rows[others], targets[others], chosen.strength, theirs)
            logits[fold] = rows[fold] @ weight.T + bias
    return torch.as_tensor(logits)


class TrainedMeeting(nn.Module):
    """A meeting in training, over rows that are standardised as they spread at its start.

    Parameters
    ----------
    data
        Training pairs to take the spread from.
    start
        The meeting to start at.
    symmetric
        Whether differences are left out.
    deviation
        The standard deviation that they get.
    """

    def __init__(self, data: FitData, start: Meeting, symmetric: bool, deviation: float) -> None:
        super().__init__()
        self.text_mean = start.text_mean
        rows, (middle, scale) = PairRows.of(data, self.text_mean).standard(data.truth[1], symmetric)
        self.width = rows.shape[1]
        self.middle, self.scale = torch.as_tensor(middle), torch.as_tensor(scale / deviation)
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

    def __init__(self, data: FitData, task: Task, start: PairHead, chosen: PairChosen) -> None:
        super().__init__()
        self.task = task
        self.meeting = TrainedMeeting(data, start.parts[0], chosen.symmetric, TUNED_SPREAD)
        self.bias = nn.Parameter((start.bias + self.meeting.shift).float())

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(pair, output)``."""
        return self.meeting.rows(features) @ self.meeting.weight.T + self.bias

    def loss(self, features: TokenFeatures, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the task's loss of a batch."""
        del generator
        return self.task.loss(self.logits(features), *batch)

    def head(self) -> PairHead:
        """Return the head as it stands, of rows as they are."""
        meeting, shift = self.meeting.finished()
        return PairHead(self.bias.detach().double() + shift, [meeting])


def centred_means(data: FitData, spaces: ConceptSpaces | None = None) -> TextMean:
    """Return the reading of mean states, or of centroids in spaces, less what these are over all training texts.

    Both texts of a pair weigh what the pair weighs.
    """
    plain = TextMean(torch.zeros(()), spaces)
    each = torch.ones(len(data.train), dtype=torch.float64) if data.weights is None else data.weights
    with torch.no_grad():
        sums = [
            torch.einsum("n,n...->...", each[rows].repeat_interleave(2), plain.means(data.train.take(rows).halves()))
            for rows in text_chunks(data.train.lengths)
        ]
    return TextMean(torch.stack(sums).sum(0) / (2 * each.sum()), spaces)


def _rows(inputs: Inputs, text_mean: TextMean) -> Array:
    """Return all pairs' rows (`TextMean.rows`)."""
    with torch.no_grad():
        return torch.cat([text_mean.rows(inputs.take(rows)) for rows in text_chunks(inputs.lengths)]).numpy()


def _width(rows: Array, symmetric: bool) -> int:
    return rows.shape[1] * 2 // 3 if symmetric else rows.shape[1]


def _head(of_rows: Spread, weight: Array, bias: Array, text_mean: TextMean) -> PairHead:
    """Return the head of rows as they are, without a direction where none was fitted."""
    own, base = of_rows.folded(weight, bias)
    return PairHead(torch.as_tensor(base), [Meeting(text_mean, _weights(own, text_mean))])


def _weights(own: Array | Tensor, text_mean: TextMean) -> Tensor:
    """Return a meeting's weights of those of rows, ``(3, output, layer, width)``; 0 for differences where none are."""
    parts = torch.zeros(len(own), 3, *text_mean.mean.shape, dtype=torch.float64)
    parts.view(len(own), -1)[:, : own.shape[1]] = torch.as_tensor(own)
    return parts.transpose(0, 1)
