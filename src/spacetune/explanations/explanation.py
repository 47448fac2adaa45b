"""`Explanation`: what every token and word gave to every class, adding up to the logit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict, Unpack, overload

import numpy as np

from spacetune.encoders import TextInput, TokenSpans
from spacetune.explanations.words import group_words
from spacetune.results import Result

__all__ = ["Explanation", "TextExplanation"]

Array = np.ndarray[Any, Any]
Label = str | int | float | bool
"""A class, or a number that was predicted."""


class _Numbers(TypedDict):
    token_scores: Array
    bias: Array
    logits: Array
    probabilities: Array | None
    classes: tuple[Any, ...]
    predicted: Label | list[Label]
    truncated: NotRequired[bool]
    meetings: NotRequired[tuple[dict[str, Any], ...]]


@dataclasses.dataclass(frozen=True)
class TextExplanation(Result):
    """One text's prediction, taken apart exactly.

    Parameters
    ----------
    text
        The text, or the pair.
    tokens
        Its wordpieces, special tokens included.
    spans
        ``(n_tokens, 2)`` characters of the original text; ``(-1, -1)`` for special tokens.
    parts
        ``(n_tokens,)``: 0 for the text, 1 for the second of a pair, -1 for special tokens.
    token_scores
        ``(n_tokens, n_classes)``: what a token adds to a logit.
    bias
        ``(n_classes,)``: what every text starts with.
    logits
        ``(n_classes,)``, as predicted, computed without the token scores.
    probabilities
        ``(n_classes,)`` calibrated, or None for regression.
    classes
        The classes' names, in the order of the columns.
    predicted
        The prediction.
    truncated
        Whether the text was cut at the encoder's limit: what stands after the last span was not read.
    meetings
        Of a pair whose texts were read apart: the pairs of words that met most strongly, for the predicted class.
    """

    text: TextInput
    tokens: tuple[str, ...]
    spans: Array
    parts: Array
    token_scores: Array
    bias: Array
    logits: Array
    probabilities: Array | None
    classes: tuple[Any, ...]
    predicted: Label | list[Label]
    truncated: bool = False
    meetings: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, text: TextInput, seen: TokenSpans, **numbers: Unpack[_Numbers]) -> TextExplanation:
        """Join a text's tokens with its numbers."""
        return cls(text=text, tokens=seen.tokens, spans=seen.spans, parts=seen.parts, **numbers)

    @property
    def scores(self) -> dict[Any, Array]:
        """Token scores by class: ``scores[c].sum() + bias == logit`` of class c."""
        return {name: self.token_scores[:, i] for i, name in enumerate(self.classes)}

    def check(self) -> float:
        """Return the largest additivity error: ``max_c |Σ_t score + bias - logit|``."""
        return float(np.max(np.abs(self.token_scores.sum(0) + self.bias - self.logits)))

    def words(self, predicted: object = None) -> list[dict[str, Any]]:
        """Return the words in reading order with their score for one class.

        Parameters
        ----------
        predicted
            The class to read; None is the predicted one.

        Returns
        -------
        list of dict
            ``word``, ``start``, ``stop``, ``part`` and ``score``: the sum over the word's tokens. Special
            tokens stand together at the end as ``[special]``, so the scores still add up.
        """
        column = self.column(self.predicted if predicted is None else predicted)
        rows, scores = self.word_scores()
        return [{**row, "score": score} for row, score in zip(rows, scores[:, column].tolist(), strict=True)]

    def word_scores(self) -> tuple[list[dict[str, Any]], Array]:
        """Return the words as in `words`, and their scores for every class, ``(n_words, n_classes)``."""
        rows: list[dict[str, Any]] = []
        scores: list[Array] = []
        seen = np.zeros(len(self.token_scores), dtype=bool)
        for part, text in enumerate((self.text,) if isinstance(self.text, str) else self.text):
            here = np.flatnonzero(self.parts == part)
            spans, word_of = group_words(text, self.spans[here])
            for word in np.unique(word_of[word_of >= 0]):
                start, stop = spans[word]
                scores.append(self.token_scores[here[word_of == word]].sum(0))
                rows.append({"word": text[start:stop], "start": start, "stop": stop, "part": part})
            seen[here[word_of >= 0]] = True
        scores.append(self.token_scores[~seen].sum(0))
        return [*rows, {"word": "[special]", "start": -1, "stop": -1, "part": -1}], np.stack(scores)

    def column(self, name: object) -> int:
        """Return the column of a class; for several predicted labels (multi-label) the strongest one's."""
        if isinstance(name, list | tuple | np.ndarray):
            return int(np.argmax(self.logits))
        return self.classes.index(name) if name in self.classes else int(np.argmax(self.logits))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a token: the wordpiece, its span, and its score for every class."""
        return [
            {
                "token": token,
                "start": int(span[0]),
                "stop": int(span[1]),
                **dict(zip(map(str, self.classes), row, strict=True)),
            }
            for token, span, row in zip(self.tokens, self.spans, self.token_scores.tolist(), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain containers: also the words, their scores for every class (in the order
        of the classes), and the additivity error.
        """
        scores = self.word_scores()[1].tolist()
        return {**super().to_dict(), "words": self.words(), "word_scores": scores, "additivity_error": self.check()}


@dataclasses.dataclass(frozen=True)
class Explanation(Result):
    """Explanations of many texts; index it to get one."""

    texts: tuple[TextExplanation, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[TextExplanation]:
        return iter(self.texts)

    @overload
    def __getitem__(self, i: int) -> TextExplanation: ...
    @overload
    def __getitem__(self, i: slice) -> Explanation: ...
    def __getitem__(self, i: int | slice) -> TextExplanation | Explanation:
        """Return one text's explanation, or some of them."""
        return Explanation(self.texts[i]) if isinstance(i, slice) else self.texts[i]

    def check(self) -> float:
        """Return the largest additivity error over all texts, relative to the largest logit."""
        scale = max(float(np.max(np.abs(t.logits))) for t in self.texts)
        return max(t.check() for t in self.texts) / max(scale, 1e-12)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a token of every text."""
        return [{"text": i, **row} for i, text in enumerate(self.texts) for row in text.rows()]
