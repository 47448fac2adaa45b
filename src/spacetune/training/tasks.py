"""What is being learnt: one class a text, several labels a text, or a number.

A task turns labels into targets, logits into a loss, into scores, and back into labels.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from numbers import Real
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import log_softmax
from torch import Tensor

from spacetune.data import LabelKind, is_indicator
from spacetune.errors import DataError, UsageError, name_rows
from spacetune.training.scores import classification_scores, multilabel_scores, regression_scores

__all__ = ["MultiLabel", "Regression", "SingleLabel", "Task", "best_threshold", "class_weights"]

Array = np.ndarray[Any, Any]


class Task(Protocol):
    """A kind of target."""

    monitor: str
    classes: tuple[Any, ...]

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

    def prior(self, targets: Tensor) -> Tensor:
        """Return the logits ``(output,)`` of the best guess that sees no text: where a bias should start."""
        ...

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss."""
        ...

    def settled(self, logits: Array, targets: Array) -> Task:
        """Return the task with what decisions need beside the logits chosen on these, which are dev's."""
        ...

    def scores(self, logits: Array, targets: Array) -> dict[str, float]:
        """Score logits against targets."""
        ...

    def baseline(self, train: Array, test: Array) -> dict[str, float]:
        """Score the best constant guess: the majority class, label set, or the mean."""
        ...


def class_weights(counts: Array, choice: str | dict[Any, float] | None, classes: Sequence[Any]) -> Tensor | None:
    """Return one weight a class: None, ``balanced`` (``n / (C · n_c)``, as scikit-learn), or the user's own.

    The user's own are scaled so that the training texts weigh 1 on average.
    """
    if choice is None:
        return None
    if isinstance(choice, str) and choice == "balanced":
        return torch.as_tensor(counts.sum() / (len(counts) * np.maximum(counts, 1)), dtype=torch.float32)
    if not isinstance(choice, dict):
        raise UsageError(f"class_weight must be None, 'balanced' or a dict from class to weight, got {choice!r}")
    unknown = [name for name in choice if name not in classes]
    if unknown:
        raise DataError(f"class_weight names {unknown[0]!r}; the classes are {_shown(classes)}")
    for name, weight in choice.items():
        if not isinstance(weight, Real) or not 0 <= weight < math.inf:
            raise UsageError(f"class_weight must hold finite numbers of at least 0; {name!r} has {weight!r}")
    given = np.array([float(choice.get(name, 1.0)) for name in classes])
    if not (counts * given).sum():
        raise UsageError("class_weight must be above 0 for at least one class that has texts")
    return torch.as_tensor(given * counts.sum() / (counts * given).sum(), dtype=torch.float32)


class SingleLabel:
    """One class a text: softmax and cross-entropy."""

    kind: LabelKind = "single"

    def __init__(
        self,
        classes: Sequence[Any],
        weights: Tensor | None = None,
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
            raise DataError(
                f"label {label!r} ({type(label).__name__}) was not among the training labels, "
                f"{len(unseen)} times ({name_rows(unseen)}); the classes are {_shown(self.classes)}"
            )
        return torch.tensor([self._number[label] for label in rows])

    def prior(self, targets: Tensor) -> Tensor:
        """Return the logarithms of the classes' weighted shares, centred."""
        shares = torch.bincount(targets, minlength=self.n_outputs).clamp(min=0.5).float()
        logs = torch.log(shares if self.weights is None else shares * self.weights)
        return logs - logs.mean()

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return cross-entropy with label smoothing; a text weighs what its class weighs."""
        each = F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing, reduction="none")
        return each.mean() if self.weights is None else (each * self.weights.to(logits)[targets]).mean()

    def settled(self, logits: Array, targets: Array) -> SingleLabel:
        """Return the task itself: decisions need nothing beside the logits."""
        del logits, targets
        return self

    def scores(self, logits: Array, targets: Array) -> dict[str, float]:
        """Return accuracy and macro-F1 of the strongest class, and the negative (weighted) log loss."""
        each = log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
        weighted = each if self.weights is None else each * self.weights.numpy()[targets]
        return {**classification_scores(targets, logits.argmax(1)), "neg_log_loss": float(weighted.mean())}

    def baseline(self, train: Array, test: Array) -> dict[str, float]:
        """Score the training set's majority class."""
        majority = np.bincount(train, minlength=self.n_outputs).argmax()
        return classification_scores(test, np.full(len(test), majority))


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
        weights: Tensor | None = None,
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
                f"({name_rows(single)}, {rows[single[0] - 1]!r:.80}); give a list of labels a text"
            )
        unseen = [i + 1 for i, row in enumerate(rows) if any(name not in self._number for name in row)]
        if unseen:
            name = next(n for n in rows[unseen[0] - 1] if n not in self._number)
            raise DataError(
                f"label {name!r} was not among the training labels ({name_rows(unseen)}); "
                f"they are {_shown(self.classes)}"
            )
        targets = torch.zeros(len(rows), self.n_outputs)
        for i, row in enumerate(rows):
            targets[i, [self._number[name] for name in row]] = 1
        return targets

    def _of_indicator(self, rows: Array) -> Tensor:
        if rows.shape[1] != self.n_outputs:
            raise DataError(f"labels have {rows.shape[1]} columns, and the model was fitted on {self.n_outputs} labels")
        if not np.isin(rows, (0, 1)).all():
            raise DataError("labels in columns must be 0 and 1 alone, one column a label")
        return torch.as_tensor(rows.astype(np.float32))

    def prior(self, targets: Tensor) -> Tensor:
        """Return the log-odds of every label."""
        positive, count = targets.sum(0), len(targets)
        return torch.log((positive + 0.5) / (count - positive + 0.5))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return binary cross-entropy, summed over labels so that its scale is a class decision's."""
        weights = None if self.weights is None else self.weights.to(logits)
        each = F.binary_cross_entropy_with_logits(
            logits, targets.to(logits.dtype), reduction="none", pos_weight=weights
        )
        return each.sum(1).mean()

    def scores(self, logits: Array, targets: Array) -> dict[str, float]:
        """Return macro-F1, micro-F1 and subset accuracy at the threshold, else at the one best for macro-F1 here."""
        return multilabel_scores(targets, self.decided(logits, targets))

    def decided(self, logits: Array, targets: Array) -> Array:
        """Return zeros and ones ``(text, label)`` at that threshold."""
        threshold = best_threshold(logits, targets) if self.threshold is None else self.threshold
        return (logits >= threshold).astype(targets.dtype)

    def settled(self, logits: Array, targets: Array) -> MultiLabel:
        """Return the task with the threshold that is best for macro-F1 on these."""
        return MultiLabel(self.classes, self.weights, best_threshold(logits, targets), indicator=self.indicator)

    def baseline(self, train: Array, test: Array) -> dict[str, float]:
        """Score the training set's most frequent label set."""
        sets, counts = np.unique(train, axis=0, return_counts=True)
        return multilabel_scores(test, np.tile(sets[counts.argmax()], (len(test), 1)))


class Regression:
    """A number a text: squared error on standardised targets."""

    kind: LabelKind = "regression"
    monitor = "r2"
    classes: tuple[Any, ...] = ("value",)
    n_outputs = 1

    def __init__(self, mean: float, scale: float) -> None:
        self.mean = mean
        self.scale = scale

    @classmethod
    def of(cls, labels: Sequence[Any]) -> Regression:
        """Standardise by these labels."""
        values = np.asarray(labels, dtype=np.float64)
        return cls(float(values.mean()), float(values.std()) or 1.0)

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

    def prior(self, targets: Tensor) -> Tensor:
        """Return 0: standardised numbers have mean 0."""
        return torch.zeros(1)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error of the standardised numbers."""
        return F.mse_loss(logits.squeeze(1), ((targets - self.mean) / self.scale).to(logits.dtype))

    def values(self, logits: Array) -> Array:
        """Return predictions in the labels' own units, ``(text,)``."""
        return logits[:, 0] * self.scale + self.mean

    def settled(self, logits: Array, targets: Array) -> Regression:
        """Return the task itself: decisions need nothing beside the logits."""
        del logits, targets
        return self

    def scores(self, logits: Array, targets: Array) -> dict[str, float]:
        """Return R², correlations and mean absolute error."""
        return regression_scores(targets, self.values(logits))

    def baseline(self, train: Array, test: Array) -> dict[str, float]:
        """Score the training set's mean."""
        return regression_scores(test, np.full(len(test), train.mean()))


def best_threshold(logits: Array, targets: Array) -> float:
    """Return the one logit threshold for all labels with the best macro-F1, among 60 quantiles of the logits and 0."""
    candidates = np.unique(np.append(np.quantile(logits, np.linspace(0.5, 0.995, 60)), 0.0))
    positive = targets.astype(bool)
    best = max(candidates, key=lambda t: _macro_f1(logits >= t, positive))
    return float(best)


def _macro_f1(predicted: Array, true: Array) -> float:
    hits = (predicted & true).sum(0)
    return float(np.mean(2 * hits / np.maximum(predicted.sum(0) + true.sum(0), 1)))


def _shown(classes: Sequence[Any], most: int = 8) -> str:
    names = ", ".join(repr(name) for name in classes[:most])
    return names + (f" and {len(classes) - most} more" if len(classes) > most else "")
