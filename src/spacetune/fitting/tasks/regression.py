"""A number a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.data import LabelKind
from spacetune.errors import DataError
from spacetune.fitting.scores import regression_scores
from spacetune.fitting.tasks.task import mean_loss

__all__ = ["Regression"]

Array = np.ndarray[Any, Any]


class Regression:
    """A number a text: squared error on standardised targets."""

    kind: LabelKind = "regression"
    monitor = "r2"
    classes: tuple[Any, ...] = ("value",)
    weights: Array | None = None
    n_outputs = 1

    def __init__(self, mean: float, scale: float) -> None:
        self.mean = mean
        self.scale = scale

    @classmethod
    def of(cls, labels: Sequence[Any], weights: Array | None = None) -> Regression:
        """Standardise by these labels."""
        values = np.asarray(labels, dtype=np.float64)
        mean = np.average(values, weights=weights)
        apart = values - mean
        scale = float(np.sqrt(np.average(apart**2, weights=weights)))
        if not scale and (size := float(np.abs(apart).max())):  # squares of the smallest numbers are 0
            scale = size * float(np.sqrt(np.average((apart / size) ** 2, weights=weights)))
        return cls(float(mean), scale or 1.0)

    def targets(self, labels: Sequence[Any]) -> Tensor:
        """Return the numbers, ``(text,)`` in float64.

        Raises
        ------
        DataError
            If a label is not a number.
        """
        try:
            return torch.as_tensor(np.asarray(labels, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise DataError(f"labels must be numbers, since the model predicts a number: {error}") from error

    def prior(self, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return 0: standardised numbers have mean 0."""
        return torch.zeros(1)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean squared error of the standardised numbers."""
        return mean_loss((logits.squeeze(1) - ((targets - self.mean) / self.scale).to(logits)).square(), weights)

    def labels(self, logits: Array) -> Array:
        """Return predictions in the labels' own units, ``(text,)``."""
        return logits[:, 0].astype(np.float64) * self.scale + self.mean  # a mean may be far larger than the spread

    def settled(self, logits: Array, targets: Array, weights: Array | None = None) -> Regression:
        """Return the task itself: decisions need nothing beside the logits."""
        del logits, targets, weights
        return self

    def scores(self, logits: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
        """Return R², correlations and mean absolute error."""
        return regression_scores(targets, self.labels(logits), weights)

    def baseline(
        self, train: Array, test: Array, weights: Array | None = None, train_weights: Array | None = None
    ) -> dict[str, float]:
        """Score the training set's mean."""
        return regression_scores(test, np.full(len(test), np.average(train, weights=train_weights)), weights)
