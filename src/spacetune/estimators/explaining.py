"""Explanations of any number of texts: every token's part of every logit, beside logits made without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from spacetune.encoders import TextInput, runs_of
from spacetune.estimators.inputs import Given
from spacetune.estimators.reading import Reader
from spacetune.explanations import Explanation, TextExplanation, strongest_meetings
from spacetune.fitting import CHUNK_TEXTS
from spacetune.heads import Model, PairHead

__all__ = ["explain_texts"]

Array = np.ndarray[Any, Any]
Outcome = Callable[[Array], dict[str, Any]]

CHARACTERS = 1 << 17
"""Of texts that are explained at a time."""


def explain_texts(
    reader: Reader, model: Model, given: Given, layers: tuple[int, ...] | None, outcome: Outcome
) -> Explanation:
    """Explain texts a bounded number at a time.

    Parameters
    ----------
    reader
        How the model reads.
    model
        Its logits are explained.
    given
        Texts or pairs.
    layers
        What it reads.
    outcome
        From one text's logits ``(1, output)`` to prediction, probabilities and class names.
    """
    assert layers is not None
    found: list[TextExplanation] = []
    for run in runs_of(given.content, CHARACTERS, CHUNK_TEXTS):
        found += _explained(reader, model, given.content[run], layers, outcome)
    return Explanation(tuple(found))


def _explained(
    reader: Reader, model: Model, texts: Sequence[TextInput], layers: tuple[int, ...], outcome: Outcome
) -> list[TextExplanation]:
    with torch.inference_mode():
        features = reader.fresh(model, texts, layers)
        scores = model.on_top.token_scores(features).double().numpy()
        logits = model.on_top.logits(features).numpy()
    bias = model.head.bias.detach().numpy()
    edges = features.offsets.tolist()
    cut = [False] * len(texts) if features.truncated is None else features.truncated.tolist()
    found: list[TextExplanation] = []
    for i, text in enumerate(texts):
        seen = reader.spans(text)
        one = TextExplanation.of(
            text,
            seen,
            token_scores=scores[edges[i] : edges[i + 1]],
            bias=bias,
            logits=logits[i],
            truncated=cut[i],
            **outcome(logits[i : i + 1]),
        )
        if isinstance(model.head, PairHead):
            met = strongest_meetings(model.head, features.between(i, i + 1), text, seen, one.column(one.predicted))
            one = dataclasses.replace(one, meetings=tuple(met))
        found.append(one)
    return found
