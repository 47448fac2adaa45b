"""Confident learning (Northcutt et al. 2021): which labels probabilities speak against."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["confident_errors", "confident_set_errors"]

Array = np.ndarray[Any, Any]


def confident_errors(given: Array, table: Array) -> tuple[Array, Array]:
    r"""Return the texts whose labels probabilities speak against, the least likely label first; and the thresholds.

    The threshold of a class is the mean probability of that class over the texts labelled so. A text counts for the
    class whose threshold its probability reaches; where it reaches several, for the most likely class. Its label is
    likely wrong where that is another class than the label, and the label is not the most likely class. These are
    the off-diagonal cells of the confident joint, as cleanlab's ``filter_by="confident_learning"``.

    .. math:: t_j = \frac{1}{|X_j|} \sum_{x \in X_j} p_j(x)

    Parameters
    ----------
    given
        Class numbers ``(text,)``; every class occurs.
    table
        Out-of-sample probabilities ``(text, class)``.

    Examples
    --------
    >>> table = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.9, 0.1]])
    >>> confident_errors(np.array([0, 0, 1, 1]), table)
    (array([3]), array([0.85, 0.4 ]))
    """
    thresholds = np.array([table[given == k, k].mean() for k in range(table.shape[1])])
    reaches, best = table >= thresholds - 1e-6, table.argmax(1)
    counted = np.where(reaches.sum(1) > 1, best, reaches.argmax(1))
    wrong = np.flatnonzero(reaches.any(1) & (counted != given) & (best != given))
    return wrong[np.argsort(table[wrong, given[wrong]], kind="stable")], thresholds


def confident_set_errors(carried: Array, table: Array) -> tuple[Array, Array]:
    """Return which labels of which texts are likely wrong ``(text, label)``, and the thresholds of carrying each.

    Every label is one question, carried or not, judged by `confident_errors`, as in cleanlab's
    ``multilabel_classification``.

    Parameters
    ----------
    carried
        Whether a text carries a label, ``(text, label)``; every label is carried by some texts, and not by others.
    table
        Out-of-sample probabilities of carrying it ``(text, label)``.

    Examples
    --------
    >>> wrong, _ = confident_set_errors(np.array([[True], [True], [False]]), np.array([[0.9], [0.1], [0.2]]))
    >>> wrong.ravel().tolist()
    [False, True, False]
    """
    wrong, thresholds = np.zeros(carried.shape, dtype=bool), np.zeros(carried.shape[1])
    for k, (has, chance) in enumerate(zip(carried.T, table.T, strict=True)):
        found, means = confident_errors(has.astype(int), np.stack([1 - chance, chance], axis=1))
        wrong[found, k], thresholds[k] = True, means[1]
    return wrong, thresholds
