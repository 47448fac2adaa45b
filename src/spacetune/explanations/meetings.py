"""Which words of two texts met: the strongest pairs of words, found without holding all of them."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders import TextInput, TokenFeatures, TokenSpans
from spacetune.explanations.words import group_words
from spacetune.heads import PairHead

__all__ = ["strongest_meetings"]

SHOWN, ROWS = 20, 256
SPECIAL = {"word": "[special]", "start": -1, "stop": -1}
"""Tokens that stand for no word, taken together."""


def strongest_meetings(
    head: PairHead, features: TokenFeatures, text: TextInput, seen: TokenSpans, column: int, most: int = SHOWN
) -> list[dict[str, Any]]:
    """Return the pairs of words that add most to one logit, or take most from it, strongest first.

    A pair's score is the sum over its words' tokens of what every pair of tokens brings (`PairHead.meeting_scores`).

    Parameters
    ----------
    head
        Of pairs read apart.
    features
        Of one pair.
    text
        The pair.
    seen
        Its tokens.
    column
        The output.
    most
        How many to return.

    Returns
    -------
    list of dict
        ``first``, ``second`` (the words), where they start and stop in their texts, and ``score``.
    """
    assert features.first is not None
    edges = (0, int(features.first), len(seen.tokens))
    states = head.met(features, column)
    sides = [_words(text[p], seen, states[p], slice(*edges[p : p + 2])) for p in (0, 1)]
    (named, first), (others, second) = sides
    found: list[tuple[float, int, int]] = []
    for start in range(0, len(first), ROWS):
        grid = (first[start : start + ROWS] @ second.T).numpy()
        strongest = np.argsort(-np.abs(grid), axis=None, kind="stable")[:most]
        found += [(float(grid.flat[i]), start + i // len(second), i % len(second)) for i in strongest.tolist()]
    found.sort(key=lambda each: -abs(each[0]))
    return [
        {
            "first": named[i]["word"], "first_start": named[i]["start"], "first_stop": named[i]["stop"],
            "second": others[j]["word"], "second_start": others[j]["start"], "second_stop": others[j]["stop"],
            "score": score,
        }
        for score, i, j in found[:most]
    ]  # fmt: skip


def _words(text: str, seen: TokenSpans, states: Tensor, here: slice) -> tuple[list[dict[str, Any]], Tensor]:
    """Return one text's words, the special tokens last, and the sums of their tokens' states."""
    spans, word_of = group_words(text, np.where(seen.parts[here, None] < 0, -1, seen.spans[here]))
    used = np.unique(word_of[word_of >= 0])
    place = np.full(len(spans) + 1, len(used))
    place[used] = np.arange(len(used))
    sums = torch.zeros(len(used) + 1, states.shape[1], dtype=states.dtype)
    sums.index_add_(0, torch.as_tensor(place[word_of]), states)
    named = [{"word": text[slice(*spans[w])], "start": spans[w][0], "stop": spans[w][1]} for w in used]
    return [*named, SPECIAL], sums
