"""The synthetic point sets of "Reliable Measures of Spread" (Marbut et al., ICML 2023): 7 shapes, 4 widths.

Each set has 250 points a dimension. The published values come from NumPy's legacy generator seeded with 11
directly before each set, and from its draws in one fixed order; both are kept here, without touching the
global generator.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spacetune.errors import UsageError
from spacetune.geometry.spectrum import FloatArray

__all__ = ["DIMENSIONS", "PUBLISHED_SEED", "SHAPES", "cluster", "sphere", "synthetic"]

POINTS_PER_DIMENSION = 250
PUBLISHED_SEED = 11
DIMENSIONS = (2, 10, 50, 100)


def _directions(rng: np.random.RandomState, n: int, dim: int) -> FloatArray:
    normal = rng.normal(0, 1, (n, dim))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def sphere(
    dim: int, *, fill: bool = True, rings: int = 1, cone: bool = False, seed: int = PUBLISHED_SEED
) -> FloatArray:
    """Draw points (250·d, d) in a ball, on shells, or in a cone.

    Parameters
    ----------
    dim
        Number of dimensions, at least 2.
    fill
        True for a filled ball: radius U(0, 1)^(1/d). False for shells.
    rings
        Number of shells, at radii 1/rings, 2/rings, … 1, each with as many points.
    cone
        True for a cone along the first axis: r = U(0, 1)^(1/d) along it, and around it a random direction
        times U(0, r·tan(1/√d))^(1/(d−1)).
    seed
        Seed of the legacy generator; 11 gives the published sets.

    Examples
    --------
    >>> shell = sphere(10, fill=False)
    >>> shell.shape, bool(np.allclose(np.linalg.norm(shell, axis=1), 1))
    ((2500, 10), True)
    """
    if dim < 2:
        raise UsageError(f"a sphere needs at least 2 dimensions, got {dim}")
    rng, n = np.random.RandomState(seed), POINTS_PER_DIMENSION * dim
    radius = rng.uniform(0, 1, size=n) ** (1.0 / dim) if fill else np.repeat((np.arange(rings) + 1) / rings, n // rings)
    if not cone:
        return radius[:, None] * _directions(rng, len(radius), dim)
    around = rng.uniform(0, radius * np.tan(1 / np.sqrt(dim)), size=n) ** (1.0 / (dim - 1))
    return np.concatenate([radius[:, None], around[:, None] * _directions(rng, n, dim - 1)], axis=1)


def cluster(dim: int, *, shift: bool = False, shuffle: bool = False, seed: int = PUBLISHED_SEED) -> FloatArray:
    """Draw points (250·d, d): d pairs of opposite normal clusters, 250 points a pair, of deviation min(1/d, .2).

    `shift` moves the pair's means off each other's opposite, by U(−1, 0) and U(0, 1) in each dimension; `shuffle`
    splits each pair's points at random instead of 125 and 125.

    >>> cluster(10).shape
    (2500, 10)
    """
    rng = np.random.RandomState(seed)
    means = rng.uniform(-1, 1, size=(dim, dim))
    width = min(1 / dim, 0.2)
    parts: list[FloatArray] = []
    for mean in means:
        here, there = mean, -mean
        if shift:
            here = here + rng.uniform(-1, 0, size=dim)
            there = there + rng.uniform(0, 1, size=dim)
        size = int(rng.choice(POINTS_PER_DIMENSION)) if shuffle else POINTS_PER_DIMENSION // 2
        parts.append(rng.normal(here, width, size=(size, dim)))
        parts.append(rng.normal(there, width, size=(POINTS_PER_DIMENSION - size, dim)))
    return np.concatenate(parts)


SHAPES: dict[str, Callable[[int, int], FloatArray]] = {
    "sp": lambda dim, seed: sphere(dim, seed=seed),
    "circ": lambda dim, seed: sphere(dim, fill=False, seed=seed),
    "ring": lambda dim, seed: sphere(dim, fill=False, rings=2, seed=seed),
    "cone": lambda dim, seed: sphere(dim, cone=True, seed=seed),
    "clust": lambda dim, seed: cluster(dim, seed=seed),
    "clust_ue": lambda dim, seed: cluster(dim, shuffle=True, seed=seed),
    "clust_s": lambda dim, seed: cluster(dim, shift=True, seed=seed),
}


def synthetic(shape: str, dim: int, *, seed: int = PUBLISHED_SEED) -> FloatArray:
    """Draw one of the seven published shapes by its name in the result files.

    >>> synthetic("cone", 10).shape
    (2500, 10)

    Raises `UsageError` if the shape is unknown.
    """
    if shape not in SHAPES:
        raise UsageError(f"shape must be one of {', '.join(SHAPES)}, got {shape!r}")
    return SHAPES[shape](dim, seed)
