"""`PrefixSimplex`: all convex combinations of n prefixes, learnt together (Falissard et al., arXiv 2310.15793)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from spacetune.encoders import PrefixShape, PrefixStates
from spacetune.errors import UsageError
from spacetune.prefixes.prefix import Prefix
from spacetune.prefixes.reparametrisation import Reparametrisation, new_producer
from spacetune.prefixes.sampling import Sampling, simplex_weights

__all__ = ["Mixing", "PrefixSimplex"]

Mixing = Literal["after", "before"]
"""``after`` the reparametrisation (vertices are keys and values) or ``before`` it (vertices are its inputs)."""


class PrefixSimplex(nn.Module):
    r"""A simplex whose corners are prefixes; every point of it is a prefix.

    .. math:: [k_l; v_l](w) = \sum_i w_{l,i} [k_l; v_l]_i, \quad w_l \in \Delta^{n-1}

    Each layer l has a point of its own. In training every observation gets fresh points; the centroid, all weights
    ``1/n``, is the prefix to use. One vertex is plain prefix-tuning, with weights of exactly 1.

    Mixing happens after the reparametrisation by default, so that points are exact convex combinations of keys and
    values; the paper does not say which. With ``mixing="before"`` the perceptron's inputs are mixed, and the centroid
    is the perceptron of the mean.

    Parameters
    ----------
    shape
        Size of a prefix, from `PrefixedEncoder.shape`.
    n_vertices
        Corners; the paper has 6.
    reparametrisation
        ``none``, ``shared`` (one perceptron for all layers, as PEFT's projection) or ``per-layer`` (the paper's
        MLP_k,i and MLP_v,i). The vertices share it; whether they do in the paper is not known.
    hidden_size
        Of the perceptrons (512 in Li and Liang's code).
    mixing
        ``after`` or ``before`` the reparametrisation.
    start_scale
        Standard deviation of the vertices' random start, each drawn on its own. PEFT's is 1.
    sampling
        ``observation``: every text has its own points; ``batch``: all texts of a batch share them.
    shared_layers
        Whether all layers share one point.
    position_shift
        Whether real tokens stand behind the prefix in position, as in PEFT.
    generator
        Source of the start; None is torch's own.

    Examples
    --------
    >>> simplex = PrefixSimplex(PrefixShape(3, 4, 8, 5), generator=torch.Generator().manual_seed(0))
    >>> simplex.sample(2)
    PrefixStates(3 layers, 2 rows, 4 heads, 5 virtual tokens of 8)
    >>> vertices, centroid = simplex.vertices(), simplex.centroid()
    >>> bool(torch.allclose(vertices.values.mean(2, keepdim=True), centroid.values, atol=1e-6))
    True
    """

    def __init__(
        self,
        shape: PrefixShape,
        n_vertices: int = 6,
        *,
        reparametrisation: Reparametrisation = "none",
        hidden_size: int = 512,
        mixing: Mixing = "after",
        start_scale: float = 1.0,
        sampling: Sampling = "observation",
        shared_layers: bool = False,
        position_shift: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("mixing", mixing, ("after", "before")),
            ("sampling", sampling, ("observation", "batch")),
        ):
            if value not in known:
                raise UsageError(f"{name} must be {' or '.join(known)}, got {value!r}")
        if n_vertices < 1:
            raise UsageError(f"a simplex has at least 1 vertex, got n_vertices={n_vertices}")
        self.shape, self.n_vertices, self.mixing = shape, n_vertices, mixing
        self.sampling: Sampling = sampling
        self.shared_layers, self.position_shift = shared_layers, position_shift
        self.reparametrisation: Reparametrisation = reparametrisation
        self.produce = new_producer(reparametrisation, shape, hidden_size, generator)
        start = torch.empty(n_vertices, *self.produce.table).normal_(0, start_scale, generator=generator)
        self.tables = nn.Parameter(start)

    def vertices(self) -> PrefixStates:
        """Return the corners as the rows of one batch."""
        return self._states(self.produce(self.tables))

    def sample_weights(self, n_observations: int, generator: torch.Generator | None = None, extra: int = 0) -> Tensor:
        """Draw weights ``(observation, layer + extra, vertex)``; `extra` groups are for a head."""
        return simplex_weights(
            n_observations, self.shape.n_layers + extra, self.n_vertices, generator,
            sampling=self.sampling, shared=self.shared_layers,
        )  # fmt: skip

    def sample(self, n_observations: int, generator: torch.Generator | None = None) -> PrefixStates:
        """Return a random prefix for every observation."""
        return self.at(self.sample_weights(n_observations, generator))

    def at(self, weights: Tensor) -> PrefixStates:
        """Return the prefixes at these points.

        Parameters
        ----------
        weights
            ``(vertex,)`` for one point, ``(row, vertex)`` for one a row, or ``(row, layer, vertex)``; the last
            dimension should sum to 1 (points outside the simplex are allowed, and are extrapolations).

        Returns
        -------
        PrefixStates
            One prefix a row.
        """
        if weights.shape[-1] != self.n_vertices or weights.dim() not in (1, 2, 3):
            raise UsageError(f"weights must end in {self.n_vertices} vertices, got shape {tuple(weights.shape)}")
        each = weights.reshape(-1, 1, self.n_vertices) if weights.dim() < 3 else weights
        each = each.expand(-1, self.shape.n_layers, -1)
        if self.mixing == "before":
            return self._states(self.produce(self.produce.mix(self.tables, each)))
        return PrefixStates(torch.einsum("nlkhpd,bln->lkbhpd", self.produce(self.tables), each), self.position_shift)

    def centroid(self) -> PrefixStates:
        """Return the prefix with all weights 1/n: what a simplex is used as."""
        return self.at(torch.full((self.n_vertices,), 1 / self.n_vertices))

    def collapse(self, weights: Tensor | None = None) -> Prefix:
        """Return the centroid, or the prefix at these weights ``(vertex,)``, as one finished prefix."""
        states = self.centroid() if weights is None else self.at(weights)
        return Prefix(states.values.squeeze(2), self.position_shift)

    def finished(self) -> PrefixSimplex:
        """Return the same simplex without its perceptron, where the vertices say all (mixing ``after``)."""
        if self.reparametrisation == "none" or self.mixing == "before":
            return self
        plain = PrefixSimplex(
            self.shape, self.n_vertices, sampling=self.sampling, shared_layers=self.shared_layers,
            position_shift=self.position_shift, start_scale=0.0,
        )  # fmt: skip
        with torch.no_grad():
            plain.tables.copy_(self.produce(self.tables))
        return plain

    def diversity(self, first: int = 0, second: int = 1) -> Tensor:
        r"""Return the squared cosine between two vertices over all layers: 0 where orthogonal, 1 where parallel.

        .. math:: \langle v_i, v_j \rangle^2 / (\lVert v_i \rVert^2 \lVert v_j \rVert^2)

        Wortsman et al. 2021 add it, for one random pair a step, to keep vertices apart; off by default here.
        """
        a, b = self.produce(self.tables[[first, second]]).flatten(1)
        return squared_cosine(a, b)

    def _states(self, values: Tensor) -> PrefixStates:
        return PrefixStates(values.permute(1, 2, 0, 3, 4, 5), self.position_shift)


def squared_cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared cosine between two vectors, 0 where one has no length."""
    return (a @ b).square() / (a.square().sum() * b.square().sum()).clamp(min=1e-12)
