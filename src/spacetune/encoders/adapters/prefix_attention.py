"""Where a prefix enters: self-attention with further keys and values in front, through transformers' own doors."""

# The types of torch and transformers are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import functools
import types
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.adapters.prefix import PrefixStates
from spacetune.encoders.families import family_of, first_position, types_that
from spacetune.errors import EncoderError, UnsupportedByFamily

__all__ = ["admit_prefixes", "run_under_prefix"]

NAME = "spacetune_prefix"


class PrefixFeed:
    """Hands every layer its part of a prefix during one forward pass, and counts how many layers asked.

    A layer is known by its number; one that has none (DistilBERT, MPNet, and ALBERT, whose layers share their weights)
    by its turn.
    """

    def __init__(self, states: PrefixStates) -> None:
        self.states = states
        self.used = 0

    def in_front(
        self, module: Any, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Put this attention module's part of the prefix before keys and values; a mask lets it always be seen."""
        prefix_key, prefix_value = (part.to(key.dtype) for part in self.pair(module, len(key)))
        if mask is not None:  # true, or nothing added
            mask = F.pad(mask, (prefix_key.shape[2], 0), value=1.0 if mask.dtype == torch.bool else 0.0)
        return torch.cat([prefix_key, key], dim=2), torch.cat([prefix_value, value], dim=2), mask

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
            f"these do: {', '.join(types_that('prefix'))}"
        )
    if (own := family_of(kind).attention) is not None:
        for module in own.modules(model):
            module.forward = types.MethodType(own.forward, module)
    else:
        _register()
        model.set_attn_implementation(NAME)


def feed_by_module(model: Any, feed: PrefixFeed | None) -> bool:
    """Give the feed to the attention modules of a family whose layers pass no keywords on; tell whether it is one."""
    own = family_of(model.config.model_type).attention
    if own is None:
        return False
    for module in own.modules(model):
        module.prefix_feed = feed
    return True


def run_under_prefix(model: Any, given: dict[str, Tensor], prefix: PrefixStates) -> Any:
    """Run a model that admits prefixes under one, with the states of all layers.

    Raises
    ------
    EncoderError
        If a layer did not take its part of the prefix.
    """
    if prefix.position_shift:
        given = given | {"position_ids": _shifted(model.config, given["input_ids"], prefix.shape.length)}
    if prefix.shape.length == 0:
        return model(**given, output_hidden_states=True)
    feed = PrefixFeed(prefix)
    if feed_by_module(model, feed):
        try:
            output = model(**given, output_hidden_states=True)
        finally:
            feed_by_module(model, None)
    else:
        output = model(**given, output_hidden_states=True, prefix_feed=feed)
    if feed.used != prefix.shape.n_layers:
        raise EncoderError(f"{feed.used} of {prefix.shape.n_layers} layers took the prefix; the result would lie")
    return output


def _shifted(config: Any, token_ids: Tensor, length: int) -> Tensor:
    places = torch.arange(token_ids.shape[1], device=token_ids.device) + first_position(config)
    return (places + length).expand(token_ids.shape)


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
        key, value, attention_mask = prefix_feed.in_front(module, key, value, attention_mask)
    return ALL_ATTENTION_FUNCTIONS["sdpa"](module, query, key, value, attention_mask, **kwargs)
