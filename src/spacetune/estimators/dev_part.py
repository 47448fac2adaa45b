"""What a fit is chosen by: dev data given, or a part of the training texts set aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from torch import Tensor

from spacetune.data import LabelledTexts, split_dev
from spacetune.data.labelled_texts import normalised
from spacetune.encoders import as_given, as_inputs, holds_texts
from spacetune.errors import DataError, UsageError

__all__ = ["FitData", "dev_pair", "part_for_dev", "text_keys"]

Source = TypeVar("Source")


@dataclasses.dataclass(frozen=True)
class FitData(Generic[Source]):
    """What is read of texts, and their targets: to train on, and to choose by."""

    train: Source
    targets: Tensor
    dev: Source
    dev_targets: Tensor


def dev_pair(dev: Any) -> tuple[Any, Sequence[Any]]:
    """Take dev data as `LabelledTexts` or as a pair (texts, labels).

    Raises
    ------
    UsageError
        If it is neither, or has no labels.
    DataError
        If its labels are not one a text.
    """
    if isinstance(dev, LabelledTexts):
        if dev.labels is None:
            raise UsageError("the dev texts carry no labels")
        return dev.inputs, dev.labels
    if not isinstance(dev, tuple | list) or len(dev) != 2:
        raise UsageError(f"dev must be LabelledTexts or a pair (texts, labels), got {dev!r:.80}")
    texts, labels = as_given(dev[0]), dev[1].toarray() if hasattr(dev[1], "toarray") else dev[1]
    if not hasattr(texts, "__len__") or not hasattr(labels, "__len__"):
        raise UsageError(f"dev must be LabelledTexts or a pair (texts, labels), got {dev!r:.80}")
    if len(texts) != len(labels) or not len(texts):
        raise DataError(f"dev needs texts, and labels one a text: {len(texts)} texts, {len(labels)} labels")
    return texts, labels


def part_for_dev(
    texts: Any, labels: Sequence[Any], dev: Any, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray, str]:
    """Choose which rows train and which are set aside, equal texts together, and say how.

    No row is set aside where dev data is given, or where the texts are too few: then all of them are dev.
    """
    everything, none = np.arange(len(labels)), np.zeros(0, dtype=int)
    if dev is not None:
        return everything, none, f"given ({len(dev_pair(dev)[1])} texts)"
    keys = text_keys(texts) if holds_texts(texts) else list(range(len(labels)))
    train, held = split_dev(labels, keys, fraction, seed)
    if len(held) < 2:
        return everything, none, f"the training texts themselves: {len(labels)} are too few to set some aside"
    return train, held, f"{len(held)} of {len(labels)} training texts, set aside stratified by seed {seed}"


def text_keys(texts: Any) -> list[str]:
    """Return what texts (or pairs) are told apart by."""
    rows = as_inputs(texts)
    return [normalised(row) if isinstance(row, str) else normalised(*row) for row in rows]
