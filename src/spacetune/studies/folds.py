"""Folds of texts in which equal texts stand on one side."""

# The types of scikit-learn are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

__all__ = ["text_folds"]

Array = np.ndarray[Any, Any]


def text_folds(alike: Array, keys: Sequence[str], n_folds: int, seed: int) -> list[tuple[Array, Array]]:
    """Return for every fold the rows of the others, and its own.

    The folds have about the same shares of what `alike` tells, as far as it goes; rows of one key share a fold.
    """
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes of fewer texts than folds
        return list(folds.split(alike, alike, keys))
