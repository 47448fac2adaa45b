"""Which input word reached the state of which word: the scores of states, each taken apart over the input."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from spacetune.encoders import LayerChanges, TextInput, held_runs
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.explanations import group_words
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments

__all__ = ["Reach", "check_reach", "word_reach"]

Array = np.ndarray[Any, Any]

MOST_WORDS = 300
"""Every word is a pass back: three hundred take a few seconds."""

NUMBERS = 1 << 26
"""Of gradients that are carried back at a time."""


@dataclasses.dataclass(frozen=True)
class Reach(TableResult):
    """How the words of the input reached the states that a logit is read from.

    Parameters
    ----------
    text
        The text, or the pair.
    words
        Its words in reading order; special tokens together at the end, as ``[special]``.
    name
        The class whose logit it is.
    scores
        ``(word, word)``: what a word's states bring to the logit (row) by what another word, as it goes in, brought to
        them (column). A row sums to the word's score at the states, a column to its score at the input.
    """

    text: TextInput
    words: tuple[str, ...]
    name: object
    scores: Array

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a word whose states are read, and a column a word of the input."""
        named = [f"{i + 1} {word}" for i, word in enumerate(self.words)]
        return [
            {"state of": word, **dict(zip(named, row, strict=True))}
            for word, row in zip(self.words, self.scores.tolist(), strict=True)
        ]


@checked_arguments
def word_reach(model: TextEstimator, text: TextInput, predicted: object = None) -> Reach:
    """Take the scores of a text's states apart by the words of the input.

    One pass back for every word whose states are read, with the factors of the network held as they were.

    Parameters
    ----------
    model
        A fitted estimator.
    text
        A text, or a pair.
    predicted
        The class; None is the predicted one.

    Raises
    ------
    UsageError
        If there is no such class, or the text has more than 300 words.
    UnsupportedByFamily
        If this encoder's states are not known as sums of what goes in.
    """
    check_reach(text)
    one = model.explain([text], at="input")[0]
    column = one.column(one.predicted if predicted is None else predicted)
    rows, groups = one.places()
    fitted, adapter = model.learnt_.model, model.learnt_.model.adapter
    apart = model._reader().reading.apart and not isinstance(text, str)
    with torch.no_grad():
        ((features, held),) = held_runs(
            model.encoder_, [text], model.layers_ or (),
            adapter=None if isinstance(adapter, LayerChanges) else adapter, apart=apart,
        )  # fmt: skip
        affine = fitted.on_top.held(features, slice(column, column + 1))
        assert affine.gradients is not None
        gradients = affine.gradients[0]
        at_a_time = max(1, NUMBERS // gradients.numel())
        found = [
            held.pull(_masked(gradients, groups[first : first + at_a_time])).total
            for first in range(0, len(groups), at_a_time)
        ]
        reached = torch.cat(found).double().numpy()
        beside = sum(part[:, 0].double().numpy() for part in (affine.biases, affine.words) if part is not None)
    scores = np.stack([reached[:, group].sum(1) for group in groups], axis=1)
    own = np.broadcast_to(np.asarray(beside, dtype=float), (len(one.tokens),))
    scores[np.diag_indices(len(groups))] += [own[group].sum() for group in groups]
    return Reach(text, tuple(row["word"] for row in rows), one.classes[column], scores)


def check_reach(text: TextInput, most: int = MOST_WORDS) -> None:
    """Raise `UsageError` if a text has more words than these."""
    none = np.zeros((0, 2), dtype=int)
    n_words = sum(len(group_words(part, none)[0]) for part in ((text,) if isinstance(text, str) else text))
    if n_words > most:
        raise UsageError(f"every word is a pass back, so a text may have {most} words at most, got {n_words:,}; cut it")


def _masked(gradients: torch.Tensor, groups: list[Array]) -> torch.Tensor:
    """Return the gradients once for every group of tokens, zero at all other tokens, ``(group, token, layer, dim)``."""
    masked = gradients.new_zeros(len(groups), *gradients.shape)
    for i, group in enumerate(groups):
        masked[i, torch.as_tensor(group)] = gradients[torch.as_tensor(group)]
    return masked
