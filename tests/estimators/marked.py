"""Texts in which one word decides: a set on which a lexicon helps, and is taken."""

from __future__ import annotations

import numpy as np

__all__ = ["texts_with_marks"]

FILLER = ["the", "of", "a", "in", "to", "and", "we", "it", "is", "on", "as", "by", "for", "this", "that"]
MARKS = [("banana", "copper"), ("velvet", "tunnel")]


def texts_with_marks(n: int, seed: int = 0) -> tuple[list[str], list[int]]:
    """Return texts of ten words and their labels, 0 and 1 in turn; the mark stands anywhere in its text."""
    rng = np.random.default_rng(seed)
    labels = [i % 2 for i in range(n)]
    words = [[*rng.choice(FILLER, 9), MARKS[label][i % 2 if i % 3 else 0]] for i, label in enumerate(labels)]
    return [" ".join(rng.permutation(each)) for each in words], labels
