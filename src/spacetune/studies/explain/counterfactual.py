"""The fewest words whose removal changes a prediction, each candidate read by the model itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from spacetune.encoders import TextInput
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.explanations import At, TextExplanation
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.explain.erasing import Words, ranked, without

__all__ = ["Counterfactual", "find_counterfactual"]

PAIRED = 12
"""Of so many of the strongest words all pairs are tried."""
SINGLE = 512
"""So many of the strongest words are tried alone: each is a text to read."""


@dataclasses.dataclass(frozen=True)
class Counterfactual(TableResult):
    """What had to go for another prediction.

    Parameters
    ----------
    text
        The text, or the pair.
    removed
        The words, in reading order, with their places; empty where nothing up to the limit changed the prediction.
    left
        The text without them.
    before, after
        The prediction of either.
    of
        The class predicted before; of labels that can hold together, the strongest.
    answer_before, answer_after
        The probability of that class.
    n_read
        How many texts the model read to find them.
    """

    text: TextInput
    removed: tuple[dict[str, Any], ...]
    left: TextInput
    before: object
    after: object
    of: object
    answer_before: float
    answer_after: float
    n_read: int

    @property
    def found(self) -> bool:
        """Whether the prediction changed."""
        return bool(self.removed)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row."""
        removed = ", ".join(word["word"] for word in self.removed)
        return [{"removed": removed, "before": self.before, "after": self.after,
                 "p_before": self.answer_before, "p_after": self.answer_after, "left": self.left}]  # fmt: skip


@checked_arguments
def find_counterfactual(
    model: TextEstimator, text: TextInput, *, most: int = 10, at: At | None = None
) -> Counterfactual:
    """Find the fewest words without which the model predicts otherwise.

    Every single word of the strongest 512 is tried, then every two of the strongest twelve. Beyond that words go
    strongest first until the prediction changes, and each that can be put back is: so of more than two words none is
    spare, but another set as small may exist, or a smaller one. Every step is read by the model, none is taken from the
    scores.

    Parameters
    ----------
    model
        A fitted classifier.
    text
        A text, or a pair.
    most
        Words that may go.
    at
        Where the tokens are looked at: see `TextEstimator.explain`.

    Raises
    ------
    UsageError
        If the model predicts numbers, or `most` is below 1.
    """
    if not hasattr(model, "classes_"):
        raise UsageError("a number has no other class to change to: counterfactuals are for classifiers")
    if most < 1:
        raise UsageError(f"most must be at least 1, got {most}")
    one = model.explain([text], at=at)[0]
    search = _Search(model, one)
    words = ranked(one)[:SINGLE]
    removed = search.best([[word] for word in words])
    if removed is None and most > 1:
        removed = search.best([list(pair) for pair in combinations(words[:PAIRED], 2)])
    if removed is None:
        removed = search.greedy(words[:most])
    removed = sorted(removed or [], key=lambda word: (word["part"], word["start"]))
    left = without(text, removed)
    after, answer = search.ask([left])[0] if removed else (search.predicted, search.before)
    return Counterfactual(
        text,
        tuple(removed),
        left,
        search.predicted,
        after,
        one.classes[search.column],
        search.before,
        answer,
        search.n_read,
    )


class _Search:
    """Texts with words gone, asked of one model, and the answers counted."""

    def __init__(self, model: TextEstimator, one: TextExplanation) -> None:
        self.model, self.one, self.n_read = model, one, 1
        outcome = model.outcome(model.read([one.text], progress=False).logits)
        self.predicted = outcome["predicted"]  # by the pass that reads the rest: near 0.5 an explanation's may differ
        self.column = one.column(self.predicted)
        self.before = float(outcome["probabilities"][self.column])

    def ask(self, texts: Sequence[TextInput]) -> list[tuple[Any, float]]:
        """Return the prediction of every text, and the answer for the class predicted before."""
        self.n_read += len(texts)
        read = self.model.read(list(texts), progress=False)
        told = [self.model.outcome(logits[None]) for logits in read.logits]
        return [(each["predicted"], float(each["probabilities"][self.column])) for each in told]

    def best(self, sets: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]] | None:
        """Return the set whose removal changes the prediction and leaves its class the least likely; None if none."""
        if not sets:
            return None
        found = self.ask([without(self.one.text, words) for words in sets])
        changed = [(answer, i) for i, (label, answer) in enumerate(found) if label != self.predicted]
        return sets[min(changed)[1]] if changed else None

    def greedy(self, words: Words) -> list[dict[str, Any]] | None:
        """Take words away one after the other until the prediction changes, then put back what need not go."""
        sets = [list(words[:n]) for n in range(3, len(words) + 1)]
        found = self.ask([without(self.one.text, each) for each in sets]) if sets else []
        gone = next((each for each, (label, _) in zip(sets, found, strict=True) if label != self.predicted), None)
        before = None
        while gone is not None and gone != before:  # what could not be put back may be, once others have
            before = gone
            for word in reversed(before):
                fewer = [each for each in gone if each is not word]
                if self.ask([without(self.one.text, fewer)])[0][0] != self.predicted:
                    gone = fewer
        return gone
