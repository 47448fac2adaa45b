"""From the states of a text's tokens to one vector: the poolings of sentence-transformers, over ragged rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from spacetune.encoders.ragged import concat_ranges

__all__ = ["POOLINGS", "pool"]


def pool(values: Tensor, offsets: Tensor, modes: Sequence[str], skip: int = 0) -> Tensor:
    """Pool the states of every text.

    Parameters
    ----------
    values
        ``(n_tokens, dim)``, texts end to end.
    offsets
        ``(n_texts + 1,)``.
    modes
        Names from `POOLINGS`; several stand side by side in the result.
    skip
        How many tokens at a text's beginning are left out; every text must have more.

    Returns
    -------
    Tensor
        ``(n_texts, dim · len(modes))`` in float32; zeros for a text without tokens.
    """
    lengths = offsets.diff() - skip * (offsets.diff() > 0)
    starts = offsets[:-1] + skip
    rows = concat_ranges(starts, lengths)
    states = values[rows].float()
    owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    position = rows - torch.repeat_interleave(offsets[:-1], lengths)
    return torch.cat([POOLINGS[mode](states, owner, position, lengths) for mode in modes], dim=1)


def _first(states: Tensor, owner: Tensor, position: Tensor, lengths: Tensor) -> Tensor:
    return _picked(states, lengths.cumsum(0) - lengths, lengths)


def _last(states: Tensor, owner: Tensor, position: Tensor, lengths: Tensor) -> Tensor:
    return _picked(states, lengths.cumsum(0) - 1, lengths)


def _picked(states: Tensor, rows: Tensor, lengths: Tensor) -> Tensor:
    found = states.new_zeros(len(lengths), states.shape[1])
    found[lengths > 0] = states[rows[lengths > 0]]
    return found


def _max(states: Tensor, owner: Tensor, position: Tensor, lengths: Tensor) -> Tensor:
    found = states.new_full((len(lengths), states.shape[1]), float("-inf"))
    found.scatter_reduce_(0, owner[:, None].expand_as(states), states, "amax")
    return found.masked_fill_((lengths == 0)[:, None], 0)


def _mean(states: Tensor, owner: Tensor, position: Tensor, lengths: Tensor) -> Tensor:
    return _sum(states, owner, lengths) / lengths.clamp(min=1)[:, None]


def _mean_sqrt(states: Tensor, owner: Tensor, position: Tensor, lengths: Tensor) -> Tensor:
    return _sum(states, owner, lengths) / lengths.clamp(min=1)[:, None].sqrt()


def _weighted_mean(states: Tensor, owner: Tensor, position: Tensor, lengths: Tensor) -> Tensor:
    weights = (position + 1).float()[:, None]
    return _sum(states * weights, owner, lengths) / _sum(weights, owner, lengths).clamp(min=1)


def _sum(states: Tensor, owner: Tensor, lengths: Tensor) -> Tensor:
    return states.new_zeros(len(lengths), states.shape[1]).index_add_(0, owner, states)


POOLINGS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "cls": _first,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}
"""By sentence-transformers' names, in the order in which it puts several side by side."""
