"""`SpaceHead`: concept spaces, their centroids, and a linear classifier on the centroids side by side."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.encoders.drawn import drawn_linear
from spacetune.heads.head import HeldHead
from spacetune.heads.spaces.centroids import fused_centroids
from spacetune.heads.spaces.concept_spaces import ConceptSpaces
from spacetune.heads.spaces.pooling import Padding, masked_mean

__all__ = ["SpaceHead"]


class SpaceHead(nn.Module):
    r"""The Space Model's head on hidden states.

    .. math:: z = [k_1; …; k_C], \quad k_k = \tfrac1T \sum_t \tanh(P^k h_t), \quad logits = W z + b

    Parameters: ``L·C·d·m + C·L·C·m + C``.

    Parameters
    ----------
    spaces
        The concept spaces.
    n_outputs
        Classes, labels, or 1 for regression.
    generator
        Source of the random start; None is torch's own.

    Examples
    --------
    >>> head = SpaceHead(ConceptSpaces(768, 3, 2), 2)
    >>> sum(p.numel() for p in head.parameters())
    4622
    """

    def __init__(self, spaces: ConceptSpaces, n_outputs: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.spaces = spaces
        self.classifier = drawn_linear(spaces.width, n_outputs, generator, spaces.operators.dtype)

    @classmethod
    def blank(cls, operators: Tensor, n_outputs: int) -> SpaceHead:
        """Return a head to be filled, with operators of this shape ``(layer, space, latent, dim)``."""
        return cls(ConceptSpaces.blank(operators), n_outputs, torch.Generator())

    @property
    def bias(self) -> Tensor:
        """What every logit starts with, ``(n_outputs,)``."""
        return self.classifier.bias

    def centroids(self, features: TokenFeatures) -> Tensor:
        """Return the mean of every text in every space, ``(text, layer, space, latent)``."""
        return fused_centroids([self.spaces], features)[0]

    def forward(self, states: Tensor, mask: Tensor | None = None, *, padding: Padding = "masked") -> Tensor:
        """Return logits ``(batch, n_outputs)`` of padded texts.

        Parameters
        ----------
        states
            ``(batch, token, dim)``, or ``(batch, token, layer, dim)``.
        mask
            ``(batch, token)``, true for real tokens.
        padding
            ``official`` lets padding take part in the mean, as the authors' code does.

        Returns
        -------
        torch.Tensor
            ``(batch, n_outputs)``.
        """
        return self.classifier(masked_mean(self.spaces(states), mask, padding).flatten(1))

    def classify(self, centroids: Tensor) -> Tensor:
        """Return logits ``(text, n_outputs)`` from centroids."""
        return self.classifier(centroids.flatten(1))

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, n_outputs)``."""
        return self.classify(self.centroids(features))

    def token_scores(self, features: TokenFeatures) -> Tensor:
        r"""Return what every token adds to every logit, ``(token, n_outputs)``.

        .. math:: s_{t,c} = \tfrac1T \sum_k W_{c,k} \tanh(P_k h_t)

        Over a text's tokens they sum to ``logit - bias``, to rounding.
        """
        spaces = self.spaces(features.values.to(self.classifier.weight.dtype)).flatten(1)
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        return spaces @ self.classifier.weight.T / lengths.unsqueeze(1)

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        r"""Return these outputs with the gates :math:`\tanh(z)/z` of the spaces held.

        .. math:: s_{t,c} = \tfrac1T \sum_k W_{c,k} \frac{\tanh z_{t,k}}{z_{t,k}} z_{t,k}, \quad z_{t,k} = P_k h_t + b_k
        """
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        weight = self.classifier.weight[outputs].unflatten(1, (len(self.spaces.operators), -1))
        return HeldHead(*self.spaces.held(features.values, weight[:, None] / lengths[:, None, None]))
