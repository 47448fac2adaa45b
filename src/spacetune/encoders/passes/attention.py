"""Attention over texts that stand end to end in blocks: every text sees itself only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.families import EncoderParts
from spacetune.encoders.passes.layout import Blocks, Layout
from spacetune.encoders.passes.product_attention import fits, mixed, mixed_with_gradients

__all__ = ["Span", "attend", "mix", "spans_of"]

Span = tuple[int, int, int, Tensor | None]
"""Start, number and size of blocks, and what is added to their attention scores."""


def spans_of(layout: Layout, parts: EncoderParts, dtype: torch.dtype, device: torch.device) -> list[Span]:
    """Prepare the attention of a batch: what keeps a block's texts apart, with the family's own bias if it has one."""
    return [_span(blocks, parts, dtype, device) for blocks in layout.blocks]


def _span(blocks: Blocks, parts: EncoderParts, dtype: torch.dtype, device: torch.device) -> Span:
    bias = None
    if not blocks.plain:
        owner = torch.as_tensor(blocks.owner).to(device)
        apart = owner[:, :, None] != owner[:, None, :]
        bias = torch.zeros(apart.shape, dtype=dtype, device=device).masked_fill_(apart, float("-inf"))
        bias = bias.unsqueeze(1)
    if parts.attention_bias is not None:
        position = torch.as_tensor(blocks.position).to(device)
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
    found: list[Tensor] = []
    for start, count, size, bias in spans:
        block = qkv[start : start + count * size].view(count, size, 3, n_heads, -1).permute(2, 0, 3, 1, 4)
        out = None
        if fits(qkv, count, size) and (bias is None or not bias.requires_grad):
            out = mixed_with_gradients(block, bias) if learns else mixed(block, bias)
        out = F.scaled_dot_product_attention(*block, attn_mask=bias) if out is None else out
        found.append(out.transpose(1, 2).reshape(count * size, -1))
    return found[0] if len(found) == 1 else torch.cat(found)


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
