"""What a fit learns from and is chosen by: dev texts given, or a part of the training texts set aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.data import LabelledTexts, normalised, split_dev
from spacetune.encoders import as_given, as_inputs, holds_texts
from spacetune.errors import DataError, UsageError, counted
from spacetune.fitting.inputs import Inputs

__all__ = ["DevTexts", "FitData", "Split", "dev_texts", "split_texts", "text_keys"]


@dataclasses.dataclass(frozen=True)
class FitData:
    """What is read, and its targets: to train on, and to choose by."""

    train: Inputs
    targets: Tensor
    dev: Inputs
    dev_targets: Tensor

    @classmethod
    def whole(cls, inputs: Inputs, targets: Tensor) -> FitData:
        """Return data whose training texts are dev too."""
        return cls(inputs, targets, inputs, targets)

    @property
    def has_dev(self) -> bool:
        """Whether dev is apart from the training texts."""
        return self.train is not self.dev


@dataclasses.dataclass(frozen=True)
class DevTexts:
    """Texts to choose by, their labels, and where they come from in a few words."""

    texts: Any
    labels: Sequence[Any]
    note: str


@dataclasses.dataclass(frozen=True)
class Split:
    """Which rows train, which are set aside as dev (none where all are dev, or dev is given), and why."""

    train: np.ndarray[Any, Any]
    dev: np.ndarray[Any, Any]
    note: str

    def divide(self, inputs: Inputs, targets: Tensor) -> FitData:
        """Return the two parts of what is read; where none is set aside both are everything."""
        if not len(self.dev):
            return FitData.whole(inputs, targets)
        rows, held = torch.from_numpy(self.train), torch.from_numpy(self.dev)
        return FitData(inputs.part(rows), targets[rows], inputs.part(held), targets[held])


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
        return DevTexts(dev.inputs, dev.labels, f"given ({counted(len(dev.labels), 'text')})")
    if not isinstance(dev, tuple | list) or len(dev) != 2:
        raise UsageError(f"dev must be LabelledTexts or a pair (texts, labels), got {dev!r:.80}")
    texts, labels = as_given(dev[0]), dev[1].toarray() if hasattr(dev[1], "toarray") else dev[1]
    if not hasattr(texts, "__len__") or not hasattr(labels, "__len__"):
        raise UsageError(f"dev must be LabelledTexts or a pair (texts, labels), got {dev!r:.80}")
    if len(texts) != len(labels) or not len(texts):
        raise DataError(f"dev needs texts, and labels one a text: {len(texts)} texts, {len(labels)} labels")
    return DevTexts(texts, labels, f"given ({counted(len(labels), 'text')})")


def split_texts(texts: Any, labels: Sequence[Any], fraction: float, seed: int) -> Split:
    """Choose which rows train and which are set aside as dev, equal texts together.

    No row is set aside where the texts are too few: then all of them are dev.
    """
    everything, none = np.arange(len(labels)), np.zeros(0, dtype=int)
    keys = text_keys(texts) if holds_texts(texts) else list(range(len(labels)))
    train, held = split_dev(labels, keys, fraction, seed)
    if len(held) < 2:
        return Split(everything, none, f"the training texts themselves: {len(labels)} are too few to set some aside")
    return Split(train, held, f"{len(held)} of {len(labels)} training texts, set aside stratified by seed {seed}")


def text_keys(texts: Any) -> list[str]:
    """Return what texts (or pairs) are told apart by."""
    rows = as_inputs(texts)
    return [normalised(row) if isinstance(row, str) else normalised(*row) for row in rows]
