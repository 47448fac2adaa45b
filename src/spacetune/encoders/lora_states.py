"""`LoraStates`: what low-rank adapters add to the queries and values of every layer, a text at a time."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.families import parts_of
from spacetune.errors import UnsupportedByFamily, UsageError

__all__ = ["LoraShape", "LoraStates", "lora_shape", "under_lora"]


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
            f"{model.config.model_type}'s layers share their projections: there is one to adapt, not one a layer"
        )
    return LoraShape(len(layers), layers[0].query.in_features, rank)


@contextlib.contextmanager
def under_lora(model: Any, states: LoraStates) -> Generator[None]:
    """Run the model with these additions; its own weights are not touched.

    Raises
    ------
    UsageError
        If the adapter is of another encoder's shape.
    """
    found = LoraShape(states.down.shape[0], states.down.shape[3], states.down.shape[2])
    if found != lora_shape(model, found.rank):
        raise UsageError(f"the adapter is {found}, this encoder takes {lora_shape(model, found.rank)}")
    placed = states.to(model.device)

    def hook(layer: int, part: int) -> Any:
        return lambda _module, given, output: output + placed.added(layer, part, given[0])

    handles = [
        linear.register_forward_hook(hook(i, part))
        for i, layer in enumerate(parts_of(model).layers)
        for part, linear in enumerate((layer.query, layer.value))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
