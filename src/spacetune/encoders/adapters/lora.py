"""Low-rank adapters: what they add to the queries and values of every layer; and the vertices of a simplex of them."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spacetune.encoders.adapters.layers import LayerChanges
from spacetune.encoders.adapters.prefix_vertices import squared_cosine
from spacetune.encoders.drawn import drawn_uniform
from spacetune.encoders.families import parts_of
from spacetune.errors import UnsupportedByFamily, UsageError

__all__ = ["LoraShape", "LoraStates", "LoraVertices", "lora_shape", "under_lora"]


SCALE = 2.0
"""What the product is multiplied by: PEFT's ``alpha / r`` of 16 / 8."""


@dataclasses.dataclass(frozen=True)
class LoraShape:
    """The size of a low-rank adapter: layers, width of a state, and rank."""

    n_layers: int
    dim: int
    rank: int


@dataclasses.dataclass(frozen=True)
class LoraStates:
    r"""Additions to the query and value projections, for one batch.

    .. math:: W h + U \, \mathrm{diag}(g) \, D h

    Parameters
    ----------
    down
        D, ``(layer, 2, rank, dim)``: of the query at 0, of the value at 1.
    up
        U, ``(layer, 2, dim, rank)``.
    gates
        g, ``(text or 1, layer, rank)``; one row is shared by all texts.
    """

    down: Tensor
    up: Tensor
    gates: Tensor

    def take(self, rows: Tensor) -> LoraStates:
        """Return these rows' additions; a shared one stays shared."""
        return self if len(self.gates) == 1 else LoraStates(self.down, self.up, self.gates[rows])

    def to(self, device: Any) -> LoraStates:
        """Return the same on a device."""
        return LoraStates(self.down.to(device), self.up.to(device), self.gates.to(device))

    @functools.cached_property
    def merged(self) -> LayerChanges:
        """What one adapter for all texts adds to the projections' own weights."""
        (gates,) = self.gates
        tensors = {
            f"{layer + 1}.{part}.weight": (self.up[layer, i] * gates[layer]) @ self.down[layer, i]
            for layer in range(len(self.down))
            for i, part in enumerate(("query", "value"))
        }
        return LayerChanges(0, tensors)

    def added(self, layer: int, part: int, states: Tensor) -> Tensor:
        """Return what the query (part 0) or value (1) of a layer gains for states ``(text, token, dim)``."""
        low = F.linear(states, self.down[layer, part]) * self.gates[:, layer].unsqueeze(1)
        return F.linear(low, self.up[layer, part])


def lora_shape(model: Any, rank: int) -> LoraShape:
    """Return the shape of an adapter of this rank.

    Raises
    ------
    UsageError
        If the rank is below 1.
    UnsupportedByFamily
        If this family's projections are not known here, or are shared by its layers.
    """
    if rank < 1:
        raise UsageError(f"an adapter's rank must be at least 1, got {rank}")
    layers = parts_of(model).layers
    if len({id(layer.query) for layer in layers}) < len(layers):
        raise UnsupportedByFamily(
            f"{model.config.model_type}'s layers share their projections: there is one to adapt, not one per layer"
        )
    return LoraShape(len(layers), layers[0].query.in_features, rank)


@contextlib.contextmanager
def under_lora(model: Any, states: LoraStates) -> Generator[None]:
    """Run the model with these additions in this thread; its own weights are not touched.

    Raises
    ------
    UsageError
        If the adapter is of another encoder's shape.
    """
    found = LoraShape(states.down.shape[0], states.down.shape[3], states.down.shape[2])
    if found != lora_shape(model, found.rank):
        raise UsageError(f"the adapter is {found}, this encoder takes {lora_shape(model, found.rank)}")
    additions = _additions_of(model)
    before, additions.states = additions.states, states.to(model.device)
    try:
        yield
    finally:
        additions.states = before


class _Additions(threading.local):
    """What is added in a thread: other threads may run the same model meanwhile."""

    states: LoraStates | None = None


_ADDITIONS: weakref.WeakKeyDictionary[nn.Module, _Additions] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def _additions_of(model: Any) -> _Additions:
    """Return what a model's projections add, who look for it from the first call on."""
    with _LOCK:
        if (found := _ADDITIONS.get(model)) is None:
            found = _ADDITIONS[model] = _Additions()
            for i, layer in enumerate(parts_of(model).layers):
                for part, linear in enumerate((layer.query, layer.value)):
                    linear.register_forward_hook(_hook(found, i, part))
    return found


def _hook(additions: _Additions, layer: int, part: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def add(_module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        states = additions.states
        return output if states is None else output + states.added(layer, part, given[0])

    return add


class LoraVertices(nn.Module):
    r"""n LoRA adapters of every layer's query and value as the vertices of a simplex (Hu et al., arXiv 2106.09685).

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
    generator
        Source of the start; None is torch's own.

    Examples
    --------
    >>> vertices = LoraVertices(LoraShape(n_layers=3, dim=32, rank=4))
    >>> vertices.centroid().gates.shape, vertices.centroid().down.shape
    (torch.Size([1, 3, 24]), torch.Size([3, 2, 24, 32]))
    """

    def __init__(
        self,
        shape: LoraShape,
        n_vertices: int = 6,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if n_vertices < 1:
            raise UsageError(f"a simplex has at least 1 vertex, got n_vertices={n_vertices}")
        self.shape, self.n_vertices = shape, n_vertices
        self.down = drawn_uniform(shape.dim, (shape.n_layers, 2, n_vertices, shape.rank, shape.dim), generator)
        self.up = nn.Parameter(torch.zeros(shape.n_layers, 2, shape.dim, n_vertices, shape.rank))

    @property
    def n_groups(self) -> int:
        """Points that a text has: one a layer."""
        return self.shape.n_layers

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

    def finished(self) -> LoraVertices:
        """Return itself: there is no perceptron to leave out."""
        return self

    def diversity(self, first: int = 0, second: int = 1) -> Tensor:
        """Return the squared cosine between two corners' factors A; B starts at 0 and has no direction yet."""
        return squared_cosine(self.down[:, :, first].flatten(), self.down[:, :, second].flatten())
