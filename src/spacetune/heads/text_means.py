"""`TextMean`: what is read of either text of a pair before the two meet: mean states, or centroids in spaces."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.encoders.ragged import segment_mean, widened
from spacetune.errors import UsageError
from spacetune.heads.head import HeldHead
from spacetune.heads.spaces import ROWS, ConceptSpaces, fused_centroids

__all__ = ["TextMean"]


class TextMean(nn.Module):
    r"""A text as a mean over its tokens, less what all texts have in common, over its norm.

    .. math:: u = \frac{1}{\nu} \Bigl(\tfrac1T \sum_t r_t - m\Bigr), \quad r_t = h_t \text{ or } \tanh(P h_t)

    The norm is that of what it divides, layer by layer, a number held as it is. `compute_dtype` is what the products of
    spaces run in while these are trained; None, as in every head that was learnt, is the spaces' own.

    Parameters
    ----------
    mean
        m, ``(layer, width)``, or one number for all.
    spaces
        Concept spaces, whose centroids are read, spaces side by side; None reads the states.

    Raises `UsageError` if m is of other layers or another width than the spaces.
    """

    mean: Tensor

    def __init__(self, mean: Tensor, spaces: ConceptSpaces | None = None) -> None:
        super().__init__()
        if spaces is not None and mean.dim() and mean.shape != (made := spaces.operators.flatten(1, 2).shape[:2]):
            raise UsageError(f"a mean of centroids must be {tuple(made)} as its spaces are, got {tuple(mean.shape)}")
        self.register_buffer("mean", mean.detach().double())
        self.spaces = spaces
        self.compute_dtype: torch.dtype | None = None

    @property
    def reads(self) -> tuple[int, int]:
        """Of how many layers, and how wide, the states are that it reads."""
        n_layers, width = self.mean.shape
        return n_layers, width if self.spaces is None else self.spaces.operators.shape[-1]

    def means(self, texts: TokenFeatures) -> Tensor:
        """Return the mean over every text's tokens, ``(text, layer, width)``, not centred."""
        if self.spaces is None:
            return segment_mean(texts.values, texts.offsets).double()
        return fused_centroids([self.spaces], texts, self.compute_dtype, ROWS)[0].flatten(2).double()

    def tokens(self, features: TokenFeatures) -> Tensor:
        """Return what every token brings, centred, ``(token, layer, width)``."""
        if self.spaces is None:
            return widened(features.values).double() - self.mean
        return self.spaces(features.values.to(self.spaces.operators.dtype)).flatten(2).double() - self.mean

    def unit(self, texts: TokenFeatures) -> tuple[Tensor, Tensor]:
        """Return single texts as they meet ``(text, layer, width)``, and their norms; a text without tokens is 0."""
        centred = (self.means(texts) - self.mean) * (texts.lengths > 0).view(-1, 1, 1)
        norms = centred.norm(dim=2).clamp(min=1e-12)
        return centred / norms.unsqueeze(2), norms

    def units(self, features: TokenFeatures) -> tuple[Tensor, Tensor, Tensor]:
        """Return the same of both texts of pairs, ``(pair, layer, width)``, and the norms ``(2 · pair, layer)``."""
        both, norms = self.unit(features.halves())
        return both[::2], both[1::2], norms

    def rows(self, features: TokenFeatures) -> Tensor:
        """Return products, squared differences and differences side by side, ``(pair, 3 · layer · width)``."""
        u, v, _ = self.units(features)
        return torch.cat([(u * v).flatten(1), ((u - v) ** 2).flatten(1), (u - v).flatten(1)], dim=1)

    def held(self, features: TokenFeatures, read: Tensor) -> HeldHead:
        """Return ``read · tokens`` as an affine function of the states; `read` is ``(output, token, layer, width)``."""
        biases = -torch.einsum("otlk,lk->to", read, self.mean)
        if self.spaces is None:
            return HeldHead(read, biases)
        gradients, added = self.spaces.held(features.values, read)
        return HeldHead(gradients, biases + added)
