"""`LinearHead`: a linear map of a text's mean states; and the vertices of a simplex of such heads."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads.head import HeldHead

__all__ = ["LinearHead", "LinearVertices"]


class LinearHead(nn.Module):
    r"""A linear map of a text's mean states, layers side by side; hence a sum over tokens.

    .. math:: logits = W \tfrac1T \sum_t h_t + b

    Parameters
    ----------
    weight
        W, ``(output, layer · dim)``; kept in float64.
    bias
        b, ``(output,)``.

    Examples
    --------
    >>> LinearHead(torch.eye(2), torch.ones(2)).logits(TokenFeatures.from_matrix(torch.tensor([[3.0, 5.0]]))).tolist()
    [[4.0, 6.0]]
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        if weight.dim() != 2 or bias.shape != weight.shape[:1]:
            raise UsageError(f"a linear head needs a bias a row, got {tuple(weight.shape)} and {tuple(bias.shape)}")
        self.register_buffer("weight", weight.detach().double())
        self.register_buffer("bias", bias.detach().double())

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)``."""
        return features.means().flatten(1).double() @ self.weight.T + self.bias

    def token_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        return features.values.flatten(1).double() @ self.weight.T / lengths.unsqueeze(1)

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        """Return these outputs as linear functions of the states: W over the text's length at every token."""
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        weight = self.weight[outputs].unflatten(1, features.shape).unsqueeze(1)
        return HeldHead(weight / lengths[:, None, None])


class LinearVertices(nn.Module):
    r"""n linear heads, mixed by each text's weights.

    .. math:: logits = \sum_i w_i (W_i z + b_i) = (\sum_i w_i W_i) z + \sum_i w_i b_i

    z are a text's mean states, standardised, ``(h - mean) / scale``; the standardisation folds into the weights.

    Parameters
    ----------
    width
        Length of z.
    n_outputs
        Logits.
    n_vertices
        Heads n.
    start_scale
        Standard deviation of each vertex's random start.
    generator
        Source of the start; None is torch's own.
    """

    mean: Tensor
    scale: Tensor
    n_groups = 1
    """Points that a text has for the head."""

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
        """Heads."""
        return self.weight.shape[0]

    def start_at(self, mean: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> None:
        """Read standardised states, and move every vertex's random start to this head of them."""
        with torch.no_grad():
            self.mean.copy_(mean)
            self.scale.copy_(scale)
            self.weight += weight.to(self.weight)
            self.bias += bias.to(self.bias)

    def logits(self, features: TokenFeatures, weights: Tensor, keep: Callable[[Tensor], Tensor]) -> Tensor:
        """Return logits ``(text, output)`` at these points.

        Parameters
        ----------
        features
            Ragged token features.
        weights
            ``(text or 1, 1, vertex)``.
        keep
            What happens to z on its way: dropout, or nothing.
        """
        z = keep(((features.means().flatten(1) - self.mean) / self.scale).to(self.weight.dtype))
        each = torch.einsum("bw,ncw->bnc", z, self.weight) + self.bias
        return (weights[:, -1].unsqueeze(2) * each).sum(1)

    def vertex(self, i: int) -> LinearHead:
        """Return one of the heads, with the standardisation folded in."""
        return self._head(self.weight[i], self.bias[i])

    def centroid(self) -> LinearHead:
        """Return the mean head, with the standardisation folded in."""
        return self._head(self.weight.detach().mean(0), self.bias.detach().mean(0))

    def _head(self, weight: Tensor, bias: Tensor) -> LinearHead:
        folded = weight.detach().double() / self.scale.double()
        return LinearHead(folded, bias.detach().double() - folded @ self.mean.double())
