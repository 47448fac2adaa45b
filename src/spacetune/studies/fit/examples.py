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
    texts: Sequence[TextInput], labels: Sequence[Any], said: Sequence[Any], badness: Array
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
    badness
        ``(text,)``: the loss.

    Returns
    -------
    list of dict
        ``text``, ``label``, ``predicted`` and ``loss``: at most ten.
    """
    order = [int(i) for i in np.argsort(-badness, kind="stable")[:SHOWN]]
    return [
        {"text": as_line(texts[i]), "label": labels[i], "predicted": said[i], "loss": float(badness[i])} for i in order
    ]


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
    order = [int(i) for i in np.argsort(margin, kind="stable")[:SHOWN]]
    return [
        {"text": as_line(texts[i]), "label": labels[i], "predicted": said[i], "margin": float(margin[i])} for i in order
    ]
