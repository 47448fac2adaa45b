"""Points drawn uniformly from a simplex."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["Sampling", "simplex_weights"]

Sampling = Literal["observation", "batch"]


def simplex_weights(
    n_observations: int,
    n_groups: int,
    n_vertices: int,
    generator: torch.Generator | None = None,
    *,
    sampling: Sampling = "observation",
    shared: bool = False,
) -> Tensor:
    r"""Draw weights uniform on the simplex: a point of its own for every observation and group (layer, or head).

    .. math:: w_i = z_i / \sum_j z_j, \quad z_i \sim \mathrm{Exp}(1)

    which is Dirichlet(1, …, 1). That the points are uniform is our choice, after Wortsman et al. 2021; the paper on
    prefix subspaces (arXiv 2310.15793) says that they are drawn independently for each observation and each layer.

    Parameters
    ----------
    n_observations
        Texts of the batch.
    n_groups
        What is mixed independently: every layer of the encoder, and the head.
    n_vertices
        Corners of the simplex.
    generator
        Source of the draw; None is torch's own.
    sampling
        ``observation`` (the paper), or ``batch``: one point for all texts of the batch.
    shared
        One point for all groups.

    Returns
    -------
    torch.Tensor
        ``(n_observations, n_groups, n_vertices)``, or ``(1, …)`` for ``batch``; the last dimension sums to 1.

    Examples
    --------
    >>> w = simplex_weights(8, 7, 6, torch.Generator().manual_seed(0))
    >>> w.shape, bool((w >= 0).all()), bool(torch.allclose(w.sum(2), torch.ones(8, 7)))
    (torch.Size([8, 7, 6]), True, True)
    """
    drawn = 1 if sampling == "batch" else n_observations
    z = torch.empty(drawn, 1 if shared else n_groups, n_vertices).exponential_(generator=generator)
    return (z / z.sum(2, keepdim=True)).expand(drawn, n_groups, n_vertices)
