"""How far apart the concept spaces of a trained head are."""

# The types of torch, NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from spacetune.heads.spaces.head import SpaceHead
from spacetune.results import RecordResult

__all__ = ["SpaceOverlap", "aligned_space", "space_overlap"]


@dataclasses.dataclass(frozen=True)
class SpaceOverlap(RecordResult):
    """Pairs of spaces, compared; every matrix is ``(space, space)`` with the spaces in the order of `names`.

    Parameters
    ----------
    names
        The classes.
    principal_angle
        Mean principal angle between the operators' row spaces over all layers, in degrees: 0 the same, 90 orthogonal.
    smallest_angle
        The smallest principal angle, in degrees.
    operator_overlap
        Mean squared cosine of the principal angles, in [0, 1]; two random m-dimensional subspaces of d
        dimensions have about m/d, given as `chance_overlap`.
    chance_overlap
        See above.
    centroid_cosine
        Cosine between the mean centroids of the spaces over the given texts; None without texts.
    centroid_distance
        Euclidean distance between them; None without texts.
    """

    names: tuple[str, ...]
    principal_angle: np.ndarray
    smallest_angle: np.ndarray
    operator_overlap: np.ndarray
    chance_overlap: float
    centroid_cosine: np.ndarray | None = None
    centroid_distance: np.ndarray | None = None

    @property
    def mean_overlap(self) -> float:
        """Mean operator overlap over all pairs of two spaces."""
        return float(self.operator_overlap[np.triu_indices(len(self.names), 1)].mean())

    @property
    def chance_angle(self) -> float:
        """Mean principal angle of two random subspaces of this size, in degrees."""
        return random_angle(self.chance_overlap)


def random_angle(share: float) -> float:
    """Return the mean principal angle of two random subspaces that each take this share of many dimensions, in degrees.

    The squared cosines of the angles follow the law of a product of two free projections (Wachter 1980).

    >>> round(random_angle(1 / 72), 1), round(random_angle(0.5), 1)
    (84.2, 45.0)
    """
    share = min(share, 1.0)
    most = 4 * share * (1 - share)
    phi = (np.arange(20_000) + 0.5) * np.pi / 40_000
    weights = most * np.cos(phi) ** 2 / (np.pi * share * (1 - most * np.sin(phi) ** 2))
    return float(np.degrees(np.arccos(np.sqrt(most) * np.sin(phi))) @ weights * np.pi / 40_000)


def space_overlap(head: SpaceHead, names: tuple[str, ...], centroids: Tensor | None = None) -> SpaceOverlap:
    """Compare the operators of every two spaces, and their centroids where texts' centroids are given.

    Parameters
    ----------
    head
        A trained head. With several layers a space is the direct sum of what its operator reads at each: the tanh
        stands between them, so the angles are those at every layer, together.
    names
        The spaces' names.
    centroids
        ``(text, layer, space, latent)`` or None.

    Returns
    -------
    SpaceOverlap
        The comparison.
    """
    matrix, _ = head.spaces.folded()
    n_layers, n_spaces, n_latent, n_embed = head.spaces.operators.shape
    cosines = _cosines_of_angles(matrix.detach().double().reshape(n_layers, n_spaces, n_latent, n_embed))
    angles = np.degrees(np.arccos(np.minimum(cosines, 1)))
    mean = None if centroids is None else centroids.double().mean(0).permute(1, 0, 2).flatten(1)
    return SpaceOverlap(
        names=names,
        principal_angle=np.nanmean(angles, axis=2),
        smallest_angle=np.nanmin(angles, axis=2),
        operator_overlap=np.nanmean(np.square(cosines), axis=2),
        chance_overlap=n_latent / n_embed,
        centroid_cosine=None if mean is None else _cosine(mean).numpy(),
        centroid_distance=None if mean is None else torch.cdist(mean, mean).numpy(),
    )


def _cosines_of_angles(operators: Tensor) -> np.ndarray:
    r"""Return the cosines of the principal angles between every two spaces, ``(space, space, layer · latent)``.

    They are the singular values of :math:`Q_a^\top Q_b`, with orthonormal bases Q of the operators' row spaces (Björck
    and Golub 1973), at every layer. NaN stands for angles that operators of a lower rank do not have.

    Parameters
    ----------
    operators
        ``(layer, space, latent, dim)``.
    """
    n_spaces, n_latent, dim = operators.shape[1:]
    _, sizes, rows = torch.linalg.svd(operators, full_matrices=False)
    held = sizes > sizes[..., :1] * max(n_latent, dim) * torch.finfo(operators.dtype).eps
    bases, ranks = rows * held.unsqueeze(3), held.sum(2)
    found: list[Tensor] = []
    for space in range(n_spaces):
        cosines = torch.linalg.svdvals(bases[:, space, None] @ bases.transpose(2, 3))
        n_angles = torch.minimum(ranks, ranks[:, space, None]).unsqueeze(2)
        found.append(torch.where(torch.arange(cosines.shape[2]) < n_angles, cosines, torch.nan))
    return torch.stack(found).transpose(1, 2).flatten(2).numpy()


def _cosine(rows: Tensor) -> Tensor:
    unit = torch.nn.functional.normalize(rows, dim=1)
    return unit @ unit.T


def aligned_space(centroids: Tensor) -> Tensor:
    """Classify straight from the spaces: the space whose centroid lies furthest towards +1 wins.

    The paper speaks of matching attribution without a formula in its code, so the rule is ours: it is what
    the labelled inter-space loss trains for (own space to +1, others to -1). Without that loss the spaces
    have no such direction and this is near chance.

    Parameters
    ----------
    centroids
        ``(text, layer, space, latent)``.

    Returns
    -------
    torch.Tensor
        ``(text,)``, the winning space's number.
    """
    return centroids.mean((1, 3)).argmax(1)
