"""`TextExplanation`: what every token and word of one text gave to every class, adding up to the logit."""

# The types of NumPy are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, NotRequired, TypedDict, Unpack

import numpy as np

from spacetune.encoders import TextInput, TokenSpans
from spacetune.errors import UsageError
from spacetune.explanations.asking import REST, At
from spacetune.explanations.words import group_words
from spacetune.results import Result, class_columns, shown_fields

__all__ = ["TextExplanation"]

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
    unit: NotRequired[Unit | None]
    truncated: NotRequired[bool]
    at: At
    views: NotRequired[Mapping[str, Array]]
    sources: NotRequired[Mapping[str, Array]]
    meetings: NotRequired[tuple[dict[str, Any], ...]]


class Unit(NamedTuple):
    """What scores and logits of a number count: `size` is one of them, `zero` what 0 stands for, both as labels are."""

    size: float
    zero: float

    def __str__(self) -> str:
        return f"in standard deviations ({self.size:.4g}) from the mean learnt ({self.zero:.4g})"


COLUMNS = ("text", "part", "token", "start", "stop")
"""Columns of a table of tokens besides the scores."""


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
    unit
        For a number that was predicted, what the scores and the logit count: ``unit.zero + unit.size * logit`` is it.
    truncated
        Whether the text was cut at the encoder's limit: what stands after the last span was not read.
    at
        Where the tokens are looked at: ``states``, ``input``, or ``both`` for the mean over every depth between.
    views
        The token scores at each of these, where they were carried back to the input. All have the same sum.
    sources
        What those at the input are made of, ``(n_tokens, n_classes)`` each: ``words``, ``places`` (positions and
        segments), ``biases`` (those of the network, where they were added), ``lexicon`` and ``prefix`` if there are.
    meetings
        For a pair whose texts were read apart: the pairs of words that met most strongly, for the predicted class.
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
    unit: Unit | None = None
    truncated: bool = False
    at: At = "states"
    views: Mapping[str, Array] = dataclasses.field(default_factory=dict[str, Array])
    sources: Mapping[str, Array] = dataclasses.field(default_factory=dict[str, Array])
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
        """Return the largest additivity error: ``max_c |Σ_t score + bias - logit|``, here and in every other view."""
        sums = [scores.sum(0) for scores in (self.token_scores, *self.views.values())]
        sums += [sum(part.sum(0) for part in self.sources.values())] if self.sources else []
        return float(np.max(np.abs(np.stack(sums) + self.bias - self.logits)))

    def seen(self, at: At) -> TextExplanation:
        """Return the same explanation with its tokens looked at elsewhere.

        Raises
        ------
        UsageError
            If the scores were not carried back to the input.
        """
        if at == self.at:
            return self
        if at not in self.views:
            raise UsageError(f"these scores were made at the {self.at} alone: explain again with at={at!r}")
        return dataclasses.replace(self, at=at, token_scores=self.views[at])

    def words(self, predicted: object = None, *, against: object = None) -> list[dict[str, Any]]:
        """Return the words in reading order with their score for one class.

        Parameters
        ----------
        predicted
            The class to read; None is the predicted one.
        against
            Another class, or `REST` for all others: the scores then speak for the first against these.

        Returns
        -------
        list of dict
            ``word``, ``start``, ``stop``, ``part`` and ``score``: the sum over the word's tokens. Special
            tokens stand together at the end as ``[special]``, so the scores still add up.

        Raises
        ------
        UsageError
            If there is no such class, if a class is held against itself, or if labels that do not exclude each other
            are held against the rest.
        """
        asked = self.direction(predicted, against=against)
        rows, scores = self.word_scores()
        return [{**row, "score": score} for row, score in zip(rows, (scores @ asked).tolist(), strict=True)]

    def direction(self, predicted: object = None, *, against: object = None) -> Array:
        r"""Return what the classes' scores are multiplied by to answer a question, ``(n_classes,)``.

        For class y alone that is 1 at y, and against class z also -1 at z. Against the rest it is

        .. math:: 1 \text{ at } y, \quad -q_c = -p_c / (1 - p_y) \text{ elsewhere}, \quad p = \mathrm{softmax}(logits):

        the log odds of y are the logits along it less the entropy of q.
        """
        column = self.column(self.predicted if predicted is None else predicted)
        asked = np.eye(len(self.classes))[column]
        if against is None or len(self.classes) == 1:
            return asked
        if against is REST or (against == "rest" and against not in self.classes):
            if self.independent:
                raise UsageError("labels that do not exclude each other have no rest: compare with another label")
            others = np.where(asked > 0, -np.inf, self.logits)
            weights = np.exp(others - others.max())
            return asked - weights / weights.sum()
        other = self.column(against)
        if other == column:
            raise UsageError(f"{self.classes[column]!r} cannot be held against itself: name another class")
        return asked - np.eye(len(self.classes))[other]

    @property
    def independent(self) -> bool:
        """Whether several labels can hold at once, so that none speaks against another."""
        return isinstance(self.predicted, list)

    @property
    def own(self) -> Array:
        """The direction of the prediction: for the class against the rest, of independent labels for it alone."""
        return self._own()

    def _own(self, name: object = None) -> Array:
        return self.direction(name, against=None if self.independent else REST)

    def own_words(self, predicted: object = None) -> list[dict[str, Any]]:
        """Return the words in reading order, without the special tokens, scored along `own`, or another class's."""
        rows, scores = self.word_scores()
        along = (scores @ self._own(predicted)).tolist()
        return [{**row, "score": score} for row, score in zip(rows, along, strict=True) if row["part"] >= 0]

    def word_scores(self) -> tuple[list[dict[str, Any]], Array]:
        """Return the words as in `words`, and their scores for every class, ``(n_words, n_classes)``."""
        rows, places = self.places()
        return rows, self._summed(places, self.token_scores)

    def word_views(self) -> dict[str, list[list[float]]]:
        """Return the words' scores for every class in every view."""
        places = self.places()[1]
        return {name: self._summed(places, scores).tolist() for name, scores in self.views.items()}

    def _summed(self, places: list[Array], scores: Array) -> Array:
        return np.stack([scores[place].sum(0) for place in places])

    def places(self) -> tuple[list[dict[str, Any]], list[Array]]:
        """Return the words, and the tokens of each."""
        rows: list[dict[str, Any]] = []
        places: list[Array] = []
        seen = np.zeros(len(self.token_scores), dtype=bool)
        for part, text in enumerate((self.text,) if isinstance(self.text, str) else self.text):
            here = np.flatnonzero(self.parts == part)
            spans, word_of = group_words(text, self.spans[here])
            for word in np.unique(word_of[word_of >= 0]):
                start, stop = spans[word]
                places.append(here[word_of == word])
                rows.append({"word": text[start:stop], "start": start, "stop": stop, "part": part})
            seen[here[word_of >= 0]] = True
        return [*rows, {"word": "[special]", "start": -1, "stop": -1, "part": -1}], [*places, np.flatnonzero(~seen)]

    def column(self, name: object) -> int:
        """Return the column of a class; for several predicted labels (multi-label) the strongest one's.

        A number that was predicted has one column, whatever it is called. Raises `UsageError` if there is no such
        class.
        """
        if len(self.classes) == 1:
            return 0
        if isinstance(name, list | tuple | np.ndarray):
            return int(np.argmax(self.logits))
        if name not in self.classes:
            raise UsageError(f"there is no class {name!r}: it must be one of {', '.join(map(repr, self.classes))}")
        return self.classes.index(name)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a token: the wordpiece, its span, and its score for every class; the last is ``[bias]``.

        A class's column adds up to its logit. For a pair the column ``part`` says in which text a token is: 0 or 1, and
        -1 for special tokens and the bias.

        A class that is called as one of the other columns is, as ``start``, has the column ``class start``.
        """
        names = class_columns(self.classes, COLUMNS)
        return [
            {
                **({} if isinstance(self.text, str) else {"part": int(part)}),
                "token": token,
                "start": int(span[0]),
                "stop": int(span[1]),
                **dict(zip(names, row, strict=True)),
            }
            for token, part, span, row in zip(
                (*self.tokens, "[bias]"),
                (*self.parts, -1),
                (*self.spans, (-1, -1)),
                (*self.token_scores.tolist(), self.bias.tolist()),
                strict=True,
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain containers: also the words, their scores for every class (in the order
        of the classes), the same in every view, what each source brings in all, and the additivity error.
        """
        return {
            **shown_fields(self),
            "words": self.words(),
            "word_scores": self.word_scores()[1].tolist(),
            "views": self.word_views(),
            "sources": {name: scores.sum(0).tolist() for name, scores in self.sources.items()},
            "independent": self.independent,
            "unit": None if self.unit is None else {**self.unit._asdict(), "name": str(self.unit)},
            "additivity_error": self.check(),
        }
