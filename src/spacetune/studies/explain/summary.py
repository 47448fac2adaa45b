"""Which words, and which words side by side, carry each class over a whole data set."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from spacetune.data import match_labels
from spacetune.encoders import as_line
from spacetune.errors import DataError, UsageError
from spacetune.explanations import Explanation, TextExplanation
from spacetune.results import TableResult

__all__ = ["ExplanationSummary", "summarise"]

EXAMPLE = 80
"""Characters of an example."""


@dataclasses.dataclass(frozen=True)
class ExplanationSummary(TableResult):
    """The words that carry each class.

    Parameters
    ----------
    n_texts
        Explained texts, by predicted class; one with several predicted labels counts for each.
    at
        Where the tokens were looked at.
    words
        One row a class and word, or pair of neighbouring words: in how many texts predicted so it stands, the mean of
        its scores there (for the class against the rest; labels that can hold together stand alone), their sum, and one
        example; with labels also in how many of these texts the prediction is wrong, and the mean there. Strongest sums
        first, for the class and then against.
    independent
        Whether labels can hold together.
    numbers
        Whether numbers are predicted: scores are then in standard deviations of what was learnt.
    n_without
        Texts for which no label was predicted.
    """

    n_texts: dict[str, int]
    at: str
    words: tuple[dict[str, Any], ...]
    independent: bool = False
    n_without: int = 0
    numbers: bool = False

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows."""
        return [dict(row) for row in self.words]


def summarise(
    explanation: Explanation, labels: Sequence[Any] | None = None, *, top: int = 20, least: int = 2
) -> ExplanationSummary:
    """Sum explanations up by class.

    Parameters
    ----------
    explanation
        Of many texts.
    labels
        The texts' own labels, to tell words of right predictions from words of wrong ones; None where a text has none.
        A number that was predicted is neither right nor wrong: its labels are not used.
    top
        Rows a class of either kind (words, neighbours) and sign.
    least
        Texts that a word must stand in.

    Raises
    ------
    UsageError
        If there is no explanation, or `top` or `least` is below 1.
    DataError
        If labels are not as many as texts, or not lists where labels can hold together.
    """
    if not isinstance(explanation, Explanation) or not len(explanation):
        raise UsageError("what is summed up must be an explanation of at least one text, as a model's explain gives")
    if min(top, least) < 1:
        raise UsageError(f"top and least must be at least 1, got {top} and {least}")
    labels = None if labels is None else _checked(explanation, labels)
    independent = explanation[0].independent
    said = [_predicted(one) for one in explanation]
    rows: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for name in sorted({name for names in said for name in names}, key=str):
        own = [i for i, names in enumerate(said) if name in names]
        counts[str(name)] = len(own)
        texts = [explanation[i] for i in own]
        wrong = None if labels is None else [_is_wrong(name, labels[i], independent) for i in own]
        for kind, read in (("word", _words), ("neighbours", _neighbours)):
            found = _gathered(texts, name, read, wrong, least)
            found.sort(key=lambda row: -row["sum"])
            chosen = [row for row in found if row["sum"] > 0][:top]
            chosen += sorted((row for row in found if row["sum"] < 0), key=lambda row: row["sum"])[:top]
            rows += [{"class": name, "kind": kind, **row} for row in chosen]
    without = sum(not names for names in said)
    numbers = explanation[0].probabilities is None
    return ExplanationSummary(counts, explanation[0].at, tuple(rows), independent, without, numbers)


def _predicted(one: TextExplanation) -> list[Any]:
    """Return the class that was predicted, or all labels that were."""
    return list(one.predicted) if isinstance(one.predicted, list) else [one.classes[one.column(one.predicted)]]


def _checked(explanation: Explanation, labels: Sequence[Any]) -> list[Any] | None:
    """Return the labels as the classes are written; None where numbers are predicted."""
    if len(labels) != len(explanation):
        raise DataError(f"{len(labels)} labels were given for {len(explanation)} texts")
    if explanation[0].probabilities is None:
        return None
    if explanation[0].independent and any(isinstance(label, str | int | float) for label in labels):
        raise DataError("any number of labels is predicted, and one a text was given; where one cell holds several, "
                        "say what separates them with --label-separator")  # fmt: skip
    return match_labels(explanation[0].classes, labels)


def _is_wrong(name: object, label: Any, independent: bool) -> bool:
    """Tell whether a prediction is known to be wrong."""
    return label is not None and (name not in label if independent else name != label)


def _words(one: TextExplanation, name: object) -> Iterator[tuple[str, float]]:
    for word in one.own_words(name):
        yield word["word"].casefold(), word["score"]


def _neighbours(one: TextExplanation, name: object) -> Iterator[tuple[str, float]]:
    for first, second in itertools.pairwise(one.own_words(name)):
        if first["part"] == second["part"]:
            yield f"{first['word']} {second['word']}".casefold(), first["score"] + second["score"]


def _gathered(
    texts: Sequence[TextExplanation], name: object, read: Any, wrong: Sequence[bool] | None, least: int
) -> list[dict[str, Any]]:
    """Return one row a word that stands in enough texts."""
    found: dict[str, dict[int, float]] = collections.defaultdict(lambda: collections.defaultdict(float))
    for i, one in enumerate(texts):
        for word, score in read(one, name):
            found[word][i] += score
    return [_row(word, by_text, texts, wrong) for word, by_text in found.items() if len(by_text) >= least]


def _row(
    word: str, by_text: dict[int, float], texts: Sequence[TextExplanation], wrong: Sequence[bool] | None
) -> dict[str, Any]:
    strongest = max(by_text, key=lambda i: abs(by_text[i]))
    told: dict[str, Any] = {"words": word, "texts": len(by_text), "mean": _mean(by_text.values()),
                            "sum": float(sum(by_text.values()))}  # fmt: skip
    if wrong is not None:
        among = [score for i, score in by_text.items() if wrong[i]]
        told |= {"wrong": len(among), "mean_wrong": _mean(among) if among else None}
    shown = as_line(texts[strongest].text)
    return {**told, "example": shown if len(shown) <= EXAMPLE else f"{shown[:EXAMPLE]}…"}


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
