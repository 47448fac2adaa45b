"""What happened in training, epoch by epoch."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, Self

from spacetune.errors import counted
from spacetune.results import RecordResult, TableResult

__all__ = ["Epoch", "History"]


@dataclasses.dataclass(frozen=True)
class Epoch(RecordResult):
    """One pass over the training texts: mean loss, scores on dev afterwards, seconds since the start."""

    epoch: int
    loss: float
    scores: dict[str, float]
    seconds: float

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote; a missing loss (of epoch 0) is NaN again."""
        loss = math.nan if told["loss"] is None else told["loss"]
        return cls(told["epoch"], loss, told["scores"], told["seconds"])


@dataclasses.dataclass(frozen=True)
class History(TableResult):
    """All epochs of one fit, which one was kept, and why it ended.

    Parameters
    ----------
    epochs
        In order, counted from 1; an epoch 0, where there is one, is the start, which has no loss.
    best_epoch
        The epoch whose parameters were kept.
    monitor
        The dev score that chose it; higher is better.
    ended
        ``finished`` all epochs, ``early`` because dev stopped improving, or ``interrupted`` by Ctrl-C.
    """

    epochs: tuple[Epoch, ...]
    best_epoch: int
    monitor: str
    ended: Literal["finished", "early", "interrupted"]

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        epochs = tuple(Epoch.from_dict(epoch) for epoch in told["epochs"])
        return cls(epochs, told["best_epoch"], told["monitor"], told["ended"])

    def rows(self) -> list[dict[str, Any]]:
        """Return one row an epoch, scores as columns."""
        return [
            {
                "epoch": e.epoch,
                "loss": e.loss,
                **e.scores,
                "seconds": e.seconds,
                "kept": e.epoch == self.best_epoch,
            }
            for e in self.epochs
        ]

    def __str__(self) -> str:
        best = next((e for e in self.epochs if e.epoch == self.best_epoch), None)
        score = f"{self.monitor} {best.scores[self.monitor]:.4f}" if best else "no epoch"
        count = sum(e.epoch > 0 for e in self.epochs)
        return f"{counted(count, 'epoch')}, kept epoch {self.best_epoch} ({score} on dev), {self.ended}"
