"""What a head is: it reads token features, and its logits are a bias plus the sum of what every token adds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol, cast

from torch import Tensor, nn

from spacetune.encoders import TokenFeatures

__all__ = ["Head", "HeadSum", "HeldHead"]


@dataclasses.dataclass(frozen=True)
class HeldHead:
    r"""Some outputs of a head on some texts, every factor held as the number it was: affine in the tokens' states.

    .. math:: scores_{t,c} = \langle gradients_{c,t}, h_t \rangle + biases_{t,c} + words_{t,c}

    Parameters
    ----------
    gradients
        ``(output, token, layer, dim)``; None where no states are read.
    biases
        What the head itself adds at every token, ``(token, output)``, or None for nothing.
    words
        What is read from token ids, not from states, ``(token, output)``, or None for nothing.
    """

    gradients: Tensor | None
    biases: Tensor | None = None
    words: Tensor | None = None

    @classmethod
    def sum(cls, parts: Sequence[HeldHead]) -> HeldHead:
        """Return the sum of affine functions, in the dtype of the first."""
        named = (field.name for field in dataclasses.fields(cls))
        return cls(*(_added_if([getattr(part, name) for part in parts]) for name in named))


class Head(Protocol):
    r"""What reads token features; a torch module. Linear in what every token brings, other factors held as they were.

    .. math:: logits_b = bias + \sum_{t \in b} scores_t

    `logits` is computed on a way of its own, so that the sum can be checked against it.
    """

    @property
    def bias(self) -> Tensor:
        """What every logit starts with, ``(output,)``."""
        ...

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)``."""
        ...

    def token_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""
        ...

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        """Return these outputs as affine functions of the states: `token_scores`, taken apart."""
        ...


class HeadSum(nn.Module):
    """Several heads whose logits are added up, in the dtype of the first.

    Parameters
    ----------
    heads
        Heads with equally many outputs; each is a torch module.

    Examples
    --------
    >>> import torch
    >>> from spacetune.heads import LinearHead
    >>> head = LinearHead(torch.eye(2), torch.ones(2))
    >>> HeadSum([head, head]).logits(TokenFeatures.from_matrix(torch.tensor([[3.0, 5.0]]))).tolist()
    [[8.0, 12.0]]
    """

    def __init__(self, heads: Sequence[Head]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(cast("Sequence[nn.Module]", heads))

    @property
    def parts(self) -> list[Head]:
        """The heads."""
        return cast("list[Head]", list(self.heads))

    @property
    def bias(self) -> Tensor:
        """The sum of their biases, ``(output,)``."""
        return _added([head.bias for head in self.parts])

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return the sum of their logits, ``(text, output)``."""
        return _added([head.logits(features) for head in self.parts])

    def token_scores(self, features: TokenFeatures) -> Tensor:
        """Return the sum of what every token adds, ``(token, output)``."""
        return _added([head.token_scores(features) for head in self.parts])

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        """Return the sum of their affine functions."""
        return HeldHead.sum([head.held(features, outputs) for head in self.parts])


def _added(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part.to(total.dtype)
    return total


def _added_if(parts: Sequence[Tensor | None]) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return _added(there) if there else None
