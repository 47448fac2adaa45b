"""One class a text."""

# The types of torch, NumPy and SciPy are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import log_softmax
from torch import Tensor

from spacetune.data import LabelKind
from spacetune.errors import DataError, counted, name_rows
from spacetune.fitting.scores import classification_scores
from spacetune.fitting.tasks.task import mean_loss, named

__all__ = ["SingleLabel"]

Array = np.ndarray[Any, Any]


class SingleLabel:
    """One class a text: softmax and cross-entropy."""

    kind: LabelKind = "single"

    def __init__(
        self,
        classes: Sequence[Any],
        weights: Array | None = None,
        label_smoothing: float = 0.0,
        monitor: str = "macro_f1",
    ) -> None:
        self.classes = tuple(classes)
        self.weights = weights
        self.label_smoothing = label_smoothing
        self.monitor = monitor
        self._number = {name: i for i, name in enumerate(self.classes)}

    @property
    def n_outputs(self) -> int:
        """One logit a class."""
        return len(self.classes)

    def targets(self, labels: Sequence[Any]) -> Tensor:
        """Return class numbers ``(text,)``.

        Raises
        ------
        DataError
            If a label is none of the classes; rows are named.
        """
        rows = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
        unseen = [i + 1 for i, label in enumerate(rows) if not isinstance(label, Hashable) or label not in self._number]
        if unseen:
            label = rows[unseen[0] - 1]
            its = [row for row in unseen if rows[row - 1] == label]
            others = len(unseen) - len(its)
            also = f", nor were those of {counted(others, 'other row')}" if others else ""
            raise DataError(
                f"label {label!r} ({type(label).__name__}) was not among the training labels, "
                f"{counted(len(its), 'time')} ({name_rows(its)}){also}; the classes are {named(self.classes)}"
            )
        return torch.tensor([self._number[label] for label in rows])

    def prior(self, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the logarithms of the classes' weighted shares, centred."""
        shares = torch.bincount(targets, weights, minlength=self.n_outputs).clamp(min=0.5).float()
        logs = torch.log(shares if self.weights is None else shares * torch.as_tensor(self.weights))
        return logs - logs.mean()

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return cross-entropy with label smoothing; a text's weight is multiplied by that of its class."""
        each = F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing, reduction="none")
        if self.weights is not None:
            each = each * torch.as_tensor(self.weights).to(logits)[targets]
        return mean_loss(each, weights)

    def labels(self, logits: Array) -> Array:
        """Return the strongest class of every text."""
        return np.asarray(list(self.classes))[logits.argmax(1)]

    def plain(self) -> SingleLabel:
        """Return the same classes without what served the training: weights and smoothing."""
        return SingleLabel(self.classes)

    def settled(self, logits: Array, targets: Array, weights: Array | None = None) -> SingleLabel:
        """Return the task itself: decisions need nothing beside the logits."""
        del logits, targets, weights
        return self

    def scores(self, logits: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
        """Return accuracy and macro-F1 of the strongest class, and the negative (weighted) log loss."""
        each = log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
        weighted = each if self.weights is None else each * self.weights[targets]
        log_loss = float(np.average(weighted, weights=weights))
        return {**classification_scores(targets, logits.argmax(1), weights), "neg_log_loss": log_loss}

    def baseline(
        self, train: Array, test: Array, weights: Array | None = None, train_weights: Array | None = None
    ) -> dict[str, float]:
        """Score the training set's majority class."""
        majority = np.bincount(train, train_weights, minlength=self.n_outputs).argmax()
        return classification_scores(test, np.full(len(test), majority), weights)
