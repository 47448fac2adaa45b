"""`ConceptSpaces`: one linear operator a class and layer, then tanh (arXiv 2401.16638)."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.encoders.drawn import drawn_uniform
from spacetune.errors import UsageError

__all__ = ["ConceptSpaces"]


class ConceptSpaces(nn.Module):
    r"""Concept operators P^k: each maps a token's state into a small space of its own.

    .. math:: C^k = \tanh(E P^k)

    With several layers every layer has its own operators, so what a token gives to a prediction adds up over
    layers too. Features can be standardised first, ``(h - mean) / scale``; it is folded into the operators, so
    it costs nothing and the operators stay linear maps of the state.

    Parameters
    ----------
    n_embed
        Width d of a hidden state.
    n_latent
        Width m of a space.
    n_spaces
        Number C of spaces, one a class.
    n_layers
        Number L of layers read.
    generator
        Source of the random start; None is torch's own.
    dtype
        Of the operators.

    Attributes
    ----------
    operators
        Parameter ``(n_layers, n_spaces, n_latent, n_embed)``, at first uniform in ±1/√d as in the official
        code; no bias.

    Examples
    --------
    >>> spaces = ConceptSpaces(n_embed=768, n_latent=3, n_spaces=2)
    >>> spaces(torch.zeros(4, 7, 768)).shape
    torch.Size([4, 7, 2, 3])
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        n_embed: int,
        n_latent: int,
        n_spaces: int,
        *,
        n_layers: int = 1,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if min(n_embed, n_latent, n_spaces, n_layers) < 1:
            raise UsageError(
                "n_embed, n_latent, n_spaces and n_layers must be at least 1, got "
                f"{n_embed}, {n_latent}, {n_spaces}, {n_layers}"
            )
        self.operators = drawn_uniform(n_embed, (n_layers, n_spaces, n_latent, n_embed), generator, dtype)
        self.register_buffer("mean", torch.zeros(n_layers, n_embed, dtype=dtype))
        self.register_buffer("scale", torch.ones(n_layers, n_embed, dtype=dtype))

    @classmethod
    def blank(cls, operators: Tensor) -> ConceptSpaces:
        """Return spaces to be filled, with operators of this shape and dtype ``(layer, space, latent, dim)``."""
        n_layers, n_spaces, n_latent, n_embed = operators.shape
        generator = torch.Generator()
        return cls(n_embed, n_latent, n_spaces, n_layers=n_layers, generator=generator, dtype=operators.dtype)

    @property
    def width(self) -> int:
        """Length of a text's concatenated centroids: ``n_layers · n_spaces · n_latent``."""
        return self.operators[..., 0].numel()

    def standardise(self, mean: Tensor, scale: Tensor) -> None:
        """Read features as ``(h - mean) / scale``, each ``(n_layers, n_embed)``."""
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return the operators with the standardisation in them: matrices ``(layer, space · latent, dim)``
        and shifts ``(layer, space · latent)``, so that the raw projection is ``h @ matrix.T + shift``.
        """
        flat = self.operators.flatten(1, 2) / self.scale.unsqueeze(1)
        return flat, -(flat @ self.mean.unsqueeze(2)).squeeze(2)

    def project(self, states: Tensor) -> Tensor:
        """Return the raw projections E P^k (the official ``raw_concept_spaces``), before tanh.

        Parameters
        ----------
        states
            ``(…, dim)`` for one layer, or ``(…, layer, dim)``.

        Returns
        -------
        torch.Tensor
            ``(…, space, latent)``, or ``(…, layer, space, latent)``.
        """
        n_layers, n_spaces, n_latent, n_embed = self.operators.shape
        one_layer = n_layers == 1 and not (states.dim() >= 3 and states.shape[-2] == 1 and states.shape[-1] == n_embed)
        layered = states.unsqueeze(-2) if one_layer else states
        if layered.shape[-2:] != (n_layers, n_embed):
            raise UsageError(
                f"states must end in (layer, dim) = ({n_layers}, {n_embed}), got shape {tuple(states.shape)}"
            )
        matrix, shift = self.folded()
        raw = torch.einsum("...ld,lkd->...lk", layered, matrix) + shift
        raw = raw.unflatten(-1, (n_spaces, n_latent))
        return raw.squeeze(-3) if one_layer else raw

    def held(self, states: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return what reads the spaces, with the gates :math:`\tanh(z)/z` held, as what reads the states.

        Parameters
        ----------
        states
            ``(token, layer, dim)``.
        read
            Weights of the spaces' components, ``(output, token, layer, space · latent)``.

        Returns
        -------
        tuple of torch.Tensor
            Weights of the states ``(output, token, layer, dim)``, and what is added, ``(token, output)``.
        """
        matrix, shift = self.folded()
        z = torch.einsum("tld,lkd->tlk", states.to(matrix.dtype), matrix) + shift
        gated = read * torch.where(z == 0, 1, torch.tanh(z) / z)
        matrix, shift = matrix.to(gated.dtype), shift.to(gated.dtype)
        return torch.einsum("otlk,lkd->otld", gated, matrix), torch.einsum("otlk,lk->to", gated, shift)

    def forward(self, states: Tensor) -> Tensor:
        """Return the concept spaces tanh(E P^k), shaped as `project` says; every component in [-1, 1]."""
        return torch.tanh(self.project(states))
