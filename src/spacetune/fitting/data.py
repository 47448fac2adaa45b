"""What a fit learns from and is chosen by: dev texts given, or a part of the training texts set aside."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.data import LabelledTexts, label_kind, normalised, split_dev
from spacetune.encoders import as_given, as_inputs, holds_texts
from spacetune.errors import DataError, UsageError, counted
from spacetune.fitting.inputs import Inputs
from spacetune.fitting.tasks import Task

__all__ = ["Batch", "DevTexts", "FitData", "Split", "dev_texts", "split_texts", "text_keys"]

ITSELF = "the training texts themselves"
"""How the note on dev begins where it is no part of its own."""

Array = np.ndarray[Any, Any]
Batch = tuple[Tensor, Tensor | None]
"""Targets of some texts, and their weights; None where all weigh alike."""


@dataclasses.dataclass(frozen=True)
class FitData:
    """What is read, its targets, and what every text weighs (None: all alike): to train on, and to choose by."""

    train: Inputs
    targets: Tensor
    dev: Inputs
    dev_targets: Tensor
    weights: Tensor | None = None
    dev_weights: Tensor | None = None

    @classmethod
    def whole(cls, inputs: Inputs, targets: Tensor, weights: Tensor | None = None) -> FitData:
        """Return data whose training texts are dev too."""
        return cls(inputs, targets, inputs, targets, weights, weights)

    @property
    def has_dev(self) -> bool:
        """Whether dev is apart from the training texts."""
        return self.train is not self.dev

    def batch(self, rows: Tensor) -> Batch:
        """Return targets of some training texts, and their weights, which are 1 on average over all of them."""
        weights = _even(self.weights)
        return self.targets[rows], None if weights is None else weights[rows]

    @property
    def dev_batch(self) -> Batch:
        """Targets of the dev texts, and their weights, likewise."""
        return self.dev_targets, _even(self.dev_weights)

    def prior(self, task: Task) -> Tensor:
        """Return a task's best guess without a text, ``(output,)``; the size of the weights does not count."""
        return task.prior(self.targets, _even(self.weights))

    @property
    def truth(self) -> tuple[Array, Array | None]:
        """Targets and weights of the training texts, for linear models."""
        return self.targets.numpy(), _array(self.weights)

    @property
    def dev_truth(self) -> tuple[Array, Array | None]:
        """Targets and weights of the dev texts, for scores."""
        return self.dev_targets.numpy(), _array(self.dev_weights)


def _even(weights: Tensor | None) -> Tensor | None:
    return None if weights is None else weights / weights.mean()


def _array(weights: Tensor | None) -> Array | None:
    return None if weights is None else weights.numpy()


@dataclasses.dataclass(frozen=True)
class DevTexts:
    """Texts to choose by, their labels, where they come from in a few words, and what each counts for."""

    texts: Any
    labels: Sequence[Any]
    note: str
    weights: Array | None = None


@dataclasses.dataclass(frozen=True)
class Split:
    """Which rows train, which are set aside as dev (none where all are dev), and why."""

    train: np.ndarray[Any, Any]
    dev: np.ndarray[Any, Any]
    note: str

    def divide(self, inputs: Inputs, targets: Tensor, weights: Tensor | None = None) -> FitData:
        """Return the two parts of what is read; where none is set aside both are everything."""
        if not len(self.dev):
            return FitData.whole(inputs, targets, weights)
        rows, held = torch.as_tensor(self.train), torch.as_tensor(self.dev)
        of_train, of_dev = (None if weights is None else weights[part] for part in (rows, held))
        return FitData(inputs.part(rows), targets[rows], inputs.part(held), targets[held], of_train, of_dev)


def dev_texts(dev: Any) -> DevTexts:
    """Take dev data as `LabelledTexts` or as a pair (texts, labels).

    Raises
    ------
    UsageError
        If it is neither, or has no labels.
    DataError
        If its labels are not one a text.
    """
    if isinstance(dev, DevTexts):
        return dev
    if isinstance(dev, LabelledTexts):
        if dev.labels is None:
            raise UsageError("the dev texts carry no labels")
        return DevTexts(dev.inputs, dev.labels, f"given ({counted(len(dev.labels), 'text')})", dev.weights)
    if not isinstance(dev, tuple | list) or len(dev) != 2:
        raise UsageError(f"dev must be LabelledTexts or a pair (texts, labels), got {dev!r:.80}")
    texts, labels = as_given(dev[0]), dev[1].toarray() if hasattr(dev[1], "toarray") else dev[1]
    if not hasattr(texts, "__len__") or not hasattr(labels, "__len__"):
        raise UsageError(f"dev must be LabelledTexts or a pair (texts, labels), got {dev!r:.80}")
    if len(texts) != len(labels) or not len(texts):
        raise DataError(f"dev needs texts, and one label per text: {len(texts)} texts, {len(labels)} labels")
    return DevTexts(texts, labels, f"given ({counted(len(labels), 'text')})")


def split_texts(texts: Any, labels: Sequence[Any], fraction: float, seed: int) -> Split:
    """Choose which rows train and which are set aside as dev, equal texts together; of classes in their shares.

    No row is set aside where the texts are too few: then all of them are dev.
    """
    everything, none = np.arange(len(labels)), np.zeros(0, dtype=int)
    keys = text_keys(texts) if holds_texts(texts) else list(range(len(labels)))
    train, held = split_dev(labels, keys, fraction, seed)
    if len(held) < 2:
        return Split(everything, none, f"{ITSELF}: too few of {len(labels)} can be set aside")
    how = "stratified" if label_kind(labels) == "single" else "at random"
    return Split(train, held, f"{len(held)} of {len(labels)} training texts, set aside {how} by seed {seed}")


def text_keys(texts: Any) -> list[str]:
    """Return what texts (or pairs) are told apart by."""
    rows = as_inputs(texts)
    return [normalised(row) if isinstance(row, str) else normalised(*row) for row in rows]
