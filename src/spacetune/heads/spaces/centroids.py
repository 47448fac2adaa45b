"""Centroids of ragged texts in many concept spaces: one product over all tokens, one fused backward pass."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from spacetune.encoders import TokenFeatures
from spacetune.encoders.ragged import segment_mean
from spacetune.heads.spaces.concept_spaces import ConceptSpaces

__all__ = ["ROWS", "fused_centroids"]

ROWS = 256
"""A multiple of rows that suits training: oneDNN builds and keeps a kernel for every row count."""


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
    values = _filled(features.values, compute_dtype or spaces[0].operators.dtype, multiple)
    folded = [each.folded() for each in spaces]
    matrix = torch.cat([m for m, _ in folded], dim=1).to(values.dtype)
    shift = torch.cat([s for _, s in folded], dim=1).to(values.dtype)
    pooled: Tensor = _Centroids.apply(values, features.offsets, matrix, shift)  # pyright: ignore[reportAssignmentType]
    shapes = [each.operators.shape for each in spaces]
    columns = pooled.split([shape[1] * shape[2] for shape in shapes], dim=2)
    return [part.unflatten(2, (shape[1], shape[2])) for part, shape in zip(columns, shapes, strict=True)]


def _filled(values: Tensor, dtype: torch.dtype, multiple: int) -> Tensor:
    """Return the rows in this dtype, layer by layer, and zeros up to a multiple, by at most one copy."""
    missing = -len(values) % multiple
    if not missing:
        return values.to(dtype)
    n_layers, dim = values.shape[1:]
    filled = torch.empty(n_layers, len(values) + missing, dim, dtype=dtype)
    filled[:, : len(values)] = values.transpose(0, 1)
    filled[:, len(values) :] = 0
    return filled.transpose(0, 1)


class _Centroids(torch.autograd.Function):
    r"""``k_b = (1/T_b) Σ_t tanh(P h_t + s)`` for every layer, ``(text, layer, width)``, float32 at least."""

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, offsets: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
        spaces = _tanh_of_products(values.transpose(0, 1), matrix, shift)
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


def _tanh_of_products(values: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """Return ``tanh(P h + s)`` of every layer, ``(layer, token, width)``; in bfloat16 rounded once, by oneDNN."""
    if values.dtype != torch.bfloat16 or not values.is_cpu or not torch.backends.mkldnn.is_available():
        return torch.baddbmm(shift.unsqueeze(1), values, matrix.transpose(1, 2)).tanh_()
    fused = torch.ops.mkldnn._linear_pointwise
    layers = zip(values, matrix, shift, strict=True)
    return torch.stack([fused(rows.contiguous(), operators, s, "tanh", [], "") for rows, operators, s in layers])


def _with_spare(offsets: Tensor, n_rows: int) -> Tensor:
    """Count the rows after the last text as one more text."""
    return torch.cat([offsets, offsets.new_tensor([n_rows])])
