"""Heads that are averages: of runs from one start in other orders (a soup), and of the epochs of one run (SWA)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spacetune import SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.fitting import SingleLabel
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.data import FitData
from spacetune.fitting.loop import fit_parameters
from spacetune.fitting.reading import logits_of
from spacetune.fitting.schedule import auto_schedule
from spacetune.fitting.spaces import HeadSettings, head_loss, new_heads, starts_of
from spacetune.heads import SpaceHead

State = dict[str, Tensor]
WIDTH, FEW, MANY = 16, 1e-3, 3e-3
"""What `SpaceClassifier` takes for a space's width, and for the rate below and from 2,000 texts on."""


def trained(data: FitData, classes: Sequence[object], start: int, order: int) -> tuple[SpaceHead, list[State]]:
    """Train a head from one seed's start, in the order of another; return it, and its parameters after every epoch."""
    chosen = SpaceClassifier().get_params()
    task = SingleLabel(classes, label_smoothing=chosen["label_smoothing"])
    rate = FEW if len(data.train) < 2000 else MANY
    settings = HeadSettings(WIDTH, 0.0, 0.0, "labelled", chosen["dropout"], rate, chosen["weight_decay"], start)
    schedule = auto_schedule(len(data.train), None, None, chosen["patience"], task.monitor, order)
    [head] = new_heads(data.train, task.prior(data.targets), starts_of([settings]))
    epochs: list[State] = []

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        features: TokenFeatures = data.train.take(rows)
        return [head_loss(head, head.centroids(features), features, data.batch(rows), task, settings, generator)]

    def validate() -> list[dict[str, float]]:
        epochs.append({name: p.detach().clone() for name, p in head.named_parameters()})
        return [task.scores(logits_of(head, data.dev).astype(float), *data.dev_truth)]

    fit_parameters([Candidate(head, rate, settings.weight_decay)], schedule, losses=losses, validate=validate)
    return head, epochs


def average(head: SpaceHead, states: Sequence[State]) -> SpaceHead:
    """Put the mean of these parameters into the head."""
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            parameter.copy_(torch.stack([state[name] for state in states]).mean(0))
    return head
