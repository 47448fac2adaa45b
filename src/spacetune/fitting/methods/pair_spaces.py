"""Spaces for pairs of texts that are read apart: the linear head of pairs, and spaces beside it where they help."""

from __future__ import annotations

import dataclasses

import torch

from spacetune.fitting.data import FitData
from spacetune.fitting.learnt import Learnt
from spacetune.fitting.lexicon import WordsChosen, fit_lexicon, learn_lexicon, with_words
from spacetune.fitting.methods.method import Array, Run
from spacetune.fitting.pair_spaces import fit_pair_spaces
from spacetune.fitting.pairs import PAIR_STRENGTHS, PairChosen, PairRows, choose_pairs, learn_pairs, logits_held_out
from spacetune.fitting.reading import logits_of
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.spaces import HeadSettings
from spacetune.heads import Model

__all__ = ["PairSpacesChosen", "learn_pair_spaces", "learn_pair_spaces_again"]

PAIR_SHARE = 1 / 6
"""Of a space head's own rate, at which spaces learn beside a linear head of pairs (5e-4 for many texts)."""


@dataclasses.dataclass(frozen=True)
class PairSpacesChosen:
    """What dev chose: of the linear head of pairs, the share of the epochs of the spaces beside it, and the lexicon.

    The share is 0 where the spaces did no better than the linear head alone.
    """

    linear: PairChosen
    settings: HeadSettings
    share: float
    words: WordsChosen | None = None


def learn_pair_spaces(
    data: FitData, settings: HeadSettings, schedule: Schedule, symmetric: bool | None, run: Run, *, lexicon: bool
) -> tuple[Learnt, Array]:
    """Fit the linear head, then spaces, and keep the epoch that is best on dev: of single labels by the log loss.

    A few dev pairs tell small gains in the log loss from chance where they do not in their classes.
    """
    read = PairRows.of(data)
    linear, found, _ = choose_pairs(data, read, run.task, PAIR_STRENGTHS, symmetric)
    beside = logits_held_out(data, read, run.task, found, settings.seed).float()
    del read  # large, and read no more
    settings = dataclasses.replace(settings, learning_rate=settings.learning_rate * PAIR_SHARE)
    if run.task.kind == "single":
        schedule = dataclasses.replace(schedule, monitor="neg_log_loss")
    head, history = fit_pair_spaces(
        data, linear, beside, found.symmetric, settings, run.task, schedule,
        checkpoint=run.checkpoint, progress=run.progress,
    )  # fmt: skip
    logits = logits_of(head, data.dev)
    words = fit_lexicon(data, torch.as_tensor(logits), run.task, symmetric=found.symmetric) if lexicon else None
    model = with_words(Model(head), words)
    chosen = PairSpacesChosen(found, settings, history.best_epoch / schedule.n_epochs, words and words.chosen)
    logits = logits if words is None else logits_of(model.on_top, data.dev)
    return Learnt.of(model, history=history, chosen=chosen), logits


def learn_pair_spaces_again(data: FitData, schedule: Schedule, run: Run, before: Learnt) -> Learnt:
    """Fit both with what was chosen before, the spaces to the same share of the epochs."""
    chosen: PairSpacesChosen = before.chosen
    read, settings, linear = PairRows.of(data), chosen.settings, chosen.linear
    head = learn_pairs(data, read, run.task, linear)
    if chosen.share:
        beside = logits_held_out(data, read, run.task, linear, settings.seed).float()
        schedule = schedule.for_share(chosen.share)
        head, _ = fit_pair_spaces(
            data, head, beside, linear.symmetric, settings, run.task, schedule, progress=run.progress
        )
    words = None if chosen.words is None else learn_lexicon(data, run.task, chosen.words)
    return Learnt.of(with_words(Model(head), words), history=before.history, chosen=chosen)
