"""Parameters drawn at random from a generator of one's own: torch's global state stays as it is."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["drawn_linear", "drawn_uniform"]


def drawn_uniform(
    fan_in: int, size: tuple[int, ...], generator: torch.Generator | None, dtype: torch.dtype | None = None
) -> nn.Parameter:
    """Return a parameter drawn as `torch.nn.Linear` draws its own: from -1/√fan_in to 1/√fan_in."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(size, dtype=dtype).uniform_(-bound, bound, generator=generator))


def drawn_linear(
    n_in: int, n_out: int, generator: torch.Generator | None, dtype: torch.dtype | None = None
) -> nn.Linear:
    """Return a linear layer drawn from a generator; None is torch's own.

    >>> drawn_linear(3, 2, torch.Generator().manual_seed(0)).weight.shape
    torch.Size([2, 3])
    """
    linear = nn.Linear(n_in, n_out, device="meta")  # torch.nn.utils.skip_init would load SymPy, .3 s
    linear.weight, linear.bias = (drawn_uniform(n_in, size, generator, dtype) for size in ((n_out, n_in), (n_out,)))
    return linear
