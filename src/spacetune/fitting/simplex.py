"""Fit a simplex: fresh points for every text and layer, and stochastic validation (arXiv 2310.15793)."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from spacetune.errors import UsageError
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.data import FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import Inputs
from spacetune.fitting.loop import fit_parameters
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.settings import SETTINGS, Number, check_settings
from spacetune.fitting.spaces import dropped
from spacetune.fitting.tasks import Task
from spacetune.heads import Simplex
from spacetune.progress import progress_bar

__all__ = ["SimplexTraining", "as_points", "fit_simplex", "point_logits", "random_points", "validation_logits"]


@dataclasses.dataclass(frozen=True)
class SimplexTraining:
    """How to train: rates, decay, dropout before the head, diversity, and repeats of dev."""

    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    dropout: float
    diversity_weight: float
    n_validation_samples: int
    seed: int


def fit_simplex(
    simplex: Simplex,
    data: FitData,
    settings: SimplexTraining,
    task: Task,
    schedule: Schedule,
    *,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> History:
    """Train a simplex; it is left at the epoch with the best mean dev score.

    Parameters
    ----------
    simplex
        Adapters and heads, or heads alone; nothing else has gradients.
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
        simplex, settings.learning_rate, settings.weight_decay, apart=(simplex.head_module, settings.head_learning_rate)
    )

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        weights = simplex.sample(len(rows), generator)
        features = data.train.take(rows, simplex.adapter_at(weights))
        logits = simplex.logits(features, weights, lambda z: dropped(z, settings.dropout, generator))
        loss = task.loss(logits, *data.batch(rows))
        if settings.diversity_weight and simplex.adapter is not None and simplex.n_vertices > 1:
            first, second = torch.randperm(simplex.n_vertices, generator=generator)[:2].tolist()
            loss = loss + settings.diversity_weight * simplex.adapter.diversity(first, second)
        return [loss]

    def validate() -> list[dict[str, float]]:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + len(candidate.epochs))
        logits = validation_logits(simplex, data.dev, settings.n_validation_samples, generator)
        return [repeated_scores(task, logits, data.dev_truth, schedule.monitor)]

    [history] = fit_parameters(
        [candidate], schedule, losses=losses, validate=validate, score_start=True,
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return history


def validation_logits(simplex: Simplex, dev: Inputs, n_samples: int, generator: torch.Generator) -> np.ndarray:
    """Predict dev as it is trained on: every text several times, each time at fresh points.

    The paper concatenates dev several times and samples a model for every observation of it.

    Parameters
    ----------
    simplex
        As it is now.
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
    repeats = 1 if simplex.n_vertices == 1 else n_samples
    found: list[Tensor] = []
    with torch.no_grad():
        for _ in range(max(1, repeats)):
            order = list(dev.batches())
            weights = [simplex.sample(len(rows), generator) if repeats else simplex.centre() for rows in order]
            parts = [_read(simplex, dev, rows, w) for rows, w in zip(order, weights, strict=True)]
            found.append(torch.cat(parts)[torch.argsort(torch.cat(order))])
    return torch.stack(found).double().numpy()


def point_logits(simplex: Simplex | None, inputs: Inputs, weights: object, progress: bool | None = False) -> np.ndarray:
    """Predict all texts at points of the simplex, the same point for every text.

    Parameters
    ----------
    simplex
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
        If there is no simplex, or the weights are no points of it.
    """
    simplex = required(simplex)
    points = as_points(weights, simplex.n_groups, simplex.n_vertices)
    found: list[Tensor] = []
    with torch.no_grad(), progress_bar(len(points), "reading the simplex", "points", show=progress) as bar:
        order = list(inputs.batches())
        back = torch.argsort(torch.cat(order))
        for point in points:
            parts = [_read(simplex, inputs, rows, point.unsqueeze(0)) for rows in order]
            found.append(torch.cat(parts)[back])
            bar.update(1)
    return torch.stack(found).double().numpy()


def random_points(simplex: Simplex | None, n_samples: int, seed: int) -> Tensor:
    """Draw points of a simplex ``(point, group, vertex)``, one after the other.

    Raises
    ------
    UsageError
        If there is no simplex, or the number or the seed cannot be.
    """
    check_settings({"n_samples": n_samples, "seed": seed}, {**SETTINGS, "n_samples": Number(1, whole=True)})
    generator, held = torch.Generator().manual_seed(seed), required(simplex)
    return torch.cat([held.sample(1, generator) for _ in range(n_samples)])


def required(simplex: Simplex | None) -> Simplex:
    """Return the simplex, which a model must have for its points to be read.

    Raises
    ------
    UsageError
        If there is none.
    """
    if simplex is None:
        raise UsageError("there is no simplex to read: it was fitted with n_vertices=1, which learns one head")
    return simplex


def _read(simplex: Simplex, inputs: Inputs, rows: Tensor, weights: Tensor) -> Tensor:
    return simplex.logits(inputs.take(rows, simplex.adapter_at(weights)), weights)


def as_points(weights: object, n_groups: int, n_vertices: int) -> Tensor:
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
        given = weights if isinstance(weights, Tensor) else torch.as_tensor(np.asarray(weights, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{wanted}, in numbers; got {weights!r:.80}") from error
    shape = tuple(given.shape)
    if given.dim() not in (2, 3) or not len(given) or shape[-1] != n_vertices or shape[1:-1] not in ((), (n_groups,)):
        raise UsageError(f"{wanted}, got shape {shape}")
    points = given.detach().float()
    if not (points >= 0).all() or ((points.sum(-1) - 1).abs() > 1e-3).any():
        raise UsageError(f"the weights of a point must be at least 0 and sum to 1, got {weights!r:.80}")
    return points if points.dim() == 3 else points.unsqueeze(1).expand(-1, n_groups, -1)


def repeated_scores(
    task: Task, logits: np.ndarray, truth: tuple[np.ndarray, np.ndarray | None], monitor: str
) -> dict[str, float]:
    """Return the mean of every score over the repeats; of the monitored one also the spread and two quantiles."""
    each = [task.scores(one, *truth) for one in logits]
    scores = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    if len(each) > 1 and monitor in scores:
        values = [one[monitor] for one in each]
        scores[f"{monitor}_std"] = float(np.std(values, ddof=1))
        scores[f"{monitor}_q10"], scores[f"{monitor}_q90"] = np.quantile(values, [0.1, 0.9]).tolist()
    return scores
