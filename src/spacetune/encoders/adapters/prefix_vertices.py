"""`PrefixVertices`: n prefixes of one encoder, whose convex combinations are prefixes (arXiv 2310.15793)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from spacetune.encoders.adapters.prefix import Prefix, PrefixShape, PrefixStates
from spacetune.encoders.adapters.reparametrisation import Reparametrisation, new_producer
from spacetune.errors import UsageError

__all__ = ["Mixing", "PrefixVertices", "squared_cosine"]

Mixing = Literal["after", "before"]
"""``after`` the reparametrisation (vertices are keys and values) or ``before`` it (vertices are its inputs)."""


class PrefixVertices(nn.Module):
    r"""n prefixes as the vertices of a simplex; every point of it is a prefix.

    .. math:: [k_l; v_l](w) = \sum_i w_{l,i} [k_l; v_l]_i, \quad w_l \in \Delta^{n-1}

    Each layer l has a point of its own. The centroid, all weights ``1/n``, is the prefix to use. One vertex is plain
    prefix-tuning, with weights of exactly 1.

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
    position_shift
        Whether real tokens stand behind the prefix in position, as in PEFT.
    generator
        Source of the start; None is torch's own.

    Examples
    --------
    >>> vertices = PrefixVertices(PrefixShape(3, 4, 8, 5), generator=torch.Generator().manual_seed(0))
    >>> each, centroid = vertices.states(), vertices.centroid()
    >>> each
    PrefixStates(3 layers, 6 rows, 4 heads, 5 virtual tokens of 8)
    >>> bool(torch.allclose(each.values.mean(2, keepdim=True), centroid.values, atol=1e-6))
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
        position_shift: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if mixing not in ("after", "before"):
            raise UsageError(f"mixing must be after or before, got {mixing!r}")
        if n_vertices < 1:
            raise UsageError(f"a simplex has at least 1 vertex, got n_vertices={n_vertices}")
        self.shape, self.n_vertices, self.mixing = shape, n_vertices, mixing
        self.position_shift, self.hidden_size = position_shift, hidden_size
        self.reparametrisation: Reparametrisation = reparametrisation
        self.produce = new_producer(reparametrisation, shape, hidden_size, generator)
        start = torch.empty(n_vertices, *self.produce.table).normal_(0, start_scale, generator=generator)
        self.tables = nn.Parameter(start)

    @property
    def n_groups(self) -> int:
        """Points that a text has: one a layer."""
        return self.shape.n_layers

    def states(self) -> PrefixStates:
        """Return the vertices as the rows of one batch."""
        return self._states(self.produce(self.tables))

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
        at = self.centroid() if weights is None else self.at(weights)
        return Prefix(at.values.squeeze(2), self.position_shift)

    def finished(self) -> PrefixVertices:
        """Return the same vertices without their perceptron, where they say all (mixing ``after``)."""
        if self.reparametrisation == "none" or self.mixing == "before":
            return self
        plain = PrefixVertices(self.shape, self.n_vertices, position_shift=self.position_shift, start_scale=0.0)
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
