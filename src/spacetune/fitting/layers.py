"""Train the upper layers of the encoder under a head that was fitted on the frozen ones."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from typing import Protocol

import torch
from torch import Tensor, nn

from spacetune.encoders import Encoder, LayerChanges, TokenFeatures, UpperLayers, check_tunable
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.data import Batch, FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import TunedInputs
from spacetune.fitting.loop import fit_parameters
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.tasks import Task

__all__ = [
    "TOP_SHARE",
    "LayerSettings",
    "TunedHead",
    "TunedLayers",
    "fit_layers",
    "top_of",
    "tuning_schedule",
    "tuning_seconds",
]

log = logging.getLogger("spacetune")


@dataclasses.dataclass(frozen=True)
class LayerSettings:
    """How the upper layers are trained: the last frozen layer, their rate and the head's, decay, and dropout."""

    above: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float = 0.01
    dropout: float = 0.1


@dataclasses.dataclass(frozen=True)
class TunedLayers:
    """What was added to the layers, if it helped; how training went, the share of its epochs, and data as now read."""

    changes: LayerChanges | None
    history: History
    share: float
    data: FitData


class TunedHead(Protocol):
    """A head that is trained with the layers under it; a module."""

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)``."""
        ...

    def loss(self, features: TokenFeatures, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the loss of a batch, with what only training has."""
        ...


TOP_SHARE = 2 / 3
"""Of the layers that are trained where the user names no number."""

EPOCHS, BATCH, LEAST_STEPS, MOST_EPOCHS = 3, 32, 200, 10
"""Of a tuning whose length the user leaves open: three passes, more for few texts. The numbers are ours."""


def top_of(inside: str | None, size: int | None) -> int | float | None:
    """Return how many layers, or what share of them, are trained: of ``top`` and ``all``; else None."""
    if inside not in ("top", "all"):
        return None
    return 1.0 if inside == "all" else TOP_SHARE if size is None else int(size)


def tuning_schedule(
    n_texts: int, n_epochs: int | None, batch_size: int | None, patience: int | None, monitor: str, seed: int
) -> Schedule:
    """Fill in what the user left open: batches of 32, at least 16 an epoch; 3 epochs, up to 10 to make 200 steps."""
    size = batch_size or max(4, min(BATCH, n_texts // 16))
    steps = -(-n_texts // size)
    epochs = n_epochs or min(MOST_EPOCHS, max(EPOCHS, -(-LEAST_STEPS // steps)))
    return Schedule(n_texts, epochs, size, patience=patience, monitor=monitor, seed=seed)


def tuning_seconds(encoder: Encoder, n_texts: int, n_tokens: int) -> float:
    """Return about how long training the upper layers over these texts takes here, where nothing else is asked for.

    Six operations a weight and token, at the rate at which this machine multiplies matrices of a layer's size; half as
    much again for what is no product. Raises `UnsupportedByFamily` as `UpperLayers` does.
    """
    check_tunable(encoder)
    rows, width = 512, encoder.dim
    x, weight = torch.ones(rows, width), torch.ones(4 * width, width)
    torch.mm(x, weight.T)
    began = time.perf_counter()
    torch.mm(x, weight.T)
    rate = 2 * rows * 4 * width * width / (time.perf_counter() - began)
    weights = TOP_SHARE * encoder.n_layers * 12 * width**2
    n_epochs = tuning_schedule(n_texts, None, None, None, "", 0).n_epochs
    return 1.5 * 6 * weights * n_tokens * n_epochs / rate


def fit_layers(
    encoder: Encoder,
    data: FitData,
    head: TunedHead,
    settings: LayerSettings,
    task: Task,
    schedule: Schedule,
    *,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> TunedLayers:
    """Train the upper layers and the head together, over the stored states of the layers below.

    The start is scored as epoch 0; where no epoch does better on dev, nothing is added to the encoder. Of the epochs
    the last within a standard error of the best is kept, since the rate falls to 0 and one dev score is little apart
    from the next. Both are our choice.

    Parameters
    ----------
    encoder
        Stays as it is; a float32 copy of its upper layers is trained.
    data
        Frozen features, with those of the layer `settings.above`, and targets.
    head
        Where to start; it is trained.
    settings
        Rates and the like.
    task
        What is learnt.
    schedule
        Epochs and batches.
    checkpoint
        Saved to after every epoch, and gone on from.
    progress
        Whether to show a bar.
    """
    upper = UpperLayers(encoder, settings.above, settings.dropout)
    train, dev = TunedInputs(data.train, upper), TunedInputs(data.dev, upper)
    assert isinstance(head, nn.Module)
    both = nn.ModuleDict({"upper": upper, "head": head})
    chance = 0.5 / math.sqrt(max(1, len(data.dev_targets)))
    apart = upper, settings.learning_rate
    candidate = Candidate(both, settings.head_learning_rate, settings.weight_decay, apart=apart, slack=chance)
    count = sum(p.numel() for p in upper.parameters())
    log.info("tuning the layers above %d: %s parameters, trained over stored states", settings.above, f"{count:,}")

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        upper.reseed(generator)
        return [head.loss(train.take(rows), data.batch(rows), generator)]

    def validate() -> list[dict[str, float]]:
        with torch.inference_mode():
            logits = torch.cat([head.logits(dev.take(rows)) for rows in dev.batches()])
        return [task.scores(logits.double().numpy(), *data.dev_truth)]

    [history] = fit_parameters(
        [candidate], schedule, losses=losses, validate=validate, score_start=schedule.stop_after is None,
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    if history.best_epoch == 0:
        log.warning("no epoch of the tuning did better on dev than the frozen encoder, which is left as it is")
        return TunedLayers(None, history, 0.0, data)
    changes = upper.changes()
    upper.put(changes)  # scored as it is saved
    share = history.best_epoch / schedule.n_epochs
    return TunedLayers(changes, history, share, dataclasses.replace(data, train=train, dev=dev))
