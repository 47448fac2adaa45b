"""Texts with what people marked in them, and which word every wordpiece stands in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Post:
    """A text with a label that words of it give reason for.

    Parameters
    ----------
    words
        Its words.
    marks
        ``(n_annotators, n_words)``: what each annotator marked as the reason for the label.
    """

    words: tuple[str, ...]
    marks: np.ndarray

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def majority(self) -> np.ndarray:
        """Words marked by two annotators at least: more than half of two or three. A single one decides alone."""
        return self.marks.sum(0) >= min(2, len(self.marks))

    @property
    def union(self) -> np.ndarray:
        """Words marked by anyone: what HateXplain's own evaluation code holds explanations to."""
        return self.marks.sum(0) >= 1


def erased(words: tuple[str, ...], gone: np.ndarray) -> str:
    """Return the text without some of its words."""
    return " ".join(word for word, out in zip(words, gone, strict=True) if not out)


def word_sums(scores: np.ndarray, word_of: np.ndarray, n_words: int, merge: str) -> np.ndarray:
    """Merge the scores ``(n_tokens,)`` of a word's wordpieces into ``(n_words,)``.

    ``sum`` adds them, ``max`` takes the largest, ``positive`` adds the positive ones. Special tokens (-1) belong to
    no word, and a word without a wordpiece has 0.

    >>> word_sums(np.array([9.0, 2.0, -1.0, 3.0]), np.array([-1, 0, 0, 2]), 3, "sum").tolist()
    [1.0, 0.0, 3.0]
    """
    inside = word_of >= 0
    values, places = scores[inside], word_of[inside]
    if merge == "max":
        found = np.full(n_words, -np.inf)
        np.maximum.at(found, places, values)
        return np.where(np.isinf(found), 0.0, found)
    return np.bincount(places, np.maximum(values, 0) if merge == "positive" else values, n_words)
