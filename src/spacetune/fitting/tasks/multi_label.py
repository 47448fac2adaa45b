"""Any number of labels a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.data import LabelKind, is_indicator
from spacetune.errors import DataError, name_rows
from spacetune.fitting.scores import multilabel_scores
from spacetune.fitting.tasks.task import mean_loss, named

__all__ = ["MultiLabel", "best_threshold"]

Array = np.ndarray[Any, Any]


class MultiLabel:
    """Any number of labels a text: one sigmoid a label and binary cross-entropy.

    Parameters
    ----------
    classes
        The labels' names.
    weights
        One weight a label.
    threshold
        Logit above which a label is given; None is the best for macro-F1 on what is scored, as suits dev data only.
    indicator
        Whether labels come as lists of 0 and 1, one a label, instead of as lists of names.
    """

    kind: LabelKind = "multi"
    monitor = "macro_f1"

    def __init__(
        self,
        classes: Sequence[Any],
        weights: Array | None = None,
        threshold: float | None = None,
        *,
        indicator: bool = False,
    ) -> None:
        self.classes = tuple(classes)
        self.weights = weights
        self.threshold = threshold
        self.indicator = indicator
        self._number = {name: i for i, name in enumerate(self.classes)}

    @property
    def n_outputs(self) -> int:
        """One logit a label."""
        return len(self.classes)

    def targets(self, labels: Any) -> Tensor:
        """Return zeros and ones ``(text, label)`` of label sets, or of an indicator (an array, or a sparse matrix).

        Raises
        ------
        DataError
            If a label is none of the training labels, or labels are neither; rows are named.
        """
        rows: Any = labels.toarray() if hasattr(labels, "toarray") else labels
        if getattr(rows, "ndim", 1) == 2 or (self.indicator and is_indicator(rows)):
            return self._of_indicator(np.asarray(rows))
        single = [i + 1 for i, row in enumerate(rows) if not isinstance(row, list | tuple | set | frozenset)]
        if single:
            raise DataError(
                f"this model gives every text a set of labels, and {len(single)} labels are no lists "
                f"({name_rows(single)}, {rows[single[0] - 1]!r:.80}); give one list of labels per text"
            )
        unseen = [i + 1 for i, row in enumerate(rows) if any(name not in self._number for name in row)]
        if unseen:
            name = next(n for n in rows[unseen[0] - 1] if n not in self._number)
            raise DataError(
                f"label {name!r} was not among the training labels ({name_rows(unseen)}); "
                f"they are {named(self.classes)}"
            )
        targets = torch.zeros(len(rows), self.n_outputs)
        for i, row in enumerate(rows):
            targets[i, [self._number[name] for name in row]] = 1
        return targets

    def _of_indicator(self, rows: Array) -> Tensor:
        if rows.shape[1] != self.n_outputs:
            raise DataError(f"labels have {rows.shape[1]} columns, and the model was fitted on {self.n_outputs} labels")
        if not np.isin(rows, (0, 1)).all():
            raise DataError("labels in columns must be 0 and 1 alone, one column per label")
        return torch.as_tensor(rows.astype(np.float32))

    def prior(self, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the log-odds of every label."""
        each = targets.new_ones(len(targets)) if weights is None else weights.to(targets)
        positive, count = each @ targets, each.sum()
        return torch.log((positive + 0.5) / (count - positive + 0.5))

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return binary cross-entropy, summed over labels so that its scale is a class decision's."""
        own = None if self.weights is None else torch.as_tensor(self.weights).to(logits)
        each = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none", pos_weight=own)
        return mean_loss(each.sum(1), weights)

    def scores(self, logits: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
        """Return macro-F1, micro-F1 and subset accuracy at the threshold, else at the one best for macro-F1 here."""
        return multilabel_scores(targets, self.decided(logits, targets, weights), weights)

    def decided(self, logits: Array, targets: Array, weights: Array | None = None) -> Array:
        """Return zeros and ones ``(text, label)`` at that threshold."""
        threshold = best_threshold(logits, targets, weights) if self.threshold is None else self.threshold
        return (logits >= threshold).astype(targets.dtype)

    def labels(self, logits: Array) -> list[list[Any]]:
        """Return the labels of every text: those whose logit reaches the threshold."""
        return self.names(self.carried(logits))

    def carried(self, logits: Array) -> Array:
        """Tell which labels every text carries, ``(text, label)``.

        >>> MultiLabel((0, 1), threshold=0.5).carried(np.array([[1.0, 0.0]])).tolist()
        [[True, False]]
        """
        return logits >= (self.threshold or 0.0)

    def names(self, carried: Array) -> list[list[Any]]:
        """Return the names of the labels that every text carries, ``(text, label)``."""
        classes = np.asarray(list(self.classes))
        return [classes[row].tolist() for row in carried]

    def plain(self) -> MultiLabel:
        """Return the same labels and threshold without what served the training: weights."""
        return MultiLabel(self.classes, threshold=self.threshold, indicator=self.indicator)

    def settled(self, logits: Array, targets: Array, weights: Array | None = None) -> MultiLabel:
        """Return the task with the threshold that is best for macro-F1 on these."""
        threshold = best_threshold(logits, targets, weights)
        return MultiLabel(self.classes, self.weights, threshold, indicator=self.indicator)

    def baseline(
        self, train: Array, test: Array, weights: Array | None = None, train_weights: Array | None = None
    ) -> dict[str, float]:
        """Score the training set's most frequent label set."""
        sets, place = np.unique(train, axis=0, return_inverse=True)
        counts = np.bincount(place, train_weights)
        return multilabel_scores(test, np.tile(sets[counts.argmax()], (len(test), 1)), weights)


def best_threshold(logits: Array, targets: Array, weights: Array | None = None) -> float:
    """Return the one logit threshold for all labels with the best macro-F1, among 60 quantiles of the logits and 0."""
    candidates = np.unique(np.append(np.quantile(logits, np.linspace(0.5, 0.995, 60)), 0.0))
    positive = targets.astype(bool)
    each = np.ones(len(targets)) if weights is None else weights
    best = max(candidates, key=lambda t: _macro_f1(logits >= t, positive, each))
    return float(best)


def _macro_f1(predicted: Array, true: Array, weights: Array) -> float:
    hits, given, carried = (weights @ found for found in (predicted & true, predicted, true))
    return float(np.mean(2 * hits / np.where(given + carried > 0, given + carried, 1)))
