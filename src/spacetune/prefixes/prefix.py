"""`Prefix`: one finished prefix, such as a simplex's centroid. An ordinary prefix, in nobody's format but torch's."""

from __future__ import annotations

from typing import Self

from torch import Tensor, nn

from spacetune.encoders import PrefixShape, PrefixStates
from spacetune.errors import UsageError

__all__ = ["Prefix"]


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
