"""`LoraSimplex`: the simplex of prefixes with low-rank matrices in the place of keys and values. Ours."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from spacetune.encoders import LoraShape, LoraStates
from spacetune.errors import UsageError
from spacetune.prefixes.sampling import Sampling, simplex_weights
from spacetune.prefixes.simplex import squared_cosine

__all__ = ["LoraSimplex"]

SCALE = 2.0
"""What the product is multiplied by: PEFT's ``alpha / r`` of 16 / 8."""


class LoraSimplex(nn.Module):
    r"""A simplex whose corners are LoRA adapters of every layer's query and value (Hu et al., arXiv 2106.09685).

    .. math:: \Delta W_l(w) = 2 \sum_i w_{l,i} B_{l,i} A_{l,i} = 2 \, [B_{l,1} … B_{l,n}] \,
       \mathrm{diag}(w_l \otimes 1_r) \, [A_{l,1}; …; A_{l,n}]

    Products are mixed, not their factors: so every point is an exact convex combination of the corners' changes, as it
    is with keys and values, and the centroid is an ordinary adapter of rank ``n · r``. The paper on prefix subspaces
    leaves other adapters open; this choice is ours. As in LoRA, B starts at 0 and the corners differ in A.

    Parameters
    ----------
    shape
        Size of one corner, from `PrefixedEncoder.lora_shape`.
    n_vertices
        Corners.
    sampling
        ``observation``: every text has its own points; ``batch``: all texts of a batch share them.
    shared_layers
        Whether all layers share one point.
    generator
        Source of the start; None is torch's own.

    Examples
    --------
    >>> simplex = LoraSimplex(LoraShape(n_layers=3, dim=32, rank=4))
    >>> simplex.sample(2).gates.shape, simplex.centroid().down.shape
    (torch.Size([2, 3, 24]), torch.Size([3, 2, 24, 32]))
    """

    def __init__(
        self,
        shape: LoraShape,
        n_vertices: int = 6,
        *,
        sampling: Sampling = "observation",
        shared_layers: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if n_vertices < 1:
            raise UsageError(f"a simplex has at least 1 vertex, got n_vertices={n_vertices}")
        self.shape, self.n_vertices = shape, n_vertices
        self.sampling: Sampling = sampling
        self.shared_layers = shared_layers
        bound = 1 / math.sqrt(shape.dim)
        start = torch.empty(shape.n_layers, 2, n_vertices, shape.rank, shape.dim)
        self.down = nn.Parameter(start.uniform_(-bound, bound, generator=generator))
        self.up = nn.Parameter(torch.zeros(shape.n_layers, 2, shape.dim, n_vertices, shape.rank))

    def sample_weights(self, n_observations: int, generator: torch.Generator | None = None, extra: int = 0) -> Tensor:
        """Draw weights ``(observation, layer + extra, vertex)``; `extra` groups are for a head."""
        return simplex_weights(
            n_observations, self.shape.n_layers + extra, self.n_vertices, generator,
            sampling=self.sampling, shared=self.shared_layers,
        )  # fmt: skip

    def sample(self, n_observations: int, generator: torch.Generator | None = None) -> LoraStates:
        """Return a random adapter for every observation."""
        return self.at(self.sample_weights(n_observations, generator))

    def at(self, weights: Tensor) -> LoraStates:
        """Return the adapters at these points, ``(vertex,)`` or ``(row, layer, vertex)``."""
        if weights.shape[-1] != self.n_vertices or weights.dim() not in (1, 3):
            raise UsageError(f"weights must end in {self.n_vertices} vertices, got shape {tuple(weights.shape)}")
        each = weights.expand(1, self.shape.n_layers, -1) if weights.dim() == 1 else weights
        gates = SCALE * each.repeat_interleave(self.shape.rank, dim=2)
        return LoraStates(self.down.flatten(2, 3), self.up.flatten(3), gates)

    def centroid(self) -> LoraStates:
        """Return the adapter with all weights 1/n: what a simplex is used as."""
        return self.at(torch.full((self.n_vertices,), 1 / self.n_vertices))

    def finished(self) -> LoraSimplex:
        """Return itself: there is no perceptron to leave out."""
        return self

    def diversity(self, first: int = 0, second: int = 1) -> Tensor:
        """Return the squared cosine between two corners' factors A; B starts at 0 and has no direction yet."""
        return squared_cosine(self.down[:, :, first].flatten(), self.down[:, :, second].flatten())
