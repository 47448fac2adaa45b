"""`LinearSimplex`: the prediction head as a simplex too (the paper mixes the head as it mixes the prefixes)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.errors import UsageError

__all__ = ["LinearHead", "LinearSimplex"]


class LinearHead(nn.Module):
    """A linear map of a text's mean states, layers side by side; hence a sum over tokens.

    Parameters
    ----------
    weight
        ``(output, layer · dim)``.
    bias
        ``(output,)``.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().double())
        self.register_buffer("bias", bias.detach().double())

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)``."""
        return features.means().flatten(1).double() @ self.weight.T + self.bias

    def token_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        return features.values.flatten(1).double() @ self.weight.T / lengths.unsqueeze(1)


class LinearSimplex(nn.Module):
    r"""n linear heads, mixed by each observation's weights.

    .. math:: logits = \sum_i w_i (W_i z + b_i) = (\sum_i w_i W_i) z + \sum_i w_i b_i

    z are a text's mean states, standardised, ``(h - mean) / scale``; the standardisation folds into the weights.

    Parameters
    ----------
    width
        Length of z.
    n_outputs
        Logits.
    n_vertices
        Corners.
    start_scale
        Standard deviation of each vertex's random start.
    generator
        Source of the start; None is torch's own.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        width: int,
        n_outputs: int,
        n_vertices: int,
        *,
        start_scale: float = 0.01,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if min(width, n_outputs, n_vertices) < 1:
            raise UsageError(f"width, n_outputs and n_vertices must be at least 1, got {width, n_outputs, n_vertices}")
        start = torch.empty(n_vertices, n_outputs, width).normal_(0, start_scale, generator=generator)
        self.weight = nn.Parameter(start)
        self.bias = nn.Parameter(torch.zeros(n_vertices, n_outputs))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    @property
    def n_vertices(self) -> int:
        """Corners."""
        return self.weight.shape[0]

    def warm_start(self, mean: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> None:
        """Read standardised states, and move every vertex's random start to this head of them."""
        with torch.no_grad():
            self.mean.copy_(mean)
            self.scale.copy_(scale)
            self.weight += weight.to(self.weight)
            self.bias += bias.to(self.bias)

    n_groups = 1
    """Points an observation has for the head."""

    def reads(self, features: TokenFeatures, weights: Tensor | None = None) -> Tensor:
        """Return z, ``(text, width)``; the weights play no part yet."""
        del weights
        return ((features.means().flatten(1) - self.mean) / self.scale).to(self.weight.dtype)

    def decide(self, z: Tensor, weights: Tensor) -> Tensor:
        """Return logits ``(text, output)`` of z ``(text, width)`` at weights ``(text or 1, 1, vertex)``."""
        each = torch.einsum("bw,ncw->bnc", z, self.weight) + self.bias
        return (weights[:, -1].unsqueeze(2) * each).sum(1)

    def centroid(self) -> LinearHead:
        """Return the mean head, with the standardisation folded in."""
        weight = self.weight.detach().mean(0).double() / self.scale.double()
        return LinearHead(weight, self.bias.detach().mean(0).double() - weight @ self.mean.double())
