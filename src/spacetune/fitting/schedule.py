"""`Schedule`: how long and in what steps to train."""

from __future__ import annotations

import dataclasses
import math

import torch

__all__ = ["Schedule", "auto_schedule"]

SHORTEST_RUN = 300
"""Steps that a run without a named number of epochs has at least."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and in what steps to train.

    Parameters
    ----------
    n_examples
        Training texts.
    n_epochs
        Passes over them at most.
    batch_size
        Texts a step.
    warmup
        Share of all steps in which the learning rate rises to its full value; then it falls linearly to 0.
    patience
        Epochs without a better dev score after which to stop; None never stops early.
    monitor
        The dev score to watch; higher is better.
    seed
        Decides the order of the texts in every epoch.
    stop_after
        The epoch after which to stop, chosen before: nothing is scored on the way. None lets dev choose the epoch.
    """

    n_examples: int
    n_epochs: int
    batch_size: int
    warmup: float = 0.1
    patience: int | None = 4
    monitor: str = "macro_f1"
    seed: int = 0
    stop_after: int | None = None

    @property
    def last_epoch(self) -> int:
        """The epoch that training goes to at most."""
        return self.n_epochs if self.stop_after is None else min(self.stop_after, self.n_epochs)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one pass."""
        return math.ceil(self.n_examples / self.batch_size)

    def rate(self, step: int) -> float:
        """Return the learning rate at this step as a share of the full one."""
        total = self.steps_per_epoch * self.n_epochs
        rising = (step + 1) / max(1.0, self.warmup * total)
        falling = (total - step) / max(1.0, (1 - self.warmup) * total)
        return min(1.0, rising, falling)

    def for_share(self, share: float, least: int = 1) -> Schedule:
        """Return the same course up to this share of its epochs (and so many at least), without choosing."""
        return dataclasses.replace(self, stop_after=max(least, round(share * self.n_epochs)))

    def generator(self, epoch: int) -> torch.Generator:
        """Return the source of an epoch's randomness: the same however often training was resumed."""
        return torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % (1 << 63))


def auto_schedule(
    n_texts: int,
    n_epochs: int | None,
    batch_size: int | None,
    patience: int | None,
    monitor: str,
    seed: int,
    most_epochs: int | None = None,
) -> Schedule:
    """Fill in what the user left open.

    Batches of 64, smaller for few texts so that an epoch has at least 16 steps; 10 epochs, more for few texts
    so that a run has at least 300 steps, but no more than `most_epochs`. The choices are ours.
    """
    size = batch_size or max(4, min(64, n_texts // 16))
    steps = -(-n_texts // size)
    epochs = n_epochs or max(10, -(-SHORTEST_RUN // steps))
    if patience is not None and n_epochs is None:
        patience = max(patience, epochs // 4)
    if most_epochs is not None and not n_epochs:
        epochs = min(epochs, most_epochs)
    return Schedule(n_texts, epochs, size, patience=patience, monitor=monitor, seed=seed)
