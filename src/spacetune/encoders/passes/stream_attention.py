"""An attention of our own for transformers' models: the plain one, whose rows can be taken hold of."""

# The types of torch and transformers are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["register_attention", "rows_and_values"]


def register_attention(name: str, attention: Callable[..., tuple[Tensor, Tensor]]) -> None:
    """Give transformers an attention under a name, with the masks of its plain one."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, eager_mask)


def rows_and_values(
    query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float | None
) -> tuple[Tensor, Tensor]:
    """Return attention rows ``(text, head, row, row)``, with softmax in the dtype of the scores, and the heads' values.

    Heads that share keys and values get them each.
    """
    shared = query.shape[1] // key.shape[1]
    key, value = (tensor.repeat_interleave(shared, dim=1) for tensor in (key, value))
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    return torch.softmax(scores if attention_mask is None else scores + attention_mask, dim=-1), value
