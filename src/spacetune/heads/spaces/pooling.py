"""Mean and variance over the tokens of padded texts; padding takes part only where the official code lets it."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from spacetune.errors import UsageError

__all__ = ["Padding", "masked_mean", "masked_variance"]

Padding = Literal["masked", "official"]
"""``masked``: padding takes no part. ``official``: it does, as in the authors' code; for reproductions only."""


def masked_mean(values: Tensor, mask: Tensor | None, padding: Padding = "masked") -> Tensor:
    """Return the mean over tokens: ``(1/T) Σ_t v_t`` over real tokens.

    Parameters
    ----------
    values
        ``(batch, token, …)``.
    mask
        ``(batch, token)``, true for real tokens; None where there is no padding.
    padding
        Whether padding takes part.

    Returns
    -------
    torch.Tensor
        ``(batch, …)``; zero for a text without tokens.
    """
    weight = _weights(values, mask, padding)
    return values.mean(1) if weight is None else (values * weight).sum(1) / weight.sum(1).clamp(min=1)


def masked_variance(values: Tensor, mask: Tensor | None, padding: Padding = "masked") -> Tensor:
    """Return the unbiased variance over tokens, ``(batch, …)``; zero for a text of one token."""
    weight = _weights(values, mask, padding)
    if weight is None:
        return values.var(1) if values.shape[1] > 1 else values.new_zeros(values[:, 0].shape)
    centred = (values - masked_mean(values, mask, padding).unsqueeze(1)) * weight
    return centred.square().sum(1) / (weight.sum(1) - 1).clamp(min=1)


def _weights(values: Tensor, mask: Tensor | None, padding: Padding) -> Tensor | None:
    if padding not in ("masked", "official"):
        raise UsageError(f"padding must be 'masked' or 'official', got {padding!r}")
    if mask is None or padding == "official":
        return None
    return mask.to(values.dtype).view(*mask.shape, *[1] * (values.dim() - 2))
