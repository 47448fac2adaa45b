"""What a task is: it turns labels into targets, logits into a loss, into scores, and back into labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from spacetune.data import LabelKind

__all__ = ["Task", "mean_loss", "named"]

Array = np.ndarray[Any, Any]


class Task(Protocol):
    """A kind of target."""

    monitor: str
    classes: tuple[Any, ...]
    weights: Array | None

    @property
    def kind(self) -> LabelKind:
        """``single``, ``multi`` or ``regression``."""
        ...

    @property
    def n_outputs(self) -> int:
        """Logits a text."""
        ...

    def targets(self, labels: Sequence[Any]) -> Tensor:
        """Turn labels into targets."""
        ...

    def prior(self, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the logits ``(output,)`` of the best guess that sees no text: where a bias should start."""
        ...

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over the texts of the loss of each, times its weight."""
        ...

    def labels(self, logits: Array) -> Any:
        """Turn logits back into labels: a class, a list of labels, or a number a text."""
        ...

    def settled(self, logits: Array, targets: Array, weights: Array | None = None) -> Task:
        """Return the task with what decisions need beside the logits chosen on these, which are dev's."""
        ...

    def scores(self, logits: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
        """Score logits against targets; a text counts by its weight."""
        ...

    def baseline(
        self, train: Array, test: Array, weights: Array | None = None, train_weights: Array | None = None
    ) -> dict[str, float]:
        """Score the best constant guess: the majority class, label set, or the mean; `weights` are those of `test`."""
        ...


def mean_loss(each: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean over the texts of each one's loss times its weight."""
    return (each if weights is None else each * weights.to(each)).mean()


def named(classes: Sequence[Any], most: int = 8) -> str:
    """Return the classes' names for a message, the first few of many."""
    names = ", ".join(repr(name) for name in classes[:most])
    return names + (f" and {len(classes) - most} more" if len(classes) > most else "")
