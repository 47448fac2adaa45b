"""What a mistake on each class weighs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from spacetune.errors import DataError, UsageError
from spacetune.fitting.tasks.task import named

__all__ = ["class_weights"]

Array = np.ndarray[Any, Any]


def class_weights(counts: Array, choice: str | dict[Any, float] | None, classes: Sequence[Any]) -> Array | None:
    """Return one weight a class: None, ``balanced`` (``n / (C · n_c)``, as scikit-learn), or the user's own.

    The user's own are scaled so that the training texts weigh 1 on average.
    """
    if choice is None:
        return None
    if isinstance(choice, str) and choice == "balanced":
        return (counts.sum() / (len(counts) * np.maximum(counts, 1))).astype(np.float32)
    if not isinstance(choice, dict):
        raise UsageError(f"class_weight must be None, 'balanced' or a dict from class to weight, got {choice!r}")
    unknown = [name for name in choice if name not in classes]
    if unknown:
        raise DataError(f"class_weight names {unknown[0]!r}; the classes are {named(classes)}")
    for name, weight in choice.items():
        if not isinstance(weight, Real) or not 0 <= weight < math.inf:
            raise UsageError(f"class_weight must hold finite numbers of at least 0; {name!r} has {weight!r}")
    given = np.array([float(choice.get(name, 1.0)) for name in classes])
    if not (counts * given).sum():
        raise UsageError("class_weight must be above 0 for at least one class that has texts")
    return (given * counts.sum() / (counts * given).sum()).astype(np.float32)
