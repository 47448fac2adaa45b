"""Fit a simplex of prefixes and of heads: fresh points for every text and layer, and stochastic validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spacetune.errors import UsageError
from spacetune.estimators.dev_part import FitData
from spacetune.estimators.prefix_inputs import PrefixInputs
from spacetune.prefixes import LinearSimplex, LoraSimplex, PrefixSimplex, simplex_weights
from spacetune.progress import progress_bar
from spacetune.spaces import SpaceSimplex
from spacetune.training import Candidate, Checkpoint, History, Schedule, Task, fit_parameters

__all__ = ["PrefixData", "PrefixModel", "PrefixTraining", "fit_prefixes", "point_logits", "validation_logits"]


@dataclasses.dataclass(frozen=True)
class PrefixTraining:
    """How to train: rates, decay, dropout before the head, diversity, and repeats of dev."""

    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    dropout: float
    diversity_weight: float
    n_validation_samples: int
    seed: int


PrefixData = FitData[PrefixInputs]
"""Texts to be read under prefixes and targets, to train on and to choose by."""


class PrefixModel(nn.Module):
    """A simplex of prefixes (or none, on ready embeddings) under a simplex of heads.

    An observation's weights are ``(layer + head groups, vertex)``: the prefix's layers first, then the head's.
    """

    def __init__(
        self, prefix: PrefixSimplex | LoraSimplex | None, head: LinearSimplex | SpaceSimplex, n_vertices: int
    ) -> None:
        super().__init__()
        self.prefix, self.head, self.n_vertices = prefix, head, n_vertices
        self.n_layers = 0 if prefix is None else prefix.shape.n_layers

    @property
    def n_groups(self) -> int:
        """What has a point of its own: every layer under a prefix, and the groups of the head."""
        return self.n_layers + self.head.n_groups

    def sample_weights(self, n_observations: int, generator: torch.Generator) -> Tensor:
        """Draw a point of its own for every observation, layer and group of the head."""
        if self.prefix is None:
            return simplex_weights(n_observations, self.head.n_groups, self.n_vertices, generator)
        return self.prefix.sample_weights(n_observations, generator, self.head.n_groups)

    def centre(self) -> Tensor:
        """Return the centroid's weights ``(1, layer + head groups, vertex)``."""
        return torch.full((1, self.n_groups, self.n_vertices), 1 / self.n_vertices)

    def logits(self, inputs: PrefixInputs, rows: Tensor, weights: Tensor, keep: Callable[[Tensor], Tensor]) -> Tensor:
        """Return logits ``(text, output)`` of some texts at these weights.

        Parameters
        ----------
        inputs
            The texts.
        rows
            Which of them.
        weights
            ``(text or 1, layer + head groups, vertex)``.
        keep
            What happens to the head's inputs on their way: dropout, or nothing.
        """
        states = None if self.prefix is None else self.prefix.at(weights[:, : self.n_layers])
        own = weights[:, self.n_layers :]
        return self.head.decide(keep(self.head.reads(inputs.features(rows, states), own)), own)


def fit_prefixes(
    model: PrefixModel,
    data: PrefixData,
    settings: PrefixTraining,
    task: Task,
    schedule: Schedule,
    *,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> History:
    """Train the simplex; it is left at the epoch with the best mean dev score.

    Parameters
    ----------
    model
        Prefixes and heads; nothing else has gradients.
    data
        Texts and targets.
    settings
        Rates and the like.
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
    History
        Every epoch's dev scores: the mean over the repeats, and the spread and quantiles of the monitored one.
    """
    candidate = Candidate(
        model, settings.learning_rate, settings.weight_decay, slow=(model.head, settings.head_learning_rate)
    )

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        def keep(z: Tensor) -> Tensor:
            if not settings.dropout:
                return z
            kept = torch.rand(z.shape, generator=generator) >= settings.dropout
            return z * kept.to(z.dtype) / (1 - settings.dropout)

        weights = model.sample_weights(len(rows), generator)
        loss = task.loss(model.logits(data.train, rows, weights, keep), data.targets[rows])
        if settings.diversity_weight and model.prefix is not None and model.n_vertices > 1:
            first, second = torch.randperm(model.n_vertices, generator=generator)[:2].tolist()
            loss = loss + settings.diversity_weight * model.prefix.diversity(first, second)
        return [loss]

    def validate() -> list[dict[str, float]]:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + len(candidate.epochs))
        logits = validation_logits(model, data.dev, settings.n_validation_samples, generator)
        return [repeated_scores(task, logits, data.dev_targets.numpy(), schedule.monitor)]

    [history] = fit_parameters(
        [candidate], schedule, losses=losses, validate=validate, score_start=True,
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return history


def validation_logits(model: PrefixModel, dev: PrefixInputs, n_samples: int, generator: torch.Generator) -> np.ndarray:
    """Predict dev as it is trained on: every text several times, each time at fresh points.

    The paper concatenates dev several times and samples a model for every observation of it.

    Parameters
    ----------
    model
        The simplex as it is now.
    dev
        D texts.
    n_samples
        Repeats r; 0 predicts once, at the centroid (the deterministic ablation). One vertex has one point only.
    generator
        Source of the points.

    Returns
    -------
    numpy.ndarray
        ``(repeat, text, output)``: ``r · D`` predictions.
    """
    repeats = 1 if model.n_vertices == 1 else n_samples
    found: list[Tensor] = []
    with torch.no_grad():
        for _ in range(max(1, repeats)):
            order = list(dev.batches())
            weights = [model.sample_weights(len(rows), generator) if repeats else model.centre() for rows in order]
            parts = [model.logits(dev, rows, w, lambda z: z) for rows, w in zip(order, weights, strict=True)]
            found.append(torch.cat(parts)[torch.argsort(torch.cat(order))])
    return torch.stack(found).double().numpy()


def point_logits(model: PrefixModel, inputs: PrefixInputs, weights: Any, progress: bool | None = False) -> np.ndarray:
    """Predict all texts at points of the simplex, the same point for every text.

    Parameters
    ----------
    model
        The simplex.
    inputs
        D texts.
    weights
        What `as_points` takes.
    progress
        Whether to show a bar.

    Returns
    -------
    numpy.ndarray
        ``(point, text, output)``.

    Raises
    ------
    UsageError
        If the weights are no points of the simplex.
    """
    points = as_points(weights, model.n_groups, model.n_vertices)
    found: list[Tensor] = []
    with torch.no_grad(), progress_bar(len(points), "reading the simplex", "points", show=progress) as bar:
        order = list(inputs.batches())
        back = torch.argsort(torch.cat(order))
        for point in points:
            parts = [model.logits(inputs, rows, point.unsqueeze(0), lambda z: z) for rows in order]
            found.append(torch.cat(parts)[back])
            bar.update(1)
    return torch.stack(found).double().numpy()


def as_points(weights: Any, n_groups: int, n_vertices: int) -> Tensor:
    """Return points of a simplex as ``(point, group, vertex)``.

    Parameters
    ----------
    weights
        A tensor, an array or lists: ``(point, vertex)``, where all layers and the head stand at one point, or
        ``(point, group, vertex)``. Each point's weights are at least 0 and sum to 1.
    n_groups
        What has a point of its own.
    n_vertices
        Corners.

    Raises
    ------
    UsageError
        If they are not.
    """
    wanted = f"weights must be (point, {n_vertices} vertices), or (point, {n_groups} groups, {n_vertices} vertices)"
    try:
        given = weights if isinstance(weights, Tensor) else torch.from_numpy(np.asarray(weights, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{wanted}, in numbers; got {weights!r:.80}") from error
    shape = tuple(given.shape)
    if given.dim() not in (2, 3) or not len(given) or shape[-1] != n_vertices or shape[1:-1] not in ((), (n_groups,)):
        raise UsageError(f"{wanted}, got shape {shape}")
    points = given.detach().float()
    if not (points >= 0).all() or ((points.sum(-1) - 1).abs() > 1e-3).any():
        raise UsageError(f"the weights of a point must be at least 0 and sum to 1, got {weights!r:.80}")
    return points if points.dim() == 3 else points.unsqueeze(1).expand(-1, n_groups, -1)


def repeated_scores(task: Task, logits: np.ndarray, targets: np.ndarray, monitor: str) -> dict[str, float]:
    """Return the mean of every score over the repeats; of the monitored one also the spread and two quantiles."""
    each = [task.scores(one, targets) for one in logits]
    scores = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    if len(each) > 1 and monitor in scores:
        values = [one[monitor] for one in each]
        scores[f"{monitor}_std"] = float(np.std(values, ddof=1))
        scores[f"{monitor}_q10"], scores[f"{monitor}_q90"] = np.quantile(values, [0.1, 0.9]).tolist()
    return scores
