"""How good is every part of a learnt simplex: its vertices, its centroid, and points between them."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from spacetune.data import LabelledTexts
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.fitting import Task, probabilities
from spacetune.heads import simplex_weights
from spacetune.results import RecordResult, TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.intervals import decisions, score_intervals
from spacetune.studies.fit.matching import as_trained
from spacetune.studies.fit.scoring import seen_notes

__all__ = ["SimplexPoint", "SimplexScores", "score_simplex"]

Array = np.ndarray[Any, Any]
Kind = Literal["vertex", "centroid", "way", "sample"]
WAYS = (0.25, 0.5, 0.75)
"""Shares of the way from the centroid to a vertex at which it is read too."""
HEADLINE = {"single": "accuracy", "multi": "macro_f1", "regression": "r2"}


@dataclasses.dataclass(frozen=True)
class SimplexPoint(RecordResult):
    """One point of a simplex, and how good the model is there.

    Parameters
    ----------
    kind
        ``vertex``, ``centroid``, ``way`` (between the centroid and a vertex) or ``sample`` (drawn uniformly).
    weights
        One a vertex; they sum to 1. All layers and the head stand at this point.
    scores
        On the texts.
    interval
        95 % bootstrap interval of the headline score; None for ways and samples.
    """

    kind: Kind
    weights: tuple[float, ...]
    scores: dict[str, float]
    interval: tuple[float, float] | None = None

    @property
    def vertex(self) -> int:
        """The vertex with the most weight, counted from 1."""
        return 1 + int(np.argmax(self.weights))

    @property
    def share(self) -> float:
        """How much of the way from the centroid to that vertex its weight has gone: 0 the centroid, 1 the vertex."""
        n = len(self.weights)
        return (n * max(self.weights) - 1) / (n - 1)


@dataclasses.dataclass(frozen=True)
class SimplexScores(TableResult):
    """Scores over a learnt simplex, and how its training went.

    Parameters
    ----------
    model
        The estimator's name.
    source
        Where the texts came from.
    n_texts
        How many.
    n_vertices
        Corners of the simplex.
    score
        The headline score: ``accuracy``, ``macro_f1`` (several labels) or ``r2``.
    points
        Vertices, the centroid, ways, samples.
    ensemble
        Scores of all samples together: the mean of their probabilities (of their numbers, for a regressor).
    ensemble_interval
        95 % bootstrap interval of the headline score.
    epochs
        One row an epoch of the fit: loss and dev scores, mean and spread over repeats at fresh points; empty where the
        saved model does not hold them.
    monitor
        The score that chose the epoch.
    notes
        Warnings: texts that the model was fitted on.
    """

    model: str
    source: str
    n_texts: int
    n_vertices: int
    score: str
    points: tuple[SimplexPoint, ...]
    ensemble: dict[str, float]
    ensemble_interval: tuple[float, float] | None
    epochs: tuple[dict[str, Any], ...]
    monitor: str
    notes: tuple[str, ...]

    def of(self, kind: Kind) -> list[SimplexPoint]:
        """Return the points of one kind."""
        return [point for point in self.points if point.kind == kind]

    def spread(self) -> dict[str, float]:
        """Return mean, standard deviation, least and greatest headline score of the samples."""
        values = np.array([point.scores[self.score] for point in self.of("sample")])
        return {"mean": values.mean(), "std": values.std(ddof=1), "least": values.min(), "greatest": values.max()}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a point: its kind, its scores, and its weights by vertex."""
        return [
            {"point": point.kind, **point.scores, **{f"weight {i + 1}": w for i, w in enumerate(point.weights)}}
            for point in self.points
        ]


@checked_arguments
def score_simplex(
    model: TextEstimator, data: LabelledTexts, *, n_points: int = 30, seed: int = 0, progress: bool | None = None
) -> SimplexScores:
    """Score a model at the vertices of its simplex, at the centroid, on the ways between, and at random points.

    All layers and the head stand at the same point, and all texts are read there; in training every text and layer
    has a point of its own. Every point costs a pass over the texts, under a prefix through the encoder.

    Parameters
    ----------
    model
        Fitted with ``n_vertices`` above 1: a prefix-simplex or space estimator.
    data
        Labelled texts; those the epoch was chosen by flatter it.
    n_points
        Points drawn uniformly from the simplex.
    seed
        Of the draw.
    progress
        True or False to force the progress bar on or off.

    Returns
    -------
    SimplexScores
        Scores by point, the samples' ensemble, and the epochs of the fit.

    Raises
    ------
    UsageError
        If the model has no simplex, or fewer than 2 points are asked for.
    DataError
        If the texts carry no labels.

    Examples
    --------
    >>> from spacetune import SpaceClassifier
    >>> texts, labels = ["good fun", "what a joy", "a bore", "so dull"] * 4, ["pos", "pos", "neg", "neg"] * 4
    >>> model = SpaceClassifier(n_vertices=3, n_latent=4, n_epochs=2, store=None).fit(texts, labels)
    >>> found = score_simplex(model, LabelledTexts(texts, labels), n_points=5)
    >>> [len(found.of(kind)) for kind in ("vertex", "centroid", "way", "sample")], found.score
    ([3, 1, 9, 5], 'accuracy')
    """
    n_vertices = _n_vertices(model)
    if n_points < 2:
        raise UsageError(f"n_points must be at least 2, got {n_points}")
    task: Task = model.task_
    data = as_trained(task, model.fitted_.pairs, data)
    targets = task.targets(data.labels or []).numpy()
    kinds, weights = places(n_vertices, n_points, seed)
    logits = model.logits_at(data.inputs, weights, progress=progress)
    name = HEADLINE[task.kind]
    points = tuple(
        SimplexPoint(kind, tuple(w), task.scores(one, targets), _interval(task, one, targets, name, kind))
        for kind, w, one in zip(kinds, weights.double().tolist(), logits, strict=True)
    )
    together = _together(task.kind, logits[[kind == "sample" for kind in kinds]])
    history = model.history_
    return SimplexScores(
        model=type(model).__name__,
        source=data.source,
        n_texts=len(data),
        n_vertices=n_vertices,
        score=name,
        points=points,
        ensemble=task.scores(together, targets),
        ensemble_interval=_interval(task, together, targets, name, "centroid"),
        epochs=() if history is None else tuple(history.rows()),
        monitor=task.monitor,
        notes=tuple(seen_notes(model, data)),
    )


def _n_vertices(model: TextEstimator) -> int:
    if model.simplex_ is None or model.simplex_.n_vertices < 2:
        raise UsageError(
            f"{type(model).__name__} was fitted without a simplex; fit one with --n-vertices 6 "
            "(--method prefix-simplex or space)"
        )
    return model.simplex_.n_vertices


def places(n_vertices: int, n_points: int, seed: int) -> tuple[list[Kind], Tensor]:
    """Return kinds and weights ``(point, vertex)``: vertices, the centroid, ways to every vertex, uniform samples.

    >>> kinds, weights = places(2, 2, 0)
    >>> kinds.count("way"), weights[:3].tolist()
    (6, [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    """
    corners, centre = torch.eye(n_vertices), torch.full((1, n_vertices), 1 / n_vertices)
    ways = torch.cat([share * corners + (1 - share) * centre for share in WAYS])
    drawn = simplex_weights(n_points, 1, n_vertices, torch.Generator().manual_seed(seed))[:, 0]
    names = ["vertex"] * n_vertices + ["centroid"] + ["way"] * len(ways) + ["sample"] * n_points
    return cast("list[Kind]", names), torch.cat([corners, centre, ways, drawn])


def _interval(task: Task, logits: Array, targets: Array, name: str, kind: Kind) -> tuple[float, float] | None:
    if kind in ("way", "sample"):
        return None
    return score_intervals(task.kind, targets, decisions(task, logits, targets)).get(name)


def _together(kind: str, logits: Array) -> Array:
    """Return the logits ``(text, output)`` of the mean over points, of probabilities or of numbers."""
    if kind == "regression":
        return logits.mean(0)
    p = np.clip(np.stack([probabilities(one, 1.0, kind) for one in logits]).mean(0), 1e-12, 1 - 1e-12)
    return np.log(p) if kind == "single" else np.log(p / (1 - p))
