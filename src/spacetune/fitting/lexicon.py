"""Fit a lexicon beside a trained head, and keep it only where it helps on dev."""

# The types of torch, NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.fitting.data import FitData
from spacetune.fitting.grams import FIRST_ALONE, KnownGrams, has_grams
from spacetune.fitting.linear import fit_linear
from spacetune.fitting.mixing import shares
from spacetune.fitting.tasks import Task
from spacetune.heads import Lexicon, LinearHead, Model, PairHead, SpaceHead
from spacetune.heads.lexicon import KIND

__all__ = ["Words", "WordsChosen", "fit_lexicon", "learn_lexicon", "with_words"]

Array = np.ndarray[Any, Any]

STRENGTHS = (0.3, 1.0)
MOST_WEIGHTS = 2_000_000


@dataclasses.dataclass(frozen=True)
class WordsChosen:
    """What dev chose of a lexicon.

    Parameters
    ----------
    strength
        Of the penalty, inverse.
    share
        What the head's logits keep.
    weight
        By which the lexicon's own scores are multiplied.
    gain
        By how much the dev score rose.
    symmetric
        Of pairs of texts: whether swapping them changes nothing.
    """

    strength: float
    share: float
    weight: float
    gain: float
    symmetric: bool = False


@dataclasses.dataclass(frozen=True)
class Words:
    """A lexicon worth having: its weight is in it; the head is to give way to it.

    Parameters
    ----------
    lexicon
        Scores a token and a pair of neighbours.
    bias
        ``(output,)``: added to the scaled bias of the head.
    chosen
        Strength and shares.
    """

    lexicon: Lexicon
    bias: Tensor
    chosen: WordsChosen

    def fold_into(self, head: SpaceHead | LinearHead | PairHead) -> None:
        """Put the head's share of the logits, and the lexicon's bias, into its linear map."""
        linear = head.classifier if isinstance(head, SpaceHead) else head
        weights = [part.weight for part in linear.parts] if isinstance(linear, PairHead) else [linear.weight]
        with torch.no_grad():
            for weight in weights:
                weight.mul_(self.chosen.share)
            linear.bias.mul_(self.chosen.share).add_(self.bias)


@dataclasses.dataclass(frozen=True)
class _Mixture:
    strength: float
    weights: Array
    bias: Array
    a: float
    b: float
    logits: Array
    loss: float


def fit_lexicon(data: FitData, head_logits: Tensor, task: Task, *, symmetric: bool = False) -> Words | None:
    r"""Fit logistic (or ridge) regression on wordpieces and pairs, and weigh it against the head on dev.

    .. math:: \min_{a, b \ge 0} \sum_{dev} loss(a\,S + b\,L) + (a - 1)^2 + b^2

    S are the head's logits and L the lexicon's, which was fitted on the training texts alone: counts of grams that at
    least two texts hold, times their idf, over the root of the text's length. Of two strengths of the penalty the
    mixture with the least loss on dev stays, and only if it improves both the loss and the score on dev. The pull
    towards the head alone matters for small dev parts only. All of this is our choice, made on dev parts.

    Parameters
    ----------
    data
        Features and targets.
    head_logits
        ``(dev text, output)``.
    task
        What is learnt.
    symmetric
        Of pairs of texts: whether what the first alone has weighs what the second alone has.

    Returns
    -------
    Words or None
        None where it does not help, or where the features carry no token ids.
    """
    if not data.has_dev:
        return None
    if not (has_grams(data.train) and has_grams(data.dev)):
        return None
    known = _known(data, task, symmetric)
    if not len(known):
        return None
    rows, dev_rows = known.counts(data.train), known.counts(data.dev)
    head = head_logits.double()
    tried = [_mix(rows, dev_rows, data, head, task, strength) for strength in STRENGTHS]
    best = min(tried, key=lambda m: m.loss)
    before, after = (task.scores(z, *data.dev_truth)[task.monitor] for z in (head.numpy(), best.logits))
    if best.b == 0 or after <= before:
        return None
    chosen = WordsChosen(best.strength, best.a, best.b, after - before, symmetric)
    return _words(known, best.weights, best.bias, chosen)


def learn_lexicon(data: FitData, task: Task, chosen: WordsChosen) -> Words | None:
    """Fit the lexicon from other texts, at the strength and the shares that were chosen before.

    Parameters
    ----------
    data
        Features and targets; of dev nothing is taken.
    task
        What is learnt.
    chosen
        What `fit_lexicon` chose.

    Returns
    -------
    Words or None
        None where the features carry no token ids, or no gram stands in two texts.
    """
    if not has_grams(data.train):
        return None
    known = _known(data, task, chosen.symmetric)
    if not len(known):
        return None
    return _words(known, *_fitted(known.counts(data.train), data, task, chosen.strength), chosen)


def with_words(model: Model, words: Words | None) -> Model:
    """Return a model with the lexicon beside its head, which gives way to it; as it is where there is none."""
    if words is None:
        return model
    assert isinstance(model.head, SpaceHead | LinearHead | PairHead)
    words.fold_into(model.head)
    return dataclasses.replace(model, lexicon=words.lexicon)


def _known(data: FitData, task: Task, symmetric: bool) -> KnownGrams:
    return KnownGrams.of(data.train, symmetric, MOST_WEIGHTS // max(1, task.n_outputs))


def _words(known: KnownGrams, weights: Array, bias: Array, chosen: WordsChosen) -> Words:
    scaled = torch.as_tensor(chosen.weight * weights.T * known.idf[:, None]).float()
    grams = torch.as_tensor(known.grams)
    if chosen.symmetric:  # what the first text alone has stands for both
        alone = grams // KIND == FIRST_ALONE
        grams, scaled = torch.cat([grams, grams[alone] + KIND]), torch.cat([scaled, scaled[alone]])
    return Words(Lexicon(grams, scaled), torch.as_tensor(chosen.weight * bias), chosen)


def _mix(rows: Any, dev_rows: Any, data: FitData, head: Tensor, task: Task, strength: float) -> _Mixture:
    weights, bias = _fitted(rows, data, task, strength)
    lexical = torch.as_tensor(dev_rows @ weights.T + bias)
    a, b, loss = shares(head, lexical, data, task)
    return _Mixture(strength, weights, bias, a, b, (a * head + b * lexical).numpy(), loss)


def _fitted(rows: Any, data: FitData, task: Task, strength: float) -> tuple[Array, Array]:
    targets, weights = data.truth
    C = strength / 2 if task.kind == "regression" else strength  # in the scale of `fit_linear`
    return fit_linear(task, rows, targets, C, weights)
