"""Whether the strongest words carry a model's predictions: erase them, read again, and compare with random words."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from spacetune.encoders import TextInput, Texts, as_inputs
from spacetune.errors import DataError, UsageError
from spacetune.estimators import TextEstimator
from spacetune.explanations import At
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.explain.erasing import Words, alone, answers, ranked, without

__all__ = ["Faithfulness", "check_explanations"]

Array = np.ndarray[Any, Any]
RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Faithfulness(TableResult):
    """How far a model's answer rests on the words that its explanation calls strongest.

    Parameters
    ----------
    at
        Where the tokens were looked at.
    n_texts
        Texts that were explained: those asked for that have two words or more.
    top
        Words that were erased, at most; never more than half of a text's.
    scores
        One row a choice of words, ``strongest``, ``random``, and ``strongest less random``: comprehensiveness (by how
        much the answer falls without them) and sufficiency (by how much with them alone), means over texts with 95 %
        intervals. High and low is good.
    """

    at: str
    n_texts: int
    top: int
    scores: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows."""
        return [dict(row) for row in self.scores]


@checked_arguments
def check_explanations(
    model: TextEstimator, texts: Texts, *, top: int = 5, n_texts: int = 200, seed: int = 0, at: At | None = None
) -> Faithfulness:
    """Hold explanations to the model: the measures of ERASER (DeYoung et al., ACL 2020), on any texts, without marks.

    The answer is the probability of the predicted class (of several labels, of the strongest), or the number, of which
    every move counts. Texts without the words are read anew, so that a word counts with all it did to the others.

    Parameters
    ----------
    model
        A fitted estimator.
    texts
        Texts or pairs.
    top
        How many words.
    n_texts
        At most so many texts, drawn with the seed.
    seed
        Of the draws.
    at
        Where the tokens are looked at: see `TextEstimator.explain`.

    Raises
    ------
    UsageError
        If `top` or `n_texts` is below 1.
    DataError
        If no text has two words.
    """
    if min(top, n_texts) < 1:
        raise UsageError(f"top and n_texts must be at least 1, got {top} and {n_texts}")
    rng, inputs = np.random.default_rng(seed), as_inputs(texts)
    drawn = rng.permutation(len(inputs))[:n_texts]
    explained = [(one, ranked(one)) for one in model.explain([inputs[i] for i in drawn], at=at)]
    explained = [(one, words) for one, words in explained if len(words) > 1]
    if not explained:
        raise DataError("there is no text of two words or more, and of one word nothing can be left out")
    whole = [one.text for one, _ in explained]
    columns = np.array([one.column(one.predicted) for one, _ in explained])
    before = answers(model, whole)[np.arange(len(whole)), columns]
    sizes = [min(top, (len(words) + 1) // 2) for _, words in explained]
    strongest = [words[:n] for (_, words), n in zip(explained, sizes, strict=True)]
    random = [
        [words[i] for i in rng.permutation(len(words))[:n]] for (_, words), n in zip(explained, sizes, strict=True)
    ]
    falls = [_falls(model, whole, words, before, columns) for words in (strongest, random)]
    named = {"strongest": falls[0], "random": falls[1], "strongest less random": falls[0] - falls[1]}
    scores = tuple({"words": name, **_means(values, seed)} for name, values in named.items())
    return Faithfulness(explained[0][0].at, len(explained), top, scores)


def _falls(
    model: TextEstimator, texts: Sequence[TextInput], words: Sequence[Words], before: Array, columns: Array
) -> Array:
    """Return by how much every answer falls without its words, and with these alone, ``(text, 2)``."""
    pairs = list(zip(texts, words, strict=True))
    asked = [*(without(*pair) for pair in pairs), *(alone(*pair) for pair in pairs)]
    after = answers(model, asked)[np.arange(len(asked)), np.tile(columns, 2)].reshape(2, -1).T
    falls = before[:, None] - after
    return falls if hasattr(model, "classes_") else np.abs(falls)


def _means(values: Array, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    drawn = np.array([values[rng.integers(0, len(values), len(values))].mean(0) for _ in range(RESAMPLES)])
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    told: dict[str, float] = {}
    for i, name in enumerate(("comprehensiveness", "sufficiency")):
        told |= {name: float(values[:, i].mean()), f"{name}_low": float(low[i]), f"{name}_high": float(high[i])}
    return told
