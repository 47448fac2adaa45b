"""`SpaceLayer`: concept spaces as a layer inside any torch model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.heads.spaces.concept_spaces import ConceptSpaces

__all__ = ["SpaceLayer"]


class SpaceLayer(nn.Module):
    """Token by token: the tanh projections into all spaces side by side, then LayerNorm.

    Parameters
    ----------
    n_embed
        Width of the incoming states.
    n_latent
        Width of a space.
    n_spaces
        Number of spaces.

    Attributes
    ----------
    concept_spaces
        The last forward pass's projections after tanh and before the LayerNorm: one
        ``(batch, token, n_latent)`` a space.

    Examples
    --------
    >>> SpaceLayer(16, 3, 2)(torch.zeros(4, 7, 16)).shape
    torch.Size([4, 7, 6])
    """

    def __init__(self, n_embed: int, n_latent: int, n_spaces: int) -> None:
        super().__init__()
        self.spaces = ConceptSpaces(n_embed, n_latent, n_spaces)
        self.norm = nn.LayerNorm(n_spaces * n_latent)
        self.concept_spaces: tuple[Tensor, ...] = ()

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, token, n_embed)`` to ``(batch, token, n_spaces · n_latent)``."""
        spaces: Tensor = self.spaces(states)
        self.concept_spaces = torch.unbind(spaces, dim=-2)
        return self.norm(spaces.flatten(-2))
