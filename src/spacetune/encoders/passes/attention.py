"""Attention over texts that stand end to end in blocks: every text sees itself only.

In bfloat16 on a CPU the frozen pass takes two products with 2^scores between them, over twice as fast as torch's fused
attention on rows of 16 to 512; float32, other devices, one short text, long ones and training take the fused one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.families import EncoderParts
from spacetune.encoders.passes.layout import Blocks, Layout

__all__ = ["Span", "attend", "mix", "spans_of"]

_LOG2_E = math.log2(math.e)
_TINY, _HUGE = 1e-36, 1e36
_LEAST_ROWS = 64  # of all blocks: on fewer one operation takes less time than ten
_MOST_ROWS = 1024  # of a block whose scores are held whole: 24 MB for twelve heads

Span = tuple[int, int, int, Tensor | None]
"""Start, number and size of blocks, and what is added to their attention scores."""


def spans_of(layout: Layout, parts: EncoderParts, dtype: torch.dtype, device: torch.device) -> list[Span]:
    """Prepare the attention of a batch: what keeps a block's texts apart, with the family's own bias if it has one."""
    return [_span(blocks, parts, dtype, device) for blocks in layout.blocks]


def _span(blocks: Blocks, parts: EncoderParts, dtype: torch.dtype, device: torch.device) -> Span:
    bias = None
    if not blocks.plain:
        owner = torch.from_numpy(blocks.owner).to(device)
        apart = owner[:, :, None] != owner[:, None, :]
        bias = torch.zeros(apart.shape, dtype=dtype, device=device).masked_fill_(apart, float("-inf"))
        bias = bias.unsqueeze(1)
    if parts.attention_bias is not None:
        position = torch.from_numpy(blocks.position).to(device)
        table = parts.attention_bias(int(position.max()) + 1).to(dtype)
        own = table[:, position[:, :, None], position[:, None, :]].transpose(0, 1)
        bias = own if bias is None else own + bias
    return blocks.start, blocks.count, blocks.size, bias


def attend(qkv: Tensor, spans: Sequence[Span], n_heads: int) -> Tensor:
    """Return every row's mixture of its text's values, ``(row, dim)``.

    Parameters
    ----------
    qkv
        Queries, keys and values side by side, ``(row, 3 · dim)``.
    spans
        From `spans_of`.
    n_heads
        Attention heads.
    """
    learns = torch.is_grad_enabled() and qkv.requires_grad
    products = qkv.dtype == torch.bfloat16 and qkv.device.type == "cpu" and not learns
    mixed: list[Tensor] = []
    for start, count, size, bias in spans:
        block = qkv[start : start + count * size].view(count, size, 3, n_heads, -1).permute(2, 0, 3, 1, 4)
        out = _by_products(block, bias) if products and size <= _MOST_ROWS and count * size >= _LEAST_ROWS else None
        out = F.scaled_dot_product_attention(*block, attn_mask=bias) if out is None else out
        mixed.append(out.transpose(1, 2).reshape(count * size, -1))
    return mixed[0] if len(mixed) == 1 else torch.cat(mixed)


def _by_products(block: Tensor, bias: Tensor | None) -> Tensor | None:
    """Mix values ``(block, head, row, width)`` by 2^scores over their sums; None where these are out of range.

    Keys are taken from their mean, which moves all scores of a row alike: what is left is small, so that bfloat16
    rounds it less and the exponentials need no maximum taken off.
    """
    _, count, n_heads, size, width = block.shape
    q, k, v = block.contiguous().view(3, count * n_heads, size, width)
    k = k - k.mean(1, keepdim=True)
    scores = torch.baddbmm(q.new_empty(1, 1, 1), q, k.transpose(1, 2), beta=0, alpha=_LOG2_E * width**-0.5)
    if bias is not None:
        scores.view(count, n_heads, size, size).add_(bias, alpha=_LOG2_E)
    torch.exp2(scores, out=scores)
    sums = scores.sum(-1, keepdim=True)
    least, most = torch.aminmax(sums)
    if not (least > _TINY and most < _HUGE):
        return None
    return torch.bmm(scores, v).div_(sums).view(count, n_heads, size, width)


def mix(
    qkv: Tensor, span: Span, n_heads: int, prefix: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Mix the values of one span as `attend` does, and keep the rows they were mixed by.

    Parameters
    ----------
    qkv
        Queries, keys and values of all rows side by side, ``(row, 3 · dim)``.
    span
        Which rows, from `spans_of`.
    n_heads
        Attention heads.
    prefix
        Keys and values that stand before every text's own, ``(1, head, prefix, width)`` each.

    Returns
    -------
    tuple
        Attention ``(block, head, row, row)`` of the texts' own rows; the mixtures ``(row, head, width)``; and what of
        these the prefix brought, None without one.
    """
    start, count, size, bias = span
    q, k, v = qkv[start : start + count * size].view(count, size, 3, n_heads, -1).permute(2, 0, 3, 1, 4)
    scale = q.shape[-1] ** -0.5
    scores = q @ k.transpose(2, 3) * scale
    scores = scores if bias is None else scores + bias
    if prefix is None:
        rates = torch.softmax(scores, dim=-1)
        return rates, _by_row(rates @ v), None
    keys, values = (part.to(q) for part in prefix)
    rates = torch.softmax(torch.cat([q @ keys.transpose(2, 3) * scale, scores], dim=-1), dim=-1)
    own, carried = rates[..., -size:], rates[..., :-size] @ values
    return own, _by_row(own @ v + carried), _by_row(carried)


def _by_row(heads: Tensor) -> Tensor:
    return heads.transpose(1, 2).flatten(0, 1)
