"""What texts weigh: read from a column or an argument, and checked."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from spacetune.errors import DataError, name_rows

__all__ = ["read_weights", "weighing_rows"]

LEAST, MOST = 1e-15, 1e15
"""Weights that can be told apart from 0, and summed, in the numbers that training has."""


def read_weights(given: Any, n_texts: int, what: str = "sample_weight") -> np.ndarray[Any, Any]:
    """Return weights as an array, one number a text.

    >>> read_weights(["1", 0.5], 2)
    array([1. , 0.5])

    Raises `DataError` if they are not one a text, or neither 0 nor of a size that can be reckoned with; rows are named.
    """
    told = list(given) if isinstance(given, Iterator) else given
    try:
        weights = np.asarray(told, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{what} must be numbers, one a text: {_first_wrong(told) or error}") from error
    if weights.shape != (n_texts,):
        raise DataError(f"{what} must be one number per text: {n_texts} texts, weights of shape {weights.shape}")
    wrong = np.flatnonzero(~((weights == 0) | ((weights >= LEAST) & (weights <= MOST))))
    if len(wrong):
        rows = name_rows((wrong + 1).tolist())
        raise DataError(
            f"{what} must be 0, or from {LEAST:g} to {MOST:g}; {weights[wrong[0]]} at {rows}; correct or fill them"
        )
    return weights


def weighing_rows(weights: np.ndarray[Any, Any], what: str) -> np.ndarray[Any, Any]:
    """Return the rows that weigh more than 0.

    >>> weighing_rows(np.array([1.0, 0.0, 2.0]), "weights are 0")
    array([0, 2])

    Raises `DataError` if fewer than two do.
    """
    rows = np.flatnonzero(weights)
    if len(rows) < 2:
        raise DataError(f"{what} for all texts but {len(rows)}; at least 2 must weigh more")
    return rows


def _first_wrong(column: Any) -> str | None:
    """Say which rows hold no number, and what the first of them holds."""
    rows = [i for i, cell in enumerate(column) if not _is_number(cell)] if isinstance(column, list | tuple) else []
    return f"{column[rows[0]]!r:.80} at {name_rows([i + 1 for i in rows])}" if rows else None


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError, OverflowError):
        return cell is None
    return True
