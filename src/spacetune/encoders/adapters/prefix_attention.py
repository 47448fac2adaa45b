"""Where a prefix enters: self-attention with further keys and values in front, through transformers' own doors."""

from __future__ import annotations

import functools
import types
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.adapters.prefix import PrefixStates
from spacetune.encoders.families import family_of, prefix_types
from spacetune.errors import UnsupportedByFamily

__all__ = ["PrefixFeed", "admit_prefixes"]

NAME = "spacetune_prefix"


class PrefixFeed:
    """Hands every layer its part of a prefix during one forward pass, and counts how many layers asked.

    A layer is known by its number; one that has none (DistilBERT, MPNet, and ALBERT, whose layers share their weights)
    by its turn.
    """

    def __init__(self, states: PrefixStates) -> None:
        self.states = states
        self.used = 0

    def pair(self, module: Any, batch: int) -> tuple[Tensor, Tensor]:
        """Return the keys and values for this attention module."""
        layer = getattr(module, "layer_idx", None)
        self.used += 1
        return self.states.pair(self.used - 1 if layer is None else layer, batch)


def admit_prefixes(model: Any) -> None:
    """Make a transformers model honour a prefix: the model takes ``prefix_feed=`` and hands it to its attention.

    Raises
    ------
    UnsupportedByFamily
        If this architecture has no way in; it would ignore a prefix in silence.
    """
    kind = model.config.model_type
    if "prefix" not in family_of(kind).supports:
        raise UnsupportedByFamily(
            f"{kind} encoders do not take a prefix (their attention cannot be reached); "
            f"these do: {', '.join(prefix_types())}"
        )
    if kind == "mpnet":
        for layer in model.encoder.layer:
            attention = layer.attention.attn
            attention.forward = types.MethodType(_mpnet_attention, attention)
    else:
        _register()
        model.set_attn_implementation(NAME)


def feed_by_module(model: Any, feed: PrefixFeed | None) -> bool:
    """Give the feed to the attention modules of a family whose layers pass no keywords on; tell whether it is one."""
    if model.config.model_type != "mpnet":
        return False
    for layer in model.encoder.layer:
        layer.attention.attn.prefix_feed = feed
    return True


@functools.cache
def _register() -> None:
    from transformers import AttentionInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    prefix_feed: PrefixFeed | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Any]:
    """Attend to the prefix and the tokens with transformers' SDPA; every token sees the whole prefix."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    if prefix_feed is not None:
        if attention_mask is None and getattr(module, "is_causal", False):
            length = query.shape[2]
            attention_mask = torch.ones(1, 1, length, length, dtype=torch.bool, device=query.device).tril()
        key, value, attention_mask = _in_front(prefix_feed.pair(module, query.shape[0]), key, value, attention_mask)
    return ALL_ATTENTION_FUNCTIONS["sdpa"](module, query, key, value, attention_mask, **kwargs)


def _in_front(
    pair: tuple[Tensor, Tensor], key: Tensor, value: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    prefix_key, prefix_value = (part.to(key.dtype) for part in pair)
    if mask is not None:  # true, or nothing added: a prefix is always seen
        mask = F.pad(mask, (prefix_key.shape[2], 0), value=1.0 if mask.dtype == torch.bool else 0.0)
    return torch.cat([prefix_key, key], dim=2), torch.cat([prefix_value, value], dim=2), mask


def _mpnet_attention(
    self: Any,
    hidden_states: Tensor,
    attention_mask: Tensor | None = None,
    position_bias: Tensor | None = None,
    output_attentions: bool = False,
    **kwargs: Any,
) -> tuple[Tensor]:
    """MPNet's attention, softmax(QK'/√d + relative bias + mask)V, where the prefix has no relative bias."""
    del output_attentions, kwargs
    split = (*hidden_states.shape[:2], self.num_attention_heads, self.attention_head_size)
    query, key, value = (part(hidden_states).view(split).transpose(1, 2) for part in (self.q, self.k, self.v))
    added = attention_mask
    if position_bias is not None:
        added = position_bias if added is None else position_bias + added
    feed = getattr(self, "prefix_feed", None)
    if feed is not None:
        key, value, added = _in_front(feed.pair(self, len(query)), key, value, added)
    dropout = self.dropout.p if self.training else 0.0
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=added, dropout_p=dropout)
    return (self.o(mixed.transpose(1, 2).flatten(2)),)
