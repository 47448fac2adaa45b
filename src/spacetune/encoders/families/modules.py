"""What is read of a loaded model, by transformers' own names; here what several families have in common.

A model is one of transformers, or `bare_bert`'s: only these names and types are asked of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

__all__ = ["Activated", "Biased", "Config", "Embeddings", "EncoderModel", "Feeds", "Normed", "SelfAttention"]


class EncoderModel(Protocol):
    """A loaded model of any family."""

    @property
    def config(self) -> Any:
        """Its configuration, which every architecture has fields of its own in."""
        ...

    def to(self, place: torch.device | torch.dtype, /) -> Self:
        """Put it on this device, or into this dtype."""
        ...

    def eval(self) -> Self:
        """Switch off what only training has."""
        ...

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether its weights are to learn."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return its weights."""
        ...

    def buffers(self) -> Iterator[Tensor]:
        """Return its other tensors."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Return its tensors by name."""
        ...


class Config(Protocol):
    """A configuration, as most call its fields."""

    model_type: str
    hidden_size: int
    num_attention_heads: int


class Embeddings(Protocol):
    """Tokens and positions, with the norm on their sum."""

    word_embeddings: nn.Embedding
    position_embeddings: nn.Embedding
    LayerNorm: nn.LayerNorm


class Biased(Protocol):
    """A product of which the bias is read, where it has one."""

    bias: Tensor | None


class SelfAttention(Protocol):
    """The three products of attention."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear


class Activated(Protocol):
    """The first half of a feed-forward sub-layer."""

    dense: nn.Linear
    intermediate_act_fn: Callable[[Tensor], Tensor]


class Normed(Protocol):
    """A product, and the norm on its sum with what came in."""

    dense: nn.Linear
    LayerNorm: nn.LayerNorm


class Feeds(Protocol):
    """The feed-forward sub-layer of one layer, in two modules."""

    intermediate: Activated
    output: Normed
