"""Centroids of ragged texts in many concept spaces: a product a layer and piece of the tokens, one fused backward."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from spacetune.encoders import TokenFeatures
from spacetune.encoders.ragged import segment_sum
from spacetune.heads.spaces.concept_spaces import ConceptSpaces

__all__ = ["ROWS", "fused_centroids"]

ROWS = 256
"""A multiple of rows that suits training: oneDNN builds and keeps a kernel for every row count."""
PIECE = 2048
"""Tokens whose spaces stay in a processor's cache while they are pooled, and while their gradients are made."""


def fused_centroids(
    spaces: Sequence[ConceptSpaces],
    features: TokenFeatures,
    compute_dtype: torch.dtype | None = None,
    multiple: int = 1,
) -> list[Tensor]:
    """Return the centroids in the spaces of every head from one pass over the tokens.

    The operators of all spaces of all heads stand in one matrix a layer, so that many classes, seeds or
    settings cost one product.

    Parameters
    ----------
    spaces
        The concept spaces of heads that read the same layers.
    features
        Ragged token features.
    compute_dtype
        What the products run in; None is the operators' own dtype.
    multiple
        The products' rows are filled up with zeros to a multiple of this.

    Returns
    -------
    list of torch.Tensor
        One ``(text, layer, space, latent)`` a head.
    """
    folded = [each.folded() for each in spaces]
    matrix, shift = (torch.cat(parts, dim=1) for parts in zip(*folded, strict=True))
    dtype = compute_dtype or spaces[0].operators.dtype
    if torch.is_grad_enabled():
        pooled: Tensor = _Centroids.apply(  # pyright: ignore[reportAssignmentType]
            features.values, features.offsets, matrix, shift, dtype, multiple
        )
    else:
        pooled = _means(features.values, features.offsets, matrix.to(dtype), shift.to(dtype), multiple)
    shapes = [each.operators.shape for each in spaces]
    columns = pooled.split([shape[1] * shape[2] for shape in shapes], dim=2)
    return [part.unflatten(2, (shape[1], shape[2])) for part, shape in zip(columns, shapes, strict=True)]


class _Centroids(torch.autograd.Function):
    r"""``k_b = (1/T_b) Σ_t tanh(P h_t + s)`` for every layer, ``(text, layer, width)``, float32 at least."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, offsets: Tensor, matrix: Tensor, shift: Tensor, dtype: torch.dtype, multiple: int
    ) -> Tensor:
        operators, spaces = matrix.to(dtype), list[Tensor]()
        means = _means(values, offsets, operators, shift.to(dtype), multiple, spaces)
        ctx.save_for_backward(values, offsets, operators, *spaces)
        ctx.multiple = multiple
        return means

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, Tensor, Tensor, None, None]:
        values, offsets, operators, *spaces = ctx.saved_tensors
        lengths, found = offsets.diff(), iter(spaces)
        a_token = pad(grads[0] / lengths.clamp(min=1).to(grads[0].dtype).view(-1, 1, 1), (0, 0, 0, 0, 0, 1))
        a_token = a_token.transpose(0, 1).to(operators.dtype, memory_format=torch.contiguous_format)
        owner = pad(torch.repeat_interleave(lengths), (0, ctx.multiple), value=len(lengths))
        of_values = torch.empty_like(values) if ctx.needs_input_grad[0] else None
        of_matrix, of_shift = torch.zeros_like(operators, dtype=grads[0].dtype), grads[0].new_zeros(operators.shape[:2])
        for rows, _, _ in _pieces(offsets, ctx.multiple):
            for layer, operator in enumerate(operators):
                reached = next(found)
                owners = owner[rows.start : rows.start + len(reached)]
                raw = torch.ops.aten.tanh_backward(a_token[layer].index_select(0, owners), reached)
                of_matrix[layer] += raw.t() @ _filled(values[rows, layer].to(raw.dtype), ctx.multiple)
                of_shift[layer] += raw.sum(0, dtype=of_shift.dtype)
                if of_values is not None:
                    of_values[rows, layer] = (raw @ operator)[: rows.stop - rows.start].to(values.dtype)
        return of_values, None, of_matrix, of_shift, None, None


def _means(
    values: Tensor,
    offsets: Tensor,
    operators: Tensor,
    shifts: Tensor,
    multiple: int,
    kept: list[Tensor] | None = None,
) -> Tensor:
    """Return the centroids, and leave the spaces of every piece and layer in a list where one is given."""
    wide = torch.promote_types(operators.dtype, torch.float32)
    sums = operators.new_zeros(len(offsets) - 1, *shifts.shape, dtype=wide)
    for rows, texts, starts in _pieces(offsets, multiple):
        for layer, (operator, shift) in enumerate(zip(operators, shifts, strict=True)):
            spaces = _tanh_of_products(_filled(values[rows, layer].to(operators.dtype), multiple), operator, shift)
            sums[texts, layer] += segment_sum(spaces, starts)
            if kept is not None:
                kept.append(spaces)
    return sums / offsets.diff().clamp(min=1).to(wide).view(-1, 1, 1)


def _pieces(offsets: Tensor, multiple: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield consecutive tokens, the texts that they are of, and where each of these starts among them.

    On a processor there are `PIECE` of them, or a few more; elsewhere all come together.
    """
    n_tokens = int(offsets[-1])
    size = -(-PIECE // multiple) * multiple if offsets.is_cpu else max(1, n_tokens)
    for start in range(0, n_tokens, size):
        stop = min(start + size, n_tokens)
        first = int(torch.searchsorted(offsets, start, right=True)) - 1
        last = int(torch.searchsorted(offsets, stop))
        yield slice(start, stop), slice(first, last), offsets[first : last + 1].clamp(start, stop) - start


def _filled(rows: Tensor, multiple: int) -> Tensor:
    """Return rows, contiguous, with zeros behind them up to a multiple."""
    missing = -len(rows) % multiple
    return pad(rows, (0, 0, 0, missing)) if missing else rows.contiguous()


def _tanh_of_products(rows: Tensor, operator: Tensor, shift: Tensor) -> Tensor:
    """Return ``tanh(P h + s)``, ``(token, width)``; in bfloat16 rounded once, by oneDNN."""
    if rows.dtype == torch.bfloat16 and rows.is_cpu and torch.backends.mkldnn.is_available():
        return torch.ops.mkldnn._linear_pointwise(rows, operator, shift, "tanh", [], "")
    return torch.addmm(shift, rows, operator.t()).tanh_()
