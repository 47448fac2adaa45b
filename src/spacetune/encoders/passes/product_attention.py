"""Attention as two products with powers of two between them, for bfloat16 on a CPU.

At the sizes of texts torch's fused attention takes over twice as long there, and its way back four times. Keys are
taken from their mean, which moves all scores of a row alike: what is left is small, so that bfloat16 rounds it less and
the exponentials need no maximum taken off.
"""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx

__all__ = ["fits", "mixed", "mixed_with_gradients"]

_LOG2_E = math.log2(math.e)
_TINY, _HUGE = 1e-36, 1e36
_LEAST_ROWS = 64
"""Of all blocks: on fewer one operation takes less time than ten."""
_MOST_ROWS = 1024
"""Of a block, whose scores are held whole: 24 MB for twelve heads."""


def fits(qkv: Tensor, count: int, size: int) -> bool:
    """Tell whether attention of so many blocks of so many rows should go by products."""
    suits = qkv.dtype == torch.bfloat16 and qkv.device.type == "cpu"
    return suits and size <= _MOST_ROWS and count * size >= _LEAST_ROWS


def mixed(block: Tensor, bias: Tensor | None) -> Tensor | None:
    """Mix values by 2^scores over their sums, without gradients; None where these are out of range.

    Parameters
    ----------
    block
        Queries, keys and values, ``(3, block, head, row, width)``.
    bias
        Added to the scores, natural logarithms, ``(block, 1 or head, row, row)``.

    Returns
    -------
    torch.Tensor or None
        ``(block, head, row, width)``.
    """
    q, k, v = _flat(block)
    powers, sums = _powers(q, k, bias)
    return None if sums is None else torch.bmm(powers, v).div_(sums).view(block.shape[1:])


def mixed_with_gradients(block: Tensor, bias: Tensor | None) -> Tensor:
    """Mix values as `mixed` does, with gradients and for any scores."""
    return _Products.apply(block, bias)  # pyright: ignore[reportReturnType]


class _Products(torch.autograd.Function):
    """``O = P V`` with rows ``P = softmax(Q K^T / sqrt(width))``, held for the way back."""

    @staticmethod
    def forward(ctx: FunctionCtx, block: Tensor, bias: Tensor | None) -> Tensor:
        q, k, v = _flat(block)
        with torch.autocast("cpu", enabled=False):
            rates, sums = _powers(q, k, bias)
            rates = _rates(q, k, bias) if sums is None else rates.div_(sums)
            out = torch.bmm(rates, v)
        ctx.save_for_backward(q, k, v, rates, out)
        return out.view(block.shape[1:])

    @staticmethod
    def backward(ctx: BackwardCFunction, *grads: Tensor) -> tuple[Tensor, None]:
        q, k, v, rates, out = ctx.saved_tensors  # pyright: ignore[reportAssignmentType]
        back = grads[0].reshape(out.shape).to(out.dtype)
        of_values = torch.bmm(rates.transpose(1, 2), back)
        of_scores = torch.bmm(back, v.transpose(1, 2)).sub_((back * out).sum(-1, keepdim=True)).mul_(rates)
        scale = q.shape[-1] ** -0.5
        of_queries = torch.bmm(of_scores, k).mul_(scale)
        of_keys = torch.bmm(of_scores.transpose(1, 2), q).mul_(scale)
        return torch.stack([of_queries, of_keys, of_values]).view(3, *grads[0].shape), None


def _flat(block: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys less their mean and values, ``(block · head, row, width)`` each."""
    _, count, n_heads, size, width = block.shape
    q, k, v = block.contiguous().view(3, count * n_heads, size, width)
    return q, k - k.mean(1, keepdim=True), v


def _powers(q: Tensor, k: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return 2^scores, and their sums by row where all of these can be told and divided by."""
    scores = torch.baddbmm(q.new_empty(1, 1, 1), q, k.transpose(1, 2), beta=0, alpha=_LOG2_E * q.shape[-1] ** -0.5)
    if bias is not None:
        _by_head(scores, bias).add_(bias, alpha=_LOG2_E)
    torch.exp2(scores, out=scores)
    sums = scores.sum(-1, keepdim=True)
    least, most = torch.aminmax(sums)
    return scores, sums if least > _TINY and most < _HUGE else None


def _rates(q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    scores = torch.bmm(q, k.transpose(1, 2)).float().mul_(q.shape[-1] ** -0.5)
    if bias is not None:
        _by_head(scores, bias).add_(bias)
    return torch.softmax(scores, -1).to(q.dtype)


def _by_head(scores: Tensor, bias: Tensor) -> Tensor:
    return scores.view(len(bias), len(scores) // len(bias), *scores.shape[1:])
