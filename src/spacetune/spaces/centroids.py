"""Centroids of ragged texts in the spaces of many heads: one product over all tokens, one fused backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spacetune.encoders import TokenFeatures
from spacetune.encoders.ragged import segment_mean

if TYPE_CHECKING:
    from spacetune.spaces.head import SpaceHead

__all__ = ["ROWS", "fused_centroids"]

ROWS = 256
"""Rows of a training batch come in multiples of this: oneDNN builds and keeps a kernel for every row count."""


def fused_centroids(
    heads: Sequence[SpaceHead], features: TokenFeatures, compute_dtype: torch.dtype | None = None
) -> list[Tensor]:
    """Return every head's centroids from one pass over the tokens.

    The operators of all spaces of all heads stand in one matrix a layer, so that many classes, seeds or
    settings cost one product.

    Parameters
    ----------
    heads
        Heads that read the same layers.
    features
        Ragged token features; rows after the last text's are left out.
    compute_dtype
        What the products run in; None is the operators' own dtype.

    Returns
    -------
    list of torch.Tensor
        One ``(text, layer, space, latent)`` a head.
    """
    values = features.values.to(compute_dtype or heads[0].classifier.weight.dtype)
    folded = [head.spaces.folded() for head in heads]
    matrix = torch.cat([m for m, _ in folded], dim=1).to(values.dtype)
    shift = torch.cat([s for _, s in folded], dim=1).to(values.dtype)
    pooled: Tensor = _Centroids.apply(values, features.offsets, matrix, shift)  # pyright: ignore[reportAssignmentType]
    shapes = [head.spaces.operators.shape for head in heads]
    columns = pooled.split([shape[1] * shape[2] for shape in shapes], dim=2)
    return [part.unflatten(2, (shape[1], shape[2])) for part, shape in zip(columns, shapes, strict=True)]


class _Centroids(torch.autograd.Function):
    r"""``k_b = (1/T_b) Σ_t tanh(P h_t + s)`` for every layer, ``(text, layer, width)``, float32 at least."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, offsets: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
        spaces = torch.baddbmm(shift.unsqueeze(1), values.transpose(0, 1), matrix.transpose(1, 2)).tanh_()
        ctx.save_for_backward(values, offsets, matrix, spaces)
        return segment_mean(spaces.transpose(0, 1), _with_spare(offsets, len(values)))[:-1]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, Tensor, Tensor]:
        values, offsets, matrix, spaces = ctx.saved_tensors
        lengths = offsets.diff()
        a_token = grads[0] / lengths.clamp(min=1).to(grads[0].dtype).view(-1, 1, 1)
        a_token = torch.cat([a_token, a_token.new_zeros(1, *a_token.shape[1:])]).to(spaces.dtype)
        owner = torch.repeat_interleave(_with_spare(offsets, len(values)).diff())
        raw = torch.ops.aten.tanh_backward(a_token.index_select(0, owner).transpose(0, 1), spaces)
        of_values = torch.bmm(raw, matrix).transpose(0, 1) if ctx.needs_input_grad[0] else None
        of_shift = raw.sum(1, dtype=grads[0].dtype).to(matrix.dtype)
        return of_values, None, torch.bmm(raw.transpose(1, 2), values.transpose(0, 1)), of_shift


def _with_spare(offsets: Tensor, n_rows: int) -> Tensor:
    """Count the rows after the last text as one more text."""
    return torch.cat([offsets, offsets.new_tensor([n_rows])])
