"""Arithmetic on ragged rows: texts of different lengths end to end, without padding."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn.functional import embedding_bag

__all__ = ["concat_ranges", "offsets_of", "segment_mean", "segment_sum", "segment_variance", "widened"]


def offsets_of(lengths: Tensor) -> Tensor:
    """Return where every text starts, and the end: the running sum of lengths with 0 in front.

    >>> offsets_of(torch.tensor([2, 3])).tolist()
    [0, 2, 5]
    """
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])


def concat_ranges(starts: Tensor, lengths: Tensor) -> Tensor:
    """Return the positions ``starts[i] … starts[i] + lengths[i] - 1`` of all i, end to end.

    >>> concat_ranges(torch.tensor([5, 0]), torch.tensor([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    shift = torch.repeat_interleave(starts - offsets_of(lengths)[:-1], lengths)
    return torch.arange(len(shift), device=starts.device) + shift


def widened(values: Tensor) -> Tensor:
    """Return values in float32 at least, contiguous, by at most one copy."""
    dtype = torch.promote_types(values.dtype, torch.float32)
    return values.contiguous() if values.dtype == dtype else values.to(dtype, memory_format=torch.contiguous_format)


def _pooled(values: Tensor, offsets: Tensor, mode: Literal["mean", "sum"]) -> Tensor:
    """Return each text's mean or sum, ``(n_texts, …)``.

    These are the sums of `torch.segment_reduce`, several times as fast.
    """
    flat = widened(values).view(len(values), math.prod(values.shape[1:]))
    shape = len(offsets) - 1, *values.shape[1:]
    if not flat.numel():
        return flat.new_zeros(shape)
    rows = torch.arange(len(flat), device=flat.device)
    return embedding_bag(rows, flat, offsets.to(rows), mode=mode, include_last_offset=True).reshape(shape)


class _SegmentMean(torch.autograd.Function):
    """Mean of each text's rows; the gradient of a row is its text's gradient over its length."""

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(offsets.diff())
        return _pooled(values, offsets, "mean")

    @staticmethod
    def backward(ctx: BackwardCFunction, *grads: Tensor) -> tuple[Tensor, None]:
        (lengths,) = ctx.saved_tensors
        scale = lengths.clamp(min=1).to(grads[0].dtype)
        shared = grads[0] / scale.view(-1, *[1] * (grads[0].dim() - 1))
        return torch.repeat_interleave(shared, lengths, dim=0), None


def segment_mean(values: Tensor, offsets: Tensor) -> Tensor:
    """Return the mean over each text's tokens, in float32 at least.

    Parameters
    ----------
    values
        ``(n_tokens, …)``, the tokens of all texts end to end.
    offsets
        ``(n_texts + 1,)``, where each text starts.

    Returns
    -------
    torch.Tensor
        ``(n_texts, …)``; zero for a text without tokens.

    Examples
    --------
    >>> segment_mean(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 2, 3])).squeeze(1).tolist()
    [2.0, 5.0]
    """
    return _SegmentMean.apply(values, offsets)  # pyright: ignore[reportReturnType]


def segment_sum(values: Tensor, offsets: Tensor) -> Tensor:
    """Return the sum over each text's tokens, in float32 at least; rows behind the last text take no part.

    Parameters
    ----------
    values
        ``(n_tokens or more, …)``.
    offsets
        ``(n_texts + 1,)``.

    Returns
    -------
    torch.Tensor
        ``(n_texts, …)``; without gradients.
    """
    with torch.no_grad():
        return _pooled(values[: int(offsets[-1])], offsets, "sum")


def segment_variance(values: Tensor, offsets: Tensor) -> Tensor:
    """Return the unbiased variance over each text's tokens; zero for a text of one token.

    Parameters
    ----------
    values
        ``(n_tokens, …)``.
    offsets
        ``(n_texts + 1,)``.

    Returns
    -------
    torch.Tensor
        ``(n_texts, …)``.
    """
    lengths = offsets.diff()
    means = segment_mean(values, offsets)
    centred = values - torch.repeat_interleave(means, lengths, dim=0)
    biased = segment_mean(centred.square(), offsets)
    scale = lengths.to(biased.dtype) / (lengths - 1).clamp(min=1)
    return biased * scale.view(-1, *[1] * (biased.dim() - 1))
