"""Training the encoder under the head: what the paper also reports, and what a CPU pays dearly for."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import torch
from torch import Tensor, nn

from spacetune.encoders import Encoder, TokenFeatures
from spacetune.encoders.trainable import TrainableEncoder
from spacetune.estimators.space_training import HeadSettings, SpaceData, head_loss, new_heads
from spacetune.spaces import SpaceHead
from spacetune.training import Candidate, Checkpoint, History, Schedule, Task, fit_parameters

__all__ = ["fit_with_encoder"]

log = logging.getLogger("spacetune")


def fit_with_encoder(
    encoder: Encoder,
    texts: tuple[list[Any], list[Any]],
    data: SpaceData,
    settings: HeadSettings,
    task: Task,
    schedule: Schedule,
    encoder_learning_rate: float,
    checkpoint: Checkpoint | None,
    progress: bool | None,
) -> tuple[Encoder, SpaceHead, History, SpaceData]:
    """Train a copy of the encoder together with a new head.

    Parameters
    ----------
    encoder
        Stays as it is; a float32 copy is trained.
    texts
        Training and dev texts.
    data
        Their frozen features (for the standardisation) and targets.
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
    layers = _layers(data)
    trainable = TrainableEncoder(encoder, layers, seed=schedule.seed)
    [head] = new_heads([settings], data, task)
    both = nn.ModuleDict({"encoder": trainable, "head": head})
    candidate = Candidate(both, settings.learning_rate, settings.weight_decay, slow=(trainable, encoder_learning_rate))
    count = sum(p.numel() for p in candidate.trained().values())
    log.info("training the encoder too: %s parameters, and every step runs it forwards and back", f"{count:,}")

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        trainable.reseed(generator)
        features = trainable([texts[0][i] for i in rows.tolist()])
        return [head_loss(head, head.centroids(features), features, data.targets[rows], task, settings, generator)]

    def validate() -> list[dict[str, float]]:
        with torch.no_grad():
            logits = head.classify(head.centroids(dev_features()))
        return [task.scores(logits.numpy(), data.dev_targets.numpy())]

    def dev_features() -> TokenFeatures:
        return TokenFeatures.concat([trainable(texts[1][i : i + 32]) for i in range(0, len(texts[1]), 32)])

    [history] = fit_parameters(
        [candidate], schedule, losses=losses, validate=validate, checkpoint=checkpoint, progress=progress
    )
    trained = trainable.frozen()
    return trained, head, history, dataclasses.replace(data, dev=trained.encode(texts[1], layers=layers))


def _layers(data: SpaceData) -> tuple[int, ...]:
    provenance = data.train.take(torch.tensor([0])).provenance
    assert provenance is not None
    return provenance.layers
