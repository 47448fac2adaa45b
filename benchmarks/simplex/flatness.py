"""How the log loss rises away from a head: under noise on its weights, and from a centroid through its vertices."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from spacetune.encoders import TokenFeatures
from spacetune.fitting.reading import logits_of
from spacetune.heads import Simplex, SpaceHead

NOISE = (0.1, 0.2, 0.4, 0.8)
"""Of the norm of every weight matrix."""
WAYS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""From the centroid (0) through a vertex (1) to as far behind it (2)."""
N_DRAWS = 4


def under_noise(head: SpaceHead, features: TokenFeatures, truth: Tensor) -> dict[str, float]:
    """Return the log loss where every parameter has Gaussian noise of a share of its norm, the mean of some draws."""
    generator = torch.Generator().manual_seed(0)
    found: dict[str, float] = {}
    for share in NOISE:
        losses: list[float] = []
        for _ in range(N_DRAWS):
            other = copy.deepcopy(head)
            with torch.no_grad():
                for parameter in other.parameters():
                    noise = torch.randn(parameter.shape, generator=generator)
                    parameter += share * parameter.norm() * noise / noise.norm()
            losses.append(float(cross_entropy(torch.as_tensor(logits_of(other, features)), truth)))
        found[str(share)] = float(np.mean(losses))
    return found


def along(simplex: Simplex, features: TokenFeatures, truth: Tensor, ways: Sequence[float] = WAYS) -> dict[str, float]:
    """Return the log loss on the straight lines from the centroid through every vertex, the mean of these lines."""
    n, found = simplex.n_vertices, dict[str, float]()
    for way in ways:
        losses: list[float] = []
        for corner in torch.eye(n):
            point = (way * corner + (1 - way) / n).expand(1, simplex.n_groups, n)
            with torch.inference_mode():
                logits = simplex.logits(features, point)
            losses.append(float(cross_entropy(logits, truth)))
        found[str(way)] = float(np.mean(losses))
    return found
