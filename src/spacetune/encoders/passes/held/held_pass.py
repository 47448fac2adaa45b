"""What a pass with its factors held gives: states, and the way back from them to the input."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["HeldPass", "InputParts", "carried_back"]


@dataclasses.dataclass(frozen=True)
class InputParts:
    """What the input's tokens bring to some outputs, each ``(output, token)``.

    Parameters
    ----------
    words
        Of the tokens' own embeddings.
    places
        Of the embeddings of positions and segments.
    biases
        Of all biases, at the positions where they were added.
    along
        What each position brings on the mean over depths. At depth l that is what its state of layer l brings through
        the layers above, with the biases added above at this position, and what is read of its states below. Depth 0
        is `total`; the sum over positions is the same at every depth.
    prefix
        Of a prefix's values, at the positions that attended to them; None without one.
    """

    words: Tensor
    places: Tensor
    biases: Tensor
    along: Tensor
    prefix: Tensor | None = None

    @property
    def total(self) -> Tensor:
        """What each position brings at the input, ``(output, token)``."""
        total = self.words + self.places + self.biases
        return total if self.prefix is None else total + self.prefix


class HeldPass(Protocol):
    r"""One forward pass over a batch of texts, of which every factor is held as the number it was.

    Held are attention rows, the norms' standard deviations and the activations' gates :math:`a(z)/z`. The states are
    then affine in the input's embeddings, so that a linear function of states is a sum of what every embedding and
    every bias brings.
    """

    @property
    def states(self) -> Tensor:
        """The states ``(token, layer, dim)`` of the layers asked for, texts in their order, on the CPU."""
        ...

    def pull(self, gradients: Tensor) -> InputParts:
        """Carry linear functions of the states back to the input.

        Parameters
        ----------
        gradients
            ``(output, token, layer, dim)``, laid out as the states.

        Returns
        -------
        InputParts
            Their sum over tokens is ``(gradients * states).sum()`` of every output.
        """
        ...


def carried_back(held: HeldPass, gradients: Tensor) -> InputParts:
    """Carry linear functions back as `HeldPass.pull` does, two that mirror each other by one of them.

    A linear model of two classes has such logits: each is the other one's negative, but for what is added to both.
    """
    if len(gradients) != 2 or not torch.equal(gradients[1], -gradients[0]):
        return held.pull(gradients)
    one = held.pull(gradients[:1])
    words, places, biases, along = (torch.cat([p, -p]) for p in (one.words, one.places, one.biases, one.along))
    return InputParts(
        words, places, biases, along, None if one.prefix is None else torch.cat([one.prefix, -one.prefix])
    )
