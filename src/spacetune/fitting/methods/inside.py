"""A simplex of adapters inside the frozen encoder (prefixes or low rank), and of heads on top."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from spacetune.encoders import (
    Encoder,
    LoraVertices,
    Mixing,
    Pooling,
    PrefixVertices,
    Reparametrisation,
)
from spacetune.fitting.data import FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import AdaptedInputs, Inputs, mean_rows
from spacetune.fitting.learnt import Learnt
from spacetune.fitting.linear import STRENGTHS, choose_linear, spread
from spacetune.fitting.memory import TRAINED, check_memory
from spacetune.fitting.methods.method import MANY, Array, Method, Reading, Run
from spacetune.fitting.schedule import Schedule, auto_schedule
from spacetune.fitting.simplex import SimplexTraining, fit_simplex, point_logits
from spacetune.fitting.spaces import head_bytes, new_heads
from spacetune.fitting.tasks import Task
from spacetune.heads import AdapterVertices, HeadVertices, LinearVertices, Sampling, Simplex, SpaceVertices

__all__ = ["InsideChosen", "InsideMethod"]

LONGEST_RUN = 12
"""Epochs at most where the user names none."""


@dataclasses.dataclass(frozen=True)
class InsideChosen:
    """What dev chose: the share of the epochs, and the strength of the probe that the heads started from."""

    share: float
    strength: float | None


@dataclasses.dataclass(frozen=True)
class InsideMethod(Method):
    """A simplex learnt with fresh points for every text and layer, and used at its centroid."""

    n_vertices: int
    adapter: Literal["prefix", "lora"]
    rank: int
    prefix_length: int
    head: Literal["linear", "space"]
    n_latent: int
    pooling: Pooling
    position_shift: bool
    reparametrisation: Reparametrisation
    hidden_size: int
    mixing: Mixing
    sampling: Sampling
    shared_layers: bool
    start_scale: float
    probe_start: bool
    n_validation_samples: int
    diversity_weight: float
    dropout: float
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    n_epochs: int | None
    batch_size: int | None
    patience: int | None
    seed: int

    @property
    def reading(self) -> Reading:
        """Texts go through the encoder in every step; an adapter sees a text in one piece."""
        return Reading(windows=False, every_step=True)

    def learns_again(self, n_texts: int) -> bool:
        """Tell yes below 2,000 texts, where a tenth more of them counts; the number is ours."""
        return n_texts < MANY

    def conflict(self) -> str | None:
        """Say nothing: all settings go together."""
        return None

    def learn(self, data: FitData, run: Run) -> tuple[Learnt, Array]:
        """Train adapters and heads; dev's logits are those of the centroid."""
        schedule, strengths = self._schedule(len(data.train), run.task), STRENGTHS if self.probe_start else ()
        self._check_memory(data.train, schedule, run)
        simplex, strength, history = self._train(data, strengths, schedule, run)
        chosen = InsideChosen(history.best_epoch / schedule.n_epochs, strength)
        learnt = Learnt.of(simplex.centroid(), simplex, history=history, chosen=chosen)
        return learnt, point_logits(simplex, data.dev, simplex.centre())[0]

    def learn_again(self, data: FitData, run: Run, before: Learnt) -> Learnt:
        """Train to the same share of the epochs, from the same probe."""
        chosen = before.chosen
        strengths = () if chosen.strength is None else (chosen.strength,)
        schedule = self._schedule(len(data.train), run.task).for_share(chosen.share, least=0)
        simplex, strength, _ = self._train(data, strengths, schedule, run)
        again = InsideChosen(chosen.share, strength)
        return Learnt.of(simplex.centroid(), simplex, history=before.history, chosen=again)

    def _train(
        self, data: FitData, strengths: Sequence[float], schedule: Schedule, run: Run
    ) -> tuple[Simplex, float | None, History]:
        generator = torch.Generator().manual_seed(self.seed)
        adapter = self._new_adapter(run.encoder, generator) if isinstance(data.train, AdaptedInputs) else None
        head, strength = self._new_head(adapter, data, strengths, run.task, generator)
        settings = SimplexTraining(
            self.learning_rate, self.head_learning_rate, self.weight_decay, self.dropout,
            self.diversity_weight, self.n_validation_samples, self.seed,
        )  # fmt: skip
        simplex = Simplex(head, adapter, sampling=self.sampling, shared_layers=self.shared_layers)
        history = fit_simplex(
            simplex, data, settings, run.task, schedule, checkpoint=run.checkpoint, progress=run.progress
        )
        return simplex.finished(), strength, history

    def _schedule(self, n_texts: int, task: Task) -> Schedule:
        return auto_schedule(
            n_texts, self.n_epochs, self.batch_size, self.patience, task.monitor, self.seed, LONGEST_RUN
        )

    def _new_adapter(self, encoder: Encoder | None, generator: torch.Generator) -> PrefixVertices | LoraVertices:
        assert encoder is not None
        if self.adapter == "lora":
            return LoraVertices(encoder.prefixed.lora_shape(self.rank), self.n_vertices, generator=generator)
        return PrefixVertices(
            encoder.prefixed.shape(self.prefix_length, position_shift=self.position_shift), self.n_vertices,
            reparametrisation=self.reparametrisation, hidden_size=self.hidden_size, mixing=self.mixing,
            start_scale=self.start_scale, position_shift=self.position_shift, generator=generator,
        )  # fmt: skip

    def _new_head(
        self,
        adapter: AdapterVertices | None,
        data: FitData,
        strengths: Sequence[float],
        task: Task,
        generator: torch.Generator,
    ) -> tuple[HeadVertices, float | None]:
        """Make the heads, standardised by what the first centroid gives and started from the best of its probes."""
        with torch.no_grad():
            centroid = None if adapter is None else adapter.centroid()
        prior = data.prior(task)
        if self.head == "space":
            starts = [(self.n_latent, generator)] * self.n_vertices
            made = new_heads(data.train, prior, starts, adapter=centroid, dtype=torch.float32)
            return SpaceVertices(made), None
        rows = mean_rows(data.train, centroid).numpy()
        head = LinearVertices(rows.shape[1], task.n_outputs, self.n_vertices, generator=generator)
        of_rows = spread(rows, data.truth[1])
        weight, bias, strength = np.zeros((task.n_outputs, rows.shape[1])), prior.numpy(), None
        if strengths:
            dev_rows = mean_rows(data.dev, centroid).numpy()
            parts = (of_rows.standard(rows), *data.truth), (of_rows.standard(dev_rows), *data.dev_truth)
            found = choose_linear(task, *parts, strengths)
            weight, bias, strength = found.weight, found.bias, found.strength
        head.start_at(*(torch.as_tensor(np.asarray(part)) for part in (*of_rows, weight, bias)))
        return head, strength

    def _check_memory(self, train: Inputs, schedule: Schedule, run: Run) -> None:
        """Refuse adapters and heads that cannot be trained here; a batch holds its adapters and their slopes."""
        trained, held = 0, 0
        if run.encoder is not None and isinstance(train, AdaptedInputs):
            a_token = 2 * run.encoder.n_layers * run.encoder.dim
            length = self.rank if self.adapter == "lora" else self.prefix_length
            hidden = 0 if self.reparametrisation == "none" else self.hidden_size
            trained = a_token * (self.n_vertices * length + 2 * hidden)
            held = 2 * min(schedule.batch_size, len(train)) * a_token * length
        needed = 4 * (TRAINED * trained + held)
        if self.head == "space":
            sizes = self.n_latent, run.task.n_outputs, self.n_vertices
            needed += head_bytes(train.shape, train.lengths, schedule.batch_size, *sizes)
        names = ("n_vertices", "prefix_length", "rank", "hidden_size", "n_latent", "batch_size")
        check_memory(needed, ", ".join(f"{name}={getattr(self, name)}" for name in names))
