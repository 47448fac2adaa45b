r"""A linear path beside the spaces: the probe's logits, weighed against the head's on dev, in dimensions of the spaces.

Spaces see what a token is like, the probe what a text is like on the whole; which of the two an encoder's states need
more differs from encoder to encoder, and dev tells. No other head is needed for it: where tanh is straight,

.. math:: w h = \tfrac1\epsilon \tanh(\epsilon w h) + O(\epsilon^2),

so a probe is one more dimension of every class's space, and what a token adds to a logit stays an exact sum.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from spacetune.fitting.data import FitData
from spacetune.fitting.inputs import mean_rows
from spacetune.fitting.linear import choose_linear, fit_linear, spread
from spacetune.fitting.mixing import shares
from spacetune.fitting.tasks import Task
from spacetune.heads import SpaceHead

__all__ = ["LinearPath", "PathChosen", "fit_path", "learn_path"]

Array = np.ndarray[Any, Any]

LEAST = 0.05
"""Weight below which a probe is not worth its dimension."""

STEEPNESS = 0.005
"""By which the path's weights are made small, as a share of their length on standardised states."""


@dataclasses.dataclass(frozen=True)
class PathChosen:
    """What dev chose: the probe's inverse strength, what the head's logits keep, and what the probe's weigh."""

    strength: float
    share: float
    weight: float


@dataclasses.dataclass(frozen=True)
class LinearPath:
    """A probe worth having beside spaces.

    Parameters
    ----------
    weight
        ``(output, layer · dim)``, of a text's mean states as they are.
    bias
        ``(output,)``.
    chosen
        What dev chose.
    """

    weight: Array
    bias: Array
    chosen: PathChosen

    def beside(self, head: SpaceHead) -> SpaceHead:
        """Return the head with its logits' share, and one more dimension a space for the probe's."""
        spaces = head.spaces
        n_layers, n_spaces, n_latent, dim = spaces.operators.shape
        plain = torch.from_numpy(self.weight).unflatten(1, (n_layers, dim)).transpose(0, 1)  # (layer, output, dim)
        standard = plain * spaces.scale.double().unsqueeze(1)
        steep = STEEPNESS / standard.norm(dim=2).clamp(min=1e-12)
        operators = torch.cat(
            [spaces.operators.detach(), (standard * steep[..., None])[:, :, None].to(spaces.operators)], 2
        )
        read = torch.zeros(len(self.bias), n_layers, n_spaces, n_latent + 1).to(operators)
        read[..., :n_latent] = head.classifier.weight.detach().unflatten(1, (n_layers, n_spaces, n_latent))
        read *= self.chosen.share
        every = torch.arange(n_spaces)
        read[every, :, every, n_latent] = (self.chosen.weight / steep).T.to(operators)
        centre = spaces.mean.double().unsqueeze(1)  # standardised states have it taken off
        shift = torch.from_numpy(self.bias) + (plain * centre).sum((0, 2))
        wider = SpaceHead.blank(operators, len(self.bias))
        wider.spaces.standardise(spaces.mean, spaces.scale)
        with torch.no_grad():
            wider.spaces.operators.copy_(operators)
            wider.classifier.weight.copy_(read.flatten(1))
            wider.classifier.bias.copy_(self.chosen.share * head.classifier.bias + self.chosen.weight * shift)
        return wider.eval()


def fit_path(data: FitData, head_logits: Array, task: Task) -> LinearPath | None:
    r"""Fit the probe and weigh it against the head on dev.

    .. math:: \min_{a, b \ge 0} \sum_{dev} loss(a\,S + b\,P) + (a - 1)^2 + b^2

    S are the head's logits and P the probe's, which was fitted on the training texts alone. It stays where b is above
    0, and not by next to nothing.

    Parameters
    ----------
    data
        Features and targets.
    head_logits
        ``(dev text, output)``.
    task
        What is learnt.

    Returns
    -------
    LinearPath or None
        None where dev gives it no weight.
    """
    if not data.has_dev:
        return None
    (rows, mean, scale), dev_rows = _standardised(data), mean_rows(data.dev).numpy()
    parts = (rows, *data.truth), ((dev_rows - mean) / scale, *data.dev_truth)
    found = choose_linear(task, *parts)
    head, probe = torch.from_numpy(head_logits).double(), torch.from_numpy(found.dev_logits)
    a, b, _ = shares(head, probe, data, task)
    if b < LEAST:
        return None
    return _raw(mean, scale, found.weight, found.bias, PathChosen(found.strength, a, b))


def learn_path(data: FitData, task: Task, chosen: PathChosen) -> LinearPath:
    """Fit the probe from other texts, at the strength and the shares that were chosen before."""
    (rows, mean, scale), (targets, weights) = _standardised(data), data.truth
    return _raw(mean, scale, *fit_linear(task, rows, targets, chosen.strength, weights), chosen)


def _standardised(data: FitData) -> tuple[Array, Array, Array]:
    rows = mean_rows(data.train).numpy()
    mean, scale = spread(rows, data.truth[1])
    return (rows - mean) / scale, mean, scale


def _raw(mean: Array, scale: Array, weight: Array, bias: Array, chosen: PathChosen) -> LinearPath:
    own = weight / scale
    return LinearPath(own, np.asarray(bias - own @ mean), chosen)
