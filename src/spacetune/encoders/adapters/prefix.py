"""Prefixes: keys and values that stand before the real tokens in every layer's self-attention."""

from __future__ import annotations

import dataclasses
from typing import Self

from torch import Tensor, nn

from spacetune.errors import UsageError

__all__ = ["Prefix", "PrefixShape", "PrefixStates"]


@dataclasses.dataclass(frozen=True)
class PrefixShape:
    """The size of a prefix: layers, key heads of a layer, width of a head, and length in virtual tokens."""

    n_layers: int
    n_heads: int
    head_dim: int
    length: int

    @property
    def width(self) -> int:
        """Width of all heads side by side."""
        return self.n_heads * self.head_dim

    @property
    def n_values(self) -> int:
        """Numbers in one prefix: ``length · 2 · n_layers · width``.

        >>> PrefixShape(12, 12, 64, 10).n_values
        184320
        """
        return self.length * 2 * self.n_layers * self.width


@dataclasses.dataclass(frozen=True, repr=False)
class PrefixStates:
    """Keys and values of a prefix, for one batch.

    They are put before the keys and values of the real tokens, after any rotation of those by position: a prefix has
    no place in a text.

    Parameters
    ----------
    values
        ``(layer, 2, batch, head, prefix, head_dim)``: keys at 0, values at 1. A batch of 1 is shared by all rows; else
        every row of the batch has its own.
    position_shift
        Real tokens begin at position 0 as without a prefix (False), or behind the prefix as in PEFT (True), which
        makes as many of the last positions unusable.

    Raises
    ------
    UsageError
        If the shape is another.

    Examples
    --------
    >>> import torch
    >>> PrefixStates(torch.zeros(3, 2, 1, 4, 5, 8))
    PrefixStates(3 layers, 1 row, 4 heads, 5 virtual tokens of 8)
    """

    values: Tensor
    position_shift: bool = False

    def __post_init__(self) -> None:
        if self.values.dim() != 6 or self.values.shape[1] != 2:
            raise UsageError(
                "prefix states must have shape (layer, 2, batch, head, prefix, head_dim), "
                f"got {tuple(self.values.shape)}"
            )

    def __repr__(self) -> str:
        n_layers, _, batch, heads, length, width = self.values.shape
        rows = f"{batch} row" + "s" * (batch > 1)
        return f"PrefixStates({n_layers} layers, {rows}, {heads} heads, {length} virtual tokens of {width})"

    @property
    def shape(self) -> PrefixShape:
        """The size of each row's prefix."""
        n_layers, _, _, heads, length, width = self.values.shape
        return PrefixShape(n_layers, heads, width, length)

    @property
    def batch(self) -> int:
        """Rows; 1 is shared by all."""
        return self.values.shape[2]

    def take(self, rows: Tensor) -> PrefixStates:
        """Return these rows' prefixes; a shared one stays shared."""
        return self if self.batch == 1 else PrefixStates(self.values[:, :, rows], self.position_shift)

    def pair(self, layer: int, batch: int) -> tuple[Tensor, Tensor]:
        """Return one layer's keys and values, each ``(batch, head, prefix, head_dim)``."""
        keys, values = self.values[layer]
        if self.batch == batch:
            return keys, values
        if self.batch != 1:
            raise UsageError(
                f"{self.batch} rows of prefixes were given for {batch} texts; give one per text, or 1 for all"
            )
        return keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1)


class Prefix(nn.Module):
    """Keys and values of one prefix as parameters.

    Parameters
    ----------
    values
        ``(layer, 2, head, prefix, head_dim)``: keys at 0, values at 1.
    position_shift
        Whether real tokens stand behind it in position, as in PEFT.

    Examples
    --------
    >>> import torch
    >>> prefix = Prefix(torch.zeros(3, 2, 4, 5, 8))
    >>> prefix.table().shape, prefix.states()
    (torch.Size([5, 192]), PrefixStates(3 layers, 1 row, 4 heads, 5 virtual tokens of 8))
    """

    def __init__(self, values: Tensor, position_shift: bool = False) -> None:
        super().__init__()
        if values.dim() != 5 or values.shape[1] != 2:
            raise UsageError(f"a prefix has shape (layer, 2, head, prefix, head_dim), got {tuple(values.shape)}")
        self.values = nn.Parameter(values.detach().clone())
        self.position_shift = position_shift

    @property
    def shape(self) -> PrefixShape:
        """Its size."""
        return self.states().shape

    def states(self) -> PrefixStates:
        """Return keys and values to run an encoder with; gradients reach the parameters."""
        return PrefixStates(self.values.unsqueeze(2), self.position_shift)

    def table(self) -> Tensor:
        """Return the values as PEFT lays them out: ``(prefix, layer · 2 · width)``, keys before values."""
        return self.values.detach().permute(3, 0, 1, 2, 4).flatten(1).contiguous()

    @classmethod
    def from_table(cls, table: Tensor, shape: PrefixShape, position_shift: bool = True) -> Self:
        """Read PEFT's layout.

        Raises
        ------
        UsageError
            If the table does not fit the shape.
        """
        expected = (shape.length, shape.n_layers * 2 * shape.width)
        if tuple(table.shape) != expected:
            raise UsageError(f"the prefix table must be {expected} for {shape}, got {tuple(table.shape)}")
        values = table.view(shape.length, shape.n_layers, 2, shape.n_heads, shape.head_dim)
        return cls(values.permute(1, 2, 3, 0, 4), position_shift)
