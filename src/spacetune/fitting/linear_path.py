r"""A linear path beside the spaces: the probe's logits, weighed against the head's on dev, in dimensions of the spaces.

Spaces see what a token is like, the probe what a text is like on the whole; which of the two an encoder's states need
more differs from encoder to encoder, and dev tells. No other head is needed for it: where tanh is straight,

.. math:: w h = \tfrac1\epsilon \tanh(\epsilon w h) + O(\epsilon^2),

so a probe is one more dimension of every class's space, and what a token adds to a logit stays an exact sum.
"""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from spacetune.fitting.data import FitData
from spacetune.fitting.mean_probe import choose_probe, learn_probe
from spacetune.fitting.mixing import shares
from spacetune.fitting.tasks import Task
from spacetune.heads import LinearHead, SpaceHead

__all__ = ["LinearPath", "PathChosen", "fit_path", "learn_path"]

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
    probe
        Of a text's mean states as they are.
    chosen
        What dev chose.
    """

    probe: LinearHead
    chosen: PathChosen

    def beside(self, head: SpaceHead) -> SpaceHead:
        """Return the head with its logits' share, and one more dimension a space for the probe's."""
        spaces = head.spaces
        n_layers, n_spaces, n_latent, dim = spaces.operators.shape
        plain = self.probe.weight.unflatten(1, (n_layers, dim)).transpose(0, 1)  # (layer, output, dim)
        standard = plain * spaces.scale.double().unsqueeze(1)
        steep = STEEPNESS / standard.norm(dim=2).clamp(min=1e-12)
        operators = torch.cat(
            [spaces.operators.detach(), (standard * steep[..., None])[:, :, None].to(spaces.operators)], 2
        )
        read = torch.zeros(len(self.probe.bias), n_layers, n_spaces, n_latent + 1).to(operators)
        read[..., :n_latent] = head.classifier.weight.detach().unflatten(1, (n_layers, n_spaces, n_latent))
        read *= self.chosen.share
        every = torch.arange(n_spaces)
        read[every, :, every, n_latent] = (self.chosen.weight / steep).T.to(operators)
        centre = spaces.mean.double().unsqueeze(1)  # standardised states have it taken off
        shift = self.probe.bias + (plain * centre).sum((0, 2))
        wider = SpaceHead.blank(operators, len(self.probe.bias))
        wider.spaces.standardise(spaces.mean, spaces.scale)
        with torch.no_grad():
            wider.spaces.operators.copy_(operators)
            wider.classifier.weight.copy_(read.flatten(1))
            wider.classifier.bias.copy_(self.chosen.share * head.classifier.bias + self.chosen.weight * shift)
        return wider.eval()


def fit_path(data: FitData, head_logits: Tensor, task: Task) -> LinearPath | None:
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
    found = choose_probe(data, task)
    a, b, _ = shares(head_logits.double(), torch.as_tensor(found.dev_logits), data, task)
    return LinearPath(found.head, PathChosen(found.strength, a, b)) if b >= LEAST else None


def learn_path(data: FitData, task: Task, chosen: PathChosen) -> LinearPath:
    """Fit the probe from other texts, at the strength and the shares that were chosen before."""
    return LinearPath(learn_probe(data, task, chosen.strength), chosen)
