"""The paper's recipe: Adam at a constant rate with weight decay in the gradient, the last epoch's head is scored.

All heads of a cell train side by side in one pass over the texts. A constant rate makes 5 epochs the beginning of 15,
so one run gives both.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from papers.space_model.data import Ready
from papers.space_model.heads import Variant, losses, outputs
from torch import Tensor, nn

from spacetune.fitting import Schedule, classification_scores, fit_parameters
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.spaces import text_chunks
from spacetune.heads.spaces import SpaceHead, space_overlap

WEIGHT_DECAY = 0.01


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How long to train, in what steps, and after which epochs to score."""

    batch_size: int
    scored: tuple[int, ...] = (5, 15)


class ConstantRate(Schedule):
    """No warm-up and no decay."""

    def rate(self, step: int) -> float:
        return 1.0


class Adam:
    """torch's Adam with decay in the gradient, stepped at a share of its rate as a candidate steps its optimiser."""

    def __init__(self, module: nn.Module, learning_rate: float) -> None:
        self.parameters, self._full = list(module.parameters()), learning_rate
        self._adam = torch.optim.Adam(self.parameters, learning_rate, weight_decay=WEIGHT_DECAY, fused=True)

    @property
    def state(self) -> dict[Any, Any]:
        return self._adam.state

    def step(self, rate: float) -> None:
        for group in self._adam.param_groups:
            group["lr"] = rate * self._full
        self._adam.step()

    def zero_grad(self) -> None:
        self._adam.zero_grad()


class WithAdam(Candidate):
    """A candidate trained by Adam, decay in the gradient and on all parameters, as the official notebooks do."""

    def __init__(self, module: nn.Module, learning_rate: float) -> None:
        super().__init__(module, learning_rate, WEIGHT_DECAY)
        self.optimizer = Adam(module, learning_rate)


def train(
    variants: Sequence[Variant],
    data: Ready,
    tests: Mapping[str, Ready],
    recipe: Recipe,
    *,
    n_classes: int,
    seed: int,
) -> dict[str, Any]:
    """Train every variant on the same batches; return scores by variant, epoch and test part, and their spaces."""
    began = time.process_time()
    dim = data.means.shape[1]
    heads = [v.module(dim, n_classes, seed) for v in variants]
    found: dict[str, Any] = {
        v.name: {"learning_rate": v.learning_rate, "parameters": sum(p.numel() for p in h.parameters()), "epochs": {}}
        for v, h in zip(variants, heads, strict=True)
    }
    epoch = 0

    def batch_losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        batch = data.take(rows)
        return losses(variants, heads, outputs(variants, heads, batch, generator), batch)

    def validate() -> list[dict[str, float]]:
        nonlocal epoch
        epoch += 1
        if epoch in recipe.scored:
            for name, part in tests.items():
                for variant, logits in zip(variants, all_logits(variants, heads, part), strict=True):
                    score = classification_scores(part.targets.numpy(), logits.argmax(1))
                    found[variant.name]["epochs"].setdefault(str(epoch), {})[name] = score
        return [{"epoch": float(epoch)}] * len(heads)  # the last epoch is kept: nothing is chosen

    n_epochs = max(recipe.scored)
    schedule = ConstantRate(len(data), n_epochs, recipe.batch_size, patience=None, monitor="epoch", seed=seed)
    candidates = [WithAdam(h, v.learning_rate) for v, h in zip(variants, heads, strict=True)]
    fit_parameters(candidates, schedule, losses=batch_losses, validate=validate, progress=False)
    for variant, head in zip(variants, heads, strict=True):
        if isinstance(head, SpaceHead) and variant.reads == "tokens" and head.spaces.operators.shape[1] > 1:
            found[variant.name]["spaces"] = between_spaces(head, next(iter(tests.values())))
    return {"seed": seed, "variants": found, "cpu_seconds": round(time.process_time() - began, 1)}


def all_logits(variants: Sequence[Variant], heads: Sequence[Any], part: Ready) -> list[np.ndarray]:
    """Return the logits of every head, a bounded number of texts at a time."""
    with torch.inference_mode():
        chunks = [outputs(variants, heads, part.take(rows)) for rows in text_chunks(part.features.lengths)]
    return [torch.cat([chunk[i].logits for chunk in chunks]).numpy() for i in range(len(variants))]


def between_spaces(head: SpaceHead, part: Ready) -> dict[str, float]:
    """Return means over pairs of spaces: angles in degrees, overlap over chance, cosine of mean centroids."""
    with torch.inference_mode():
        centroids = torch.cat([head.centroids(part.features.take(rows)) for rows in text_chunks(part.features.lengths)])
    n_spaces = head.spaces.operators.shape[1]
    overlap = space_overlap(head, tuple(map(str, range(n_spaces))), centroids)
    pairs = np.triu_indices(n_spaces, 1)
    assert overlap.centroid_cosine is not None
    return {
        "mean_angle": float(overlap.principal_angle[pairs].mean()),
        "smallest_angle": float(overlap.smallest_angle[pairs].mean()),
        "overlap": float(overlap.operator_overlap[pairs].mean()),
        "chance_overlap": overlap.chance_overlap,
        "centroid_cosine": float(overlap.centroid_cosine[pairs].mean()),
    }
