"""Train the encoder under the head: what the paper also reports, and what a CPU pays dearly for."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import logging

import torch
from torch import Tensor, nn

from spacetune.encoders import Encoder, TrainableEncoder
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.data import FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import FrozenInputs
from spacetune.fitting.loop import fit_parameters
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.spaces import HeadSettings, head_loss, new_heads, starts_of
from spacetune.fitting.tasks import Task
from spacetune.heads import SpaceHead

__all__ = ["fit_with_encoder"]

log = logging.getLogger("spacetune")

BATCH_TEXTS = 32


def fit_with_encoder(
    encoder: Encoder,
    data: FitData,
    settings: HeadSettings,
    task: Task,
    schedule: Schedule,
    encoder_learning_rate: float,
    *,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> tuple[Encoder, SpaceHead, History, FitData]:
    """Train a copy of the encoder together with a new head.

    Parameters
    ----------
    encoder
        Stays as it is; a float32 copy is trained.
    data
        Texts with their frozen features (for the standardisation), and targets.
    settings
        The head.
    task
        What is learnt.
    schedule
        Epochs and batches.
    encoder_learning_rate
        Full learning rate of the encoder.
    checkpoint
        Saved to after every epoch, and gone on from.
    progress
        Whether to show a bar.

    Returns
    -------
    tuple
        The trained encoder, the head, the history, and the data with dev features of the trained encoder.
    """
    train, dev = data.train.texts, data.dev.texts
    provenance = data.train.take(torch.tensor([0])).provenance
    assert train is not None
    assert dev is not None
    assert provenance is not None
    layers = provenance.layers
    trainable = TrainableEncoder(encoder, layers, seed=schedule.seed)
    [head] = new_heads(data.train, data.prior(task), starts_of([settings]))
    both = nn.ModuleDict({"encoder": trainable, "head": head})
    candidate = Candidate(both, settings.learning_rate, settings.weight_decay, apart=(trainable, encoder_learning_rate))
    count = sum(p.numel() for p in candidate.trained().values())
    log.info("training the encoder too: %s parameters, and every step runs it forwards and back", f"{count:,}")

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        trainable.reseed(generator)
        features = trainable([train[i] for i in rows.tolist()])
        return [head_loss(head, head.centroids(features), features, data.batch(rows), task, settings, generator)]

    def validate() -> list[dict[str, float]]:
        starts = range(0, len(dev), BATCH_TEXTS)
        with torch.no_grad():
            logits = torch.cat([head.logits(trainable(list(dev[i : i + BATCH_TEXTS]))) for i in starts])
        return [task.scores(logits.numpy(), *data.dev_truth)]

    [history] = fit_parameters(
        [candidate], schedule, losses=losses, validate=validate, checkpoint=checkpoint, progress=progress
    )
    trained = trainable.frozen()
    read = FrozenInputs(trained.encode(dev, layers=layers), dev)
    return trained, head, history, dataclasses.replace(data, dev=read)
