"""The linear probe: logistic or ridge regression on mean states; or a linear head over layers that are tuned."""

from __future__ import annotations

import dataclasses
import logging
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.fitting.data import Batch, FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import mean_rows
from spacetune.fitting.layers import TunedLayers, top_of, tuning_schedule
from spacetune.fitting.learnt import Learnt
from spacetune.fitting.lexicon import WordsChosen, fit_lexicon, learn_lexicon, with_words
from spacetune.fitting.linear import STRENGTHS, Spread, spread
from spacetune.fitting.mean_probe import choose_probe, learn_probe
from spacetune.fitting.methods.method import MANY, Array, Method, Reading, Run
from spacetune.fitting.methods.tuning import size_conflict, tune
from spacetune.fitting.pairs import (
    PAIR_STRENGTHS,
    PairChosen,
    PairRows,
    TunedPairs,
    choose_pairs,
    learn_pairs,
)
from spacetune.fitting.reading import logits_of
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.scores import standing
from spacetune.fitting.spaces import dropped
from spacetune.fitting.tasks import Task
from spacetune.heads import LinearHead, LinearVertices, Model, PairHead

__all__ = ["ProbeMethod"]

log = logging.getLogger("spacetune")

SPREAD, HEAD_RATE, DROPOUT = 0.3, 1e-3, 0.1
"""Of a linear head over tuned layers: the standard deviation of what it reads, its rate, and its dropout; ours."""


PAIR_RATE, PAIR_HEAD_RATE = 5e-5, 1e-4
"""Rates of layers under pairs that are read apart, and of their head; ours, from the dev part of STS-B, where twice the
first and ten times the second did no better than the frozen encoder."""


@dataclasses.dataclass(frozen=True)
class ProbeChosen:
    """What dev chose: the strength, the share of the tuning's epochs (0 where nothing was tuned), and the lexicon."""

    strength: float
    tuned_share: float = 0.0
    words: WordsChosen | None = None


@dataclasses.dataclass(frozen=True)
class ProbeMethod(Method):
    """A linear head, fitted on standardised mean states at the strength that dev chooses, or trained with the layers.

    Over tuned layers the head starts at the best guess without a text, not at the probe: what is fitted already leaves
    the layers little to learn. For pairs read apart it starts at the probe, since a sentence encoder puts near what is
    alike before anything is learnt.
    """

    C: float | None = None
    inside: Literal["top", "all"] | None = None
    inside_size: int | None = None
    encoder_learning_rate: float | None = None
    inside_epochs: int | None = None
    lexicon: bool | None = None
    pairs: Literal["auto", "apart", "together"] = "together"
    symmetric: bool | None = None
    seed: int = 0

    @property
    def reading(self) -> Reading:
        """It reads all windows, unless layers are tuned: they see a text in one piece."""
        return Reading(
            windows=self.inside is None, apart=self.pairs != "together", top=top_of(self.inside, self.inside_size)
        )

    def learns_again(self, n_texts: int) -> bool:
        """Tell yes where a second fit costs nothing, and of tuned layers below 2,000 texts."""
        return self.inside is None or n_texts < MANY

    def conflict(self) -> str | None:
        """Say what a probe does not learn inside, and where a size has nothing to be the size of."""
        if self.inside not in (None, "top", "all"):
            return f"a probe learns inside='top' or inside='all', not {self.inside!r}: a simplex of one vertex does"
        if (wrong := size_conflict(self.inside, self.inside_size)) is not None:
            return wrong
        for name in ("encoder_learning_rate", "inside_epochs"):
            if self.inside is None and getattr(self, name) is not None:
                return f"{name} is for layers that are tuned: give inside='top' or 'all', or leave it out"
        return None

    def learn(self, data: FitData, run: Run) -> tuple[Learnt, Array]:
        """Fit at every strength, keep the best on dev; tune, where asked for, and keep the better; add words."""
        learnt, logits = (self._learn_pairs if data.train.first is not None else self._learn_texts)(data, run)
        if not (self.inside is not None if self.lexicon is None else self.lexicon):
            return learnt, logits
        chosen: ProbeChosen | PairChosen = learnt.chosen
        alike = isinstance(chosen, PairChosen) and chosen.symmetric
        words = fit_lexicon(data, torch.as_tensor(logits), run.task, symmetric=alike)
        if words is None:
            return learnt, logits
        own = logits * words.chosen.share + words.bias.numpy()
        chosen = dataclasses.replace(chosen, words=words.chosen)
        return _told(with_words(learnt.model, words), learnt.history, chosen), own + logits_of(words.lexicon, data.dev)

    def learn_again(self, data: FitData, run: Run, before: Learnt) -> Learnt:
        """Fit at the strength that was chosen, or tune to the same share of the epochs; with the lexicon's weight."""
        chosen: ProbeChosen | PairChosen = before.chosen
        if isinstance(chosen, PairChosen):
            model = self._pairs_again(data, run, chosen)
        else:
            model = self._texts_again(data, run, chosen)
        words = None if chosen.words is None else learn_lexicon(data, run.task, chosen.words)
        return _told(with_words(model, words), before.history, chosen)

    def _learn_texts(self, data: FitData, run: Run) -> tuple[Learnt, Array]:
        found = choose_probe(data, run.task, STRENGTHS if self.C is None else (self.C,))
        frozen = _told(Model(found.head), None, ProbeChosen(found.strength)), found.dev_logits
        return frozen if self.inside is None else self._better(frozen, self._tune(data, found.spread, run), data, run)

    def _texts_again(self, data: FitData, run: Run, chosen: ProbeChosen) -> Model:
        if not chosen.tuned_share:
            return Model(learn_probe(data, run.task, chosen.strength))
        of_rows = spread(mean_rows(data.train).numpy(), data.truth[1])
        head, tuned = self._tune(data, of_rows, run, chosen.tuned_share)
        return Model(head, tuned.changes)

    def _learn_pairs(self, data: FitData, run: Run) -> tuple[Learnt, Array]:
        strengths = PAIR_STRENGTHS if self.C is None else (self.C,)
        head, chosen, logits = choose_pairs(data, PairRows.of(data), run.task, strengths, self.symmetric)
        frozen = _told(Model(head), None, chosen), logits
        if self.inside is None:
            return frozen
        return self._better(frozen, self._tune_pairs(data, head, chosen, run), data, run)

    def _pairs_again(self, data: FitData, run: Run, chosen: PairChosen) -> Model:
        head = learn_pairs(data, PairRows.of(data), run.task, chosen)
        if not chosen.tuned_share:
            return Model(head)
        trained, tuned = self._tune_pairs(data, head, chosen, run, chosen.tuned_share)
        return Model(trained, tuned.changes)

    def _tune_pairs(
        self, data: FitData, head: PairHead, chosen: PairChosen, run: Run, share: float | None = None
    ) -> tuple[PairHead, TunedLayers]:
        """Train layers and a head of pairs over texts that are read apart."""
        trained = TunedPairs(data, run.task, head, chosen)
        layers = tune(
            trained, data, run, self.reading, self._schedule(data, run),
            rate=self.encoder_learning_rate or PAIR_RATE, head_rate=PAIR_HEAD_RATE, share=share,
        )  # fmt: skip
        return trained.head(), layers

    def _schedule(self, data: FitData, run: Run) -> Schedule:
        return tuning_schedule(len(data.train), self.inside_epochs, None, None, run.task.monitor, self.seed)

    @staticmethod
    def _better(
        frozen: tuple[Learnt, Array], made: tuple[LinearHead | PairHead, TunedLayers], data: FitData, run: Run
    ) -> tuple[Learnt, Array]:
        """Return what was learnt on the frozen encoder, or what tuning made where dev says it is better."""
        before, (head, tuned) = frozen[0], made
        logits = logits_of(head, tuned.data.dev)
        task = run.task
        one, other = (standing(task.scores(each, *data.dev_truth), task.monitor) for each in (logits, frozen[1]))
        if tuned.changes is None or one <= other:
            log.warning("tuning did no better on dev than the probe of the frozen encoder, which is kept")
            stopped = tuned.history if tuned.history.ended == "interrupted" else None
            return dataclasses.replace(before, history=stopped), frozen[1]
        chosen = dataclasses.replace(before.chosen, tuned_share=tuned.share)
        return _told(Model(head, tuned.changes), tuned.history, chosen), logits

    def _tune(
        self, data: FitData, of_rows: Spread, run: Run, share: float | None = None
    ) -> tuple[LinearHead, TunedLayers]:
        """Train layers and head; by dev, or up to a share of the epochs that was chosen before."""
        generator = torch.Generator().manual_seed(self.seed)
        vertices = LinearVertices(of_rows.mean.size, run.task.n_outputs, 1, generator=generator)
        mean, scale = (torch.as_tensor(np.asarray(part)) for part in of_rows)
        start = torch.zeros(run.task.n_outputs, len(mean))
        vertices.start_at(mean, scale / SPREAD, start, data.prior(run.task))
        trained = _TunedLinear(vertices, run.task)
        layers = tune(
            trained, data, run, self.reading, self._schedule(data, run),
            rate=self.encoder_learning_rate, head_rate=HEAD_RATE, share=share,
        )  # fmt: skip
        return trained.vertices.centroid(), layers


def _told(model: Model, history: History | None, chosen: ProbeChosen | PairChosen) -> Learnt:
    return Learnt.of(model, history=history, chosen=chosen, facts={"C": chosen.strength})


class _TunedLinear(nn.Module):
    """A linear head that is trained with the layers under it."""

    def __init__(self, vertices: LinearVertices, task: Task) -> None:
        super().__init__()
        self.vertices, self.task = vertices, task
        self.register_buffer("point", torch.ones(1, 1, 1), persistent=False)

    def logits(self, features: TokenFeatures) -> Tensor:
        return self.vertices.logits(features, self.get_buffer("point"), lambda z: z)

    def loss(self, features: TokenFeatures, batch: Batch, generator: torch.Generator) -> Tensor:
        point = self.get_buffer("point")
        return self.task.loss(self.vertices.logits(features, point, lambda z: dropped(z, DROPOUT, generator)), *batch)
