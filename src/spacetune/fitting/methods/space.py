"""The Space Model: spaces on a frozen encoder, a simplex of them, or spaces under which the encoder is trained too."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import torch

from spacetune.errors import DataError, UsageError
from spacetune.fitting.data import FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import Inputs, compute_dtype_of
from spacetune.fitting.layers import TunedLayers, top_of, tuning_schedule
from spacetune.fitting.learnt import Learnt
from spacetune.fitting.lexicon import Words, WordsChosen, fit_lexicon, learn_lexicon, with_words
from spacetune.fitting.linear_path import PathChosen, fit_path, learn_path
from spacetune.fitting.memory import check_memory
from spacetune.fitting.methods.inside import InsideMethod
from spacetune.fitting.methods.method import MANY, Array, Method, Reading, Run
from spacetune.fitting.methods.pair_spaces import PairSpacesChosen, learn_pair_spaces, learn_pair_spaces_again
from spacetune.fitting.methods.tuning import size_conflict, tune
from spacetune.fitting.reading import logits_of
from spacetune.fitting.schedule import Schedule, auto_schedule
from spacetune.fitting.simplex import SimplexTraining, fit_simplex
from spacetune.fitting.spaces import HeadSettings, TunedSpaces, fit_heads, head_bytes, new_heads, starts_of
from spacetune.fitting.tasks import Task
from spacetune.fitting.with_encoder import fit_with_encoder
from spacetune.heads import Model, Simplex, SpaceHead, SpaceVertices
from spacetune.heads.spaces import InterVariant

__all__ = ["SpaceChosen", "SpaceMethod", "space_method"]

WIDTH, PAIR_WIDTH = 16, 32
"""Of a space by itself, for single texts and for pairs that are read apart; the latter from the dev part of MRPC."""

MOST_DIMENSIONS = 512
"""Dimensions of all spaces of a layer together that ``n_latent="auto"`` stays within."""

WIDE = 512
"""Width of states from which a probe is weighed against spaces where that is left open."""

HEAD_SHARE = 1 / 3
"""Of its own rate, at which a head goes on over layers that are tuned."""

ADAPTED: Mapping[str, str] = {"lora": "rank", "prefix": "prefix_length"}
"""What is learnt inside in every step, and what its size is called."""

UNDER_SPACES: Mapping[str, Any] = {
    "head": "space", "n_latent": 8, "rank": 8, "prefix_length": 10, "learning_rate": 1e-2, "head_learning_rate": 1e-3,
    "weight_decay": 0.01, "pooling": "mean", "position_shift": False, "reparametrisation": "none", "hidden_size": 512,
    "mixing": "after", "sampling": "observation", "shared_layers": False, "start_scale": 0.1, "probe_start": False,
    "diversity_weight": 0.0,
}  # fmt: skip
"""How adapters are learnt under spaces: as `PrefixSimplexClassifier` learns them, with a space head."""

SEED_STEP = 7_919
"""What stands between the seeds of two corners' starts."""


ENCODER_RATE = 5e-5
"""Of a training of the whole encoder."""


@dataclasses.dataclass(frozen=True)
class SpaceChosen:
    """What dev chose: settings of the head, the share of its epochs and of the tuning's, what stands beside it."""

    settings: HeadSettings
    share: float
    tuned_share: float
    path: PathChosen | None
    words: WordsChosen | None


@dataclasses.dataclass(frozen=True)
class SpaceMethod(Method):
    """Space heads with AdamW on features that are computed once; a probe and a lexicon beside them where they help."""

    n_latent: int | Literal["auto"]
    intra_weight: float
    dropout: float
    learning_rate: float | None
    weight_decay: float
    n_epochs: int | None
    batch_size: int | None
    patience: int | None
    train_encoder: bool
    encoder_learning_rate: float | None
    inside: Literal["top", "all"] | None
    inside_size: int | None
    n_vertices: int
    n_validation_samples: int
    linear_path: bool | None
    lexicon: bool
    pairs: Literal["auto", "apart", "together"]
    symmetric: bool | None
    seed: int
    inter_weight: float = 0.0
    inter_variant: InterVariant = "labelled"

    @property
    def reading(self) -> Reading:
        """It reads all windows, unless something of the encoder is trained: that sees a text in one piece."""
        windows = not self.train_encoder and self.inside is None
        apart = self.pairs == "apart" or (self.pairs == "auto" and self._alone)
        return Reading(windows=windows, apart=apart, top=top_of(self.inside, self.inside_size))

    @property
    def _alone(self) -> bool:
        """Whether one head is trained, on a frozen encoder and by the task's loss alone."""
        beside = self.inside or self.train_encoder or self.inter_weight or self.intra_weight
        return not beside and self.n_vertices == 1

    def _tries_path(self, train: Inputs) -> bool:
        """Whether a probe is weighed against the spaces: where it was asked for, or left open and states are wide."""
        wanted = train.shape[-1] >= WIDE if self.linear_path is None else self.linear_path
        return wanted and self._alone

    def learns_again(self, n_texts: int) -> bool:
        """Tell yes below 2,000 texts, where a tenth more of them counts (the number is ours), and the encoder stays."""
        return n_texts < MANY and not self.train_encoder

    def conflict(self) -> str | None:
        """Say what a simplex does not mix, and what trains twice."""
        if (wrong := size_conflict(self.inside, self.inside_size, "'top', 'lora' or 'prefix'")) is not None:
            return wrong
        if self.pairs == "apart" and not self._alone:
            return (
                "pairs='apart' is for spaces on a frozen encoder, with n_vertices=1 and without auxiliary losses; "
                "LinearProbe tunes layers under pairs read apart, and pairs='auto' reads them as one text here"
            )
        if self.inside is not None and (self.train_encoder or self.n_vertices > 1):
            return "inside='top' and inside='all' train one head (n_vertices=1), and without train_encoder"
        if self.n_vertices > 1 and (self.train_encoder or self.inter_weight or self.intra_weight):
            return "a simplex of heads (n_vertices above 1) trains without train_encoder and auxiliary losses"
        return None

    def learn(self, data: FitData, run: Run) -> tuple[Learnt, Array]:
        """Train the head; add a linear path and a lexicon where they help."""
        apart = data.train.first is not None
        settings = self._settings(run.task, len(data.train), PAIR_WIDTH if apart else WIDTH)
        schedule = self._schedule(len(data.train), run.task)
        self._check_memory(data.train, settings, schedule, run.task)
        if apart:
            return learn_pair_spaces(data, settings, schedule, self.symmetric, run, lexicon=self.lexicon)
        trained = None
        if self.train_encoder:
            if run.encoder is None or data.train.texts is None or data.dev.texts is None:
                raise DataError("train_encoder trains on texts: ready features have no encoder under them; give texts")
            trained, head, history, data = fit_with_encoder(
                run.encoder, data, settings, run.task, schedule, self.encoder_learning_rate or ENCODER_RATE,
                checkpoint=run.checkpoint, progress=run.progress,
            )  # fmt: skip
            simplex = None
        else:
            head, simplex, history = self._train(data, settings, schedule, run)
        share, tuned = history.best_epoch / schedule.n_epochs, None
        if self.inside is not None and history.ended != "interrupted":
            head, tuned = self._tune(data, head, settings, run)
            history, data = tuned.history, tuned.data
        logits = logits_of(head, data.dev)
        path = fit_path(data, torch.as_tensor(logits), run.task) if self._tries_path(data.train) else None
        if path is not None:
            head = path.beside(head)
            logits = logits_of(head, data.dev)
        words = fit_lexicon(data, torch.as_tensor(logits), run.task) if self.lexicon else None
        chosen = SpaceChosen(
            settings, share, tuned.share if tuned else 0, path=path and path.chosen, words=words and words.chosen
        )
        model = Model(head, None if tuned is None else tuned.changes)
        learnt = _with_words(model, simplex, words, history=history, chosen=chosen, encoder=trained)
        return learnt, logits if words is None else logits_of(learnt.model.on_top, data.dev)

    def learn_again(self, data: FitData, run: Run, before: Learnt) -> Learnt:
        """Train to the same share of the epochs, with the settings and the lexicon's weight chosen before.

        Raises
        ------
        UsageError
            If the encoder is trained too.
        """
        if self.train_encoder:
            raise UsageError("refit is for a frozen encoder; with train_encoder fit on all texts, and give dev=")
        chosen = before.chosen
        schedule = self._schedule(len(data.train), run.task)
        if isinstance(chosen, PairSpacesChosen):
            return learn_pair_spaces_again(data, schedule, run, before)
        schedule = schedule.for_share(chosen.share, least=1 if self.n_vertices == 1 else 0)
        head, simplex, _ = self._train(data, chosen.settings, schedule, run)
        if chosen.path is not None:
            head = learn_path(data, run.task, chosen.path).beside(head)
        model = Model(head)
        if chosen.tuned_share:
            head, tuned = self._tune(data, head, chosen.settings, run, chosen.tuned_share)
            model = Model(head, tuned.changes)
        words = None if chosen.words is None else learn_lexicon(data, run.task, chosen.words)
        return _with_words(model, simplex, words, history=before.history, chosen=chosen)

    def _tune(
        self, data: FitData, head: SpaceHead, settings: HeadSettings, run: Run, share: float | None = None
    ) -> tuple[SpaceHead, TunedLayers]:
        """Train the layers above the frozen ones under a head; by dev, or up to a share of the epochs chosen before."""
        schedule = tuning_schedule(
            len(data.train), self.n_epochs, self.batch_size, self.patience, run.task.monitor, self.seed
        )
        trained = TunedSpaces(head, settings, run.task)
        layers = tune(
            trained, data, run, self.reading, schedule,
            rate=self.encoder_learning_rate, head_rate=settings.learning_rate * HEAD_SHARE, share=share,
        )  # fmt: skip
        return trained.head, layers

    def _train(
        self, data: FitData, settings: HeadSettings, schedule: Schedule, run: Run
    ) -> tuple[SpaceHead, Simplex | None, History]:
        if self.n_vertices == 1:
            compute = compute_dtype_of(data.train)
            heads, histories = fit_heads(
                data, [settings], run.task, schedule, compute_dtype=compute,
                checkpoint=run.checkpoint if self.inside is None else None, progress=run.progress,
            )  # fmt: skip
            return heads[0], None, histories[0]
        starts = [dataclasses.replace(settings, seed=settings.seed + SEED_STEP * i) for i in range(self.n_vertices)]
        vertices = SpaceVertices(new_heads(data.train, data.prior(run.task), starts_of(starts)))
        training = SimplexTraining(
            learning_rate=settings.learning_rate, head_learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay, dropout=settings.dropout, diversity_weight=0.0,
            n_validation_samples=self.n_validation_samples, seed=settings.seed,
        )  # fmt: skip
        simplex = Simplex(vertices)
        history = fit_simplex(
            simplex, data, training, run.task, schedule, checkpoint=run.checkpoint, progress=run.progress
        )
        return vertices.centroid(), simplex.finished(), history

    def _schedule(self, n_texts: int, task: Task) -> Schedule:
        return auto_schedule(n_texts, self.n_epochs, self.batch_size, self.patience, task.monitor, self.seed)

    def _settings(self, task: Task, n_texts: int, width: int) -> HeadSettings:
        rate = 3e-3 if n_texts >= MANY else 1e-3
        fitting = max(4, min(width, MOST_DIMENSIONS // task.n_outputs))
        return HeadSettings(
            n_latent=fitting if self.n_latent == "auto" else self.n_latent,
            inter_weight=self.inter_weight,
            intra_weight=self.intra_weight,
            inter_variant=self.inter_variant,
            dropout=self.dropout,
            learning_rate=rate if self.learning_rate is None else self.learning_rate,
            weight_decay=self.weight_decay,
            seed=self.seed,
        )

    def _check_memory(self, train: Inputs, settings: HeadSettings, schedule: Schedule, task: Task) -> None:
        sizes = settings.n_latent, task.n_outputs, self.n_vertices
        needed = head_bytes(train.shape, train.lengths, schedule.batch_size, *sizes)
        check_memory(needed, f"n_latent={settings.n_latent}, n_vertices={self.n_vertices}")


def space_method(settings: Mapping[str, Any]) -> Method:
    """Return the way in which an estimator of spaces learns: by what it learns inside.

    Raises
    ------
    UsageError
        If the encoder is to be trained whole and adapted at once.
    """
    inside = settings["inside"]
    if inside not in ADAPTED:
        return SpaceMethod.of(settings)
    if settings["pairs"] == "apart":
        raise UsageError(f"inside={inside!r} reads a pair as one text; leave pairs='apart' out")
    if settings["train_encoder"]:
        raise UsageError("inside trains what is inside the encoder; leave train_encoder out")
    for name in ("inter_weight", "intra_weight", "linear_path"):
        if settings.get(name):
            raise UsageError(f"{name} is for a frozen encoder or tuned layers, not for inside={inside!r}; leave it out")
    chosen = {
        ADAPTED[inside]: settings["inside_size"],
        "n_latent": None if settings["n_latent"] == "auto" else settings["n_latent"],
        "learning_rate": settings["encoder_learning_rate"],
        "head_learning_rate": settings["learning_rate"],
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    return InsideMethod.of({**settings, **UNDER_SPACES, **given, "adapter": inside})


def _with_words(model: Model, simplex: Simplex | None, words: Words | None, **told: Any) -> Learnt:
    """Add a lexicon, with the head's share of the logits folded into its classifier; return what was learnt."""
    if words is not None and simplex is not None:
        for each in _corners(simplex):
            words.fold_into(each)
    return Learnt.of(with_words(model, words), simplex, **told)


def _corners(simplex: Simplex) -> list[SpaceHead]:
    assert isinstance(simplex.head, SpaceVertices)
    return simplex.head.each
