"""From a prefix's parameters to keys and values: as they are, through one perceptron, or through one a layer."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import abc
from typing import Literal

import torch
from torch import Tensor, nn

from spacetune.encoders.adapters.prefix import PrefixShape
from spacetune.encoders.drawn import drawn_linear, drawn_uniform
from spacetune.errors import UsageError

__all__ = ["Produce", "Reparametrisation", "new_producer"]

Reparametrisation = Literal["none", "shared", "per-layer"]


class Produce(nn.Module, abc.ABC):
    """Base: turns tables of parameters into keys and values ``(…, layer, 2, head, prefix, head_dim)``."""

    def __init__(self, shape: PrefixShape) -> None:
        super().__init__()
        self.shape = shape

    @property
    @abc.abstractmethod
    def table(self) -> tuple[int, ...]:
        """Shape of one prefix's parameters."""

    @abc.abstractmethod
    def mix(self, tables: Tensor, weights: Tensor) -> Tensor:
        """Mix vertices' parameters ``(vertex, *table)`` by ``(row, layer, vertex)``: one table a row and layer."""

    def _heads(self, values: Tensor) -> Tensor:
        """Split ``(…, layer, prefix, 2 · width)`` or ``(…, layer, 2, prefix, width)`` into heads."""
        heads = (self.shape.n_heads, self.shape.head_dim)
        if values.shape[-1] == 2 * self.shape.width:
            values = values.unflatten(-1, (2, self.shape.width)).transpose(-2, -3)
        return values.unflatten(-1, heads).transpose(-2, -3)


class Raw(Produce):
    """The parameters are the keys and values."""

    @property
    def table(self) -> tuple[int, ...]:
        """``(layer, 2, head, prefix, head_dim)``."""
        s = self.shape
        return s.n_layers, 2, s.n_heads, s.length, s.head_dim

    def mix(self, tables: Tensor, weights: Tensor) -> Tensor:
        """Mix every layer's keys and values."""
        return torch.einsum("nlkhpd,bln->blkhpd", tables, weights)

    def forward(self, tables: Tensor) -> Tensor:
        """Return what was given."""
        return tables


class Shared(Produce):
    r"""One perceptron for all layers, as in Li and Liang 2021 and PEFT's ``prefix_projection``.

    .. math:: [k_1; v_1; …; k_L; v_L] = W_2 \tanh(W_1 e + b_1) + b_2

    Parameters while training, at length P, width d and hidden size m: ``P·d + (d + 1)·m + (m + 1)·2·L·d``.
    """

    def __init__(self, shape: PrefixShape, hidden_size: int, generator: torch.Generator | None) -> None:
        super().__init__(shape)
        self.first = drawn_linear(shape.width, hidden_size, generator)
        self.second = drawn_linear(hidden_size, shape.n_layers * 2 * shape.width, generator)

    @property
    def table(self) -> tuple[int, ...]:
        """``(prefix, width)``."""
        return self.shape.length, self.shape.width

    def mix(self, tables: Tensor, weights: Tensor) -> Tensor:
        """Mix the embeddings; every layer has its own mixture ``(row, layer, prefix, width)``."""
        return torch.einsum("npd,bln->blpd", tables, weights)

    def forward(self, tables: Tensor) -> Tensor:
        """Map ``(row, prefix, width)``, or ``(row, layer, prefix, width)`` with an embedding of its own a layer."""
        each = tables if tables.dim() == 4 else tables.unsqueeze(1)
        weight = self.second.weight.unflatten(0, (self.shape.n_layers, -1)).transpose(1, 2)
        bias = self.second.bias.unflatten(0, (self.shape.n_layers, 1, -1))
        return self._heads(torch.tanh(self.first(each)) @ weight + bias)


class PerLayer(Produce):
    r"""A perceptron for the keys and one for the values of every layer: the paper's :math:`MLP_{k,i}, MLP_{v,i}`.

    .. math:: k_i = W^{(2)}_{k,i} \tanh(W^{(1)}_{k,i} P_{k,i} + b^{(1)}_{k,i}) + b^{(2)}_{k,i}

    Depth, activation and size are not known; tanh and one hidden layer are ours, after Li and Liang 2021.
    """

    def __init__(self, shape: PrefixShape, hidden_size: int, generator: torch.Generator | None) -> None:
        super().__init__(shape)
        self.first, self.first_bias = _stack(shape.n_layers, shape.width, hidden_size, generator)
        self.second, self.second_bias = _stack(shape.n_layers, hidden_size, shape.width, generator)

    @property
    def table(self) -> tuple[int, ...]:
        """``(layer, 2, prefix, width)``."""
        return self.shape.n_layers, 2, self.shape.length, self.shape.width

    def mix(self, tables: Tensor, weights: Tensor) -> Tensor:
        """Mix every layer's parameters."""
        return torch.einsum("nlkpd,bln->blkpd", tables, weights)

    def forward(self, tables: Tensor) -> Tensor:
        """Map ``(row, layer, 2, prefix, width)``."""
        return self._heads(torch.tanh(tables @ self.first + self.first_bias) @ self.second + self.second_bias)


def new_producer(
    kind: Reparametrisation, shape: PrefixShape, hidden_size: int, generator: torch.Generator | None
) -> Produce:
    """Make the reparametrisation of that name.

    Raises
    ------
    UsageError
        If the name is not known.
    """
    if kind == "none":
        return Raw(shape)
    kinds = {"shared": Shared, "per-layer": PerLayer}
    if kind not in kinds:
        raise UsageError(f"reparametrisation must be none, shared or per-layer, got {kind!r}")
    if hidden_size < 1:
        raise UsageError(f"hidden_size must be at least 1, got {hidden_size}")
    return kinds[kind](shape, hidden_size, generator)


def _stack(n_layers: int, n_in: int, n_out: int, generator: torch.Generator | None) -> tuple[nn.Parameter, ...]:
    weight = drawn_uniform(n_in, (n_layers, 2, n_in, n_out), generator)
    return weight, drawn_uniform(n_in, (n_layers, 2, 1, n_out), generator)
