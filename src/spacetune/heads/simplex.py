"""`Simplex`: all convex combinations of n models, learnt together; used at its centroid (arXiv 2310.15793)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from spacetune.encoders import Adapter, TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads.head import Head
from spacetune.heads.model import Model
from spacetune.heads.simplex_weights import Sampling, simplex_weights

__all__ = ["AdapterVertices", "HeadVertices", "Simplex"]

Keep = Callable[[Tensor], Tensor]


class AdapterVertices(Protocol):
    """n adapters of one encoder: each layer has a point of its own."""

    @property
    def n_vertices(self) -> int:
        """Adapters."""
        ...

    @property
    def n_groups(self) -> int:
        """Points that a text has: one a layer of the encoder."""
        ...

    def at(self, weights: Tensor) -> Adapter:
        """Return the adapters at these points, ``(vertex,)`` or ``(text or 1, layer, vertex)``."""
        ...

    def centroid(self) -> Adapter:
        """Return the mean adapter."""
        ...

    def finished(self) -> AdapterVertices:
        """Return the same vertices without what served their training alone."""
        ...

    def diversity(self, first: int, second: int) -> Tensor:
        """Return how far two vertices are from orthogonal: 0 orthogonal, 1 parallel."""
        ...


class HeadVertices(Protocol):
    """n heads that read the same features."""

    @property
    def n_vertices(self) -> int:
        """Heads."""
        ...

    @property
    def n_groups(self) -> int:
        """Points that a text has for the head."""
        ...

    def logits(self, features: TokenFeatures, weights: Tensor, keep: Keep) -> Tensor:
        """Return logits ``(text, output)`` at points ``(text or 1, group, vertex)``."""
        ...

    def vertex(self, i: int) -> Head:
        """Return one of the heads."""
        ...

    def centroid(self) -> Head:
        """Return the mean head."""
        ...


class Simplex(nn.Module):
    r"""n models as the vertices of a simplex: adapters of one encoder, heads, or both; every point is a model.

    .. math:: \theta(w) = \sum_i w_i \theta_i, \quad w \in \Delta^{n-1}

    Every layer of the adapter and every group of the head has a point of its own. In training each text gets fresh
    points; the centroid, all weights ``1/n``, is the model to use. One vertex is an ordinary model.

    Parameters
    ----------
    head
        Heads; mixed as the adapters are.
    adapter
        Adapters; None where nothing is learnt inside the encoder.
    sampling
        ``observation``: every text has its own points; ``batch``: all texts of a batch share them.
    shared_layers
        Whether all layers and the head share one point.

    Examples
    --------
    >>> from spacetune.heads import LinearVertices
    >>> simplex = Simplex(LinearVertices(width=4, n_outputs=2, n_vertices=3))
    >>> simplex.sample(5, torch.Generator().manual_seed(0)).shape, simplex.centroid().head.weight.shape
    (torch.Size([5, 1, 3]), torch.Size([2, 4]))
    """

    def __init__(
        self,
        head: HeadVertices,
        adapter: AdapterVertices | None = None,
        *,
        sampling: Sampling = "observation",
        shared_layers: bool = False,
    ) -> None:
        super().__init__()
        if sampling not in ("observation", "batch"):
            raise UsageError(f"sampling must be observation or batch, got {sampling!r}")
        if adapter is not None and adapter.n_vertices != head.n_vertices:
            raise UsageError(f"{adapter.n_vertices} adapters cannot be mixed with {head.n_vertices} heads")
        self.head_module, self.adapter_module = cast("nn.Module", head), cast("nn.Module | None", adapter)
        self.sampling: Sampling = sampling
        self.shared_layers = shared_layers

    @property
    def head(self) -> HeadVertices:
        """The heads."""
        return cast("HeadVertices", self.head_module)

    @property
    def adapter(self) -> AdapterVertices | None:
        """The adapters, if there are any."""
        return cast("AdapterVertices | None", self.adapter_module)

    @property
    def n_vertices(self) -> int:
        """Corners n."""
        return self.head.n_vertices

    @property
    def n_layers(self) -> int:
        """Points of the adapter: one a layer of the encoder."""
        return 0 if self.adapter is None else self.adapter.n_groups

    @property
    def n_groups(self) -> int:
        """What has a point of its own: the adapter's layers first, then the groups of the head."""
        return self.n_layers + self.head.n_groups

    def sample(self, n_texts: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw weights ``(text, group, vertex)``: a point of its own for every text and group."""
        return simplex_weights(
            n_texts, self.n_groups, self.n_vertices, generator, sampling=self.sampling, shared=self.shared_layers
        )

    def centre(self) -> Tensor:
        """Return the centroid's weights ``(1, group, vertex)``."""
        return torch.full((1, self.n_groups, self.n_vertices), 1 / self.n_vertices)

    def adapter_at(self, weights: Tensor) -> Adapter | None:
        """Return the adapters at points ``(text or 1, group, vertex)``."""
        return None if self.adapter is None else self.adapter.at(weights[:, : self.n_layers])

    def logits(self, features: TokenFeatures, weights: Tensor, keep: Keep = lambda z: z) -> Tensor:
        """Return logits ``(text, output)`` of features, made under `adapter_at` the same points.

        Parameters
        ----------
        features
            Ragged token features.
        weights
            ``(text or 1, group, vertex)``.
        keep
            What happens to what the classifier reads: dropout, or nothing.
        """
        return self.head.logits(features, weights[:, self.n_layers :], keep)

    def vertices(self) -> list[Model]:
        """Return the models at the vertices."""
        corners = torch.eye(self.n_vertices)
        adapters = [None if self.adapter is None else self.adapter.at(corner) for corner in corners]
        return [Model(self.head.vertex(i), adapter) for i, adapter in enumerate(adapters)]

    def centroid(self) -> Model:
        """Return the model with all weights 1/n: what a simplex is used as."""
        return Model(self.head.centroid(), None if self.adapter is None else self.adapter.centroid())

    def finished(self) -> Simplex:
        """Return the same simplex, without gradients and without what served the training alone."""
        adapter = None if self.adapter is None else self.adapter.finished()
        made = Simplex(self.head, adapter, sampling=self.sampling, shared_layers=self.shared_layers)
        return made.eval().requires_grad_(False)
