"""Which texts to look at: those a model is most wrong about, and those it is least sure of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spacetune.encoders import TextInput, as_line

__all__ = ["hardest", "least_sure"]

Array = np.ndarray[Any, Any]
SHOWN = 10


def hardest(
    texts: Sequence[TextInput], labels: Sequence[Any], said: Sequence[Any], losses: Array
) -> list[dict[str, Any]]:
    """Return the texts with the largest loss, largest first; for a number a text, with the largest error.

    Parameters
    ----------
    texts
        The texts.
    labels
        What is true.
    said
        What the model says.
    losses
        ``(text,)``: the loss.

    Returns
    -------
    list of dict
        ``text``, ``label``, ``predicted`` and ``loss``: at most ten.
    """
    return _first(-losses, {"text": texts, "label": labels, "predicted": said, "loss": losses.tolist()})


def least_sure(
    texts: Sequence[TextInput], labels: Sequence[Any], said: Sequence[Any], table: Array
) -> list[dict[str, Any]]:
    """Return the texts whose two strongest classes lie closest together.

    Parameters
    ----------
    texts
        The texts.
    labels
        What is true.
    said
        What the model says.
    table
        ``(text, class)`` probabilities.

    Returns
    -------
    list of dict
        ``text``, ``label``, ``predicted`` and ``margin``, the strongest probability minus the second: at most ten.
    """
    strongest = np.sort(table, axis=1)
    margin = strongest[:, -1] - strongest[:, -2]
    return _first(margin, {"text": texts, "label": labels, "predicted": said, "margin": margin.tolist()})


def _first(order: Array, columns: dict[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the rows that come first in this order."""
    rows = [{name: values[i] for name, values in columns.items()} for i in np.argsort(order, kind="stable")[:SHOWN]]
    return [row | {"text": as_line(row["text"])} for row in rows]
