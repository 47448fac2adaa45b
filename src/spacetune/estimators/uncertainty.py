"""How sure is a simplex: what its points say together, and how far they disagree."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.special import entr

from spacetune.results import TableResult, class_columns

__all__ = ["Uncertainty", "uncertainty_of"]

Array = np.ndarray[Any, Any]
PARTS = ("total", "expected", "mutual")


@dataclasses.dataclass(frozen=True)
class Uncertainty(TableResult):
    r"""Predictions of an ensemble of points of a simplex, and the parts of their uncertainty.

    .. math:: H[\bar p] = \underbrace{\tfrac1k \sum_j H[p_j]}_{expected} + \underbrace{I}_{mutual}, \quad
       \bar p = \tfrac1k \sum_j p_j

    Parameters
    ----------
    classes
        Names of the columns.
    probabilities
        ``(text, class)``: the mean over the points.
    total
        ``(text,)``: entropy of that mean, as a share of the largest possible: 0 certain, 1 fully uncertain.
    expected
        ``(text,)``: mean entropy of the points, on the same scale: what the text leaves open.
    mutual
        ``(text,)``: their difference: what the points disagree about, hence what was not learnt.
    n_samples
        Points k.
    """

    classes: tuple[Any, ...]
    probabilities: Array
    total: Array
    expected: Array
    mutual: Array
    n_samples: int

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a text; a class called as a column beside, as ``total``, has the column ``class total``."""
        names = class_columns(self.classes, PARTS)
        return [
            {
                **dict(zip(names, self.probabilities[i].tolist(), strict=True)),
                "total": float(self.total[i]),
                "expected": float(self.expected[i]),
                "mutual": float(self.mutual[i]),
            }
            for i in range(len(self.total))
        ]


def uncertainty_of(probabilities: Array, kind: str, classes: tuple[Any, ...]) -> Uncertainty:
    """Split the uncertainty of probabilities ``(point, text, class)``; each of several labels is a yes/no choice.

    >>> sure, torn = [[0.9, 0.1], [0.5, 0.5]], [[0.9, 0.1], [0.0, 1.0]]
    >>> u = uncertainty_of(np.array([sure, torn]), "single", ("a", "b"))
    >>> [round(float(v), 3) for v in (*u.total, *u.mutual)]
    [0.469, 0.811, 0.0, 0.311]
    >>> uncertainty_of(np.array([[[0.5, 1.0]]]), "multi", ("a", "b")).total.tolist()
    [0.5]
    """

    def entropy(p: Array) -> Array:
        if kind == "multi":
            return (entr(p) + entr(1 - p)).mean(-1) / np.log(2)
        return entr(p).sum(-1) / np.log(p.shape[-1])

    mean = probabilities.mean(0)
    total, expected = entropy(mean), entropy(probabilities).mean(0)
    return Uncertainty(classes, mean, total, expected, np.maximum(total - expected, 0), len(probabilities))
