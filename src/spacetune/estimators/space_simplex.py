"""Fit a simplex of space heads on features that were computed once."""

from __future__ import annotations

import dataclasses

from spacetune.estimators.prefix_inputs import ReadyEmbeddings
from spacetune.estimators.prefix_training import PrefixData, PrefixModel, PrefixTraining, fit_prefixes
from spacetune.estimators.space_training import HeadSettings, SpaceData, new_heads
from spacetune.spaces import SpaceSimplex
from spacetune.training import Checkpoint, History, Schedule, Task

__all__ = ["fit_space_simplex"]

APART = 7_919
"""What stands between the seeds of two corners' starts."""


def fit_space_simplex(
    data: SpaceData,
    settings: HeadSettings,
    n_vertices: int,
    n_validation_samples: int,
    task: Task,
    schedule: Schedule,
    *,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> tuple[SpaceSimplex, History]:
    """Train n heads as the corners of one simplex; its centroid is an ordinary head.

    Parameters
    ----------
    data
        Features and targets.
    settings
        Of every corner; the starts differ.
    n_vertices
        Corners.
    n_validation_samples
        Repeats of dev at fresh points; 0 validates the centroid.
    task
        What is learnt.
    schedule
        Epochs, batches, early stopping.
    checkpoint
        Saved to after every epoch, and gone on from.
    progress
        Whether to show a bar.

    Returns
    -------
    tuple
        The simplex and the history.
    """
    starts = [dataclasses.replace(settings, seed=settings.seed + APART * i) for i in range(n_vertices)]
    simplex = SpaceSimplex(new_heads(starts, data, task))
    training = PrefixTraining(
        learning_rate=settings.learning_rate, head_learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay, dropout=settings.dropout, diversity_weight=0.0,
        n_validation_samples=n_validation_samples, seed=settings.seed,
    )  # fmt: skip
    inputs = PrefixData(ReadyEmbeddings(data.train), data.targets, ReadyEmbeddings(data.dev), data.dev_targets)
    model = PrefixModel(None, simplex, n_vertices)
    history = fit_prefixes(model, inputs, training, task, schedule, checkpoint=checkpoint, progress=progress)
    return simplex, history
