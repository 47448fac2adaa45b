"""`Method`: what is learnt inside the encoder and on top of it, and how; before it has seen a text."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from spacetune.encoders import Encoder
from spacetune.errors import UsageError
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.data import FitData
from spacetune.fitting.learnt import Learnt
from spacetune.fitting.tasks import Task

__all__ = ["MANY", "Method", "Reading", "Run"]

Array = np.ndarray[Any, Any]

MANY = 2000
"""Texts from which on the automatic settings are those for many texts."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What a call of `fit` brings beside the texts.

    Parameters
    ----------
    task
        What is learnt.
    encoder
        The encoder; None where ready embeddings are read.
    checkpoint
        Saved to after every epoch, and gone on from.
    progress
        Whether to show bars.
    """

    task: Task
    encoder: Encoder | None = None
    checkpoint: Checkpoint | None = None
    progress: bool | None = None


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a method reads texts.

    Parameters
    ----------
    windows
        Whether a long text is read window by window; else what is over the first is cut off.
    every_step
        Whether texts go through the encoder in every step, since something is learnt inside all of it.
    apart
        Whether the two texts of a pair are read apart.
    top
        Layers that are trained over stored states of those below: a number, or a share of all; None trains none.
    """

    windows: bool
    every_step: bool = False
    apart: bool = False
    top: int | float | None = None

    def above(self, n_layers: int) -> int | None:
        """Return the last frozen layer of an encoder of so many; None where none above it are trained.

        >>> Reading(windows=False, top=2).above(6), Reading(windows=False, top=2 / 3).above(6)
        (4, 2)

        Raises
        ------
        UsageError
            If there are not so many.
        """
        if self.top is None:
            return None
        count = self.top if isinstance(self.top, int) else max(1, round(self.top * n_layers))
        if count > n_layers:
            raise UsageError(f"inside_size must be at most {n_layers}, the encoder's layers, got {count}")
        return n_layers - count


@dataclasses.dataclass(frozen=True)
class Method(abc.ABC):
    """A way to learn; its fields are the settings that it has in common with its estimators."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Take those of an estimator's settings that are this method's."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in names})

    @property
    @abc.abstractmethod
    def reading(self) -> Reading:
        """How texts are read."""

    @abc.abstractmethod
    def learns_again(self, n_texts: int) -> bool:
        """Tell whether a fit learns in the end from the part too that it set aside to choose by."""

    @abc.abstractmethod
    def conflict(self) -> str | None:
        """Say which settings do not go together, if some do not."""

    @abc.abstractmethod
    def learn(self, data: FitData, run: Run) -> tuple[Learnt, Array]:
        """Learn from the training part and choose by dev; return what was learnt, and dev's logits."""

    @abc.abstractmethod
    def learn_again(self, data: FitData, run: Run, before: Learnt) -> Learnt:
        """Learn from all texts, which are dev too, with the choices that were made before."""
