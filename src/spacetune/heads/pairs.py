"""A head of two texts read apart: they meet in products and squares, exactly, token by token."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads.head import HeldHead
from spacetune.heads.text_means import TextMean

__all__ = ["Meeting", "PairHead"]


class Meeting(nn.Module):
    r"""Linear in the products and squared differences of two texts, each read alone.

    .. math:: \sum_k A_{c,k} u_k v_k + B_{c,k} (u_k - v_k)^2 + D_{c,k} (u_k - v_k)

    u and v are the texts as a `TextMean` has them; k runs over its layers and widths. A product of two means is a mean
    over pairs of tokens, so this is an exact sum over pairs of tokens: between the texts, and within each. Without D
    the texts can be swapped.

    Parameters
    ----------
    text_mean
        What is read of either text.
    weight
        A, B and D, ``(3, output, layer, width)``.
    """

    weight: Tensor

    def __init__(self, text_mean: TextMean, weight: Tensor) -> None:
        super().__init__()
        if weight.dim() != 4 or len(weight) != 3 or weight.shape[2:] != text_mean.mean.shape:
            raise UsageError(
                f"a meeting needs weights (3, output, layer, width) with {tuple(text_mean.mean.shape)} last, "
                f"got {tuple(weight.shape)}"
            )
        self.text_mean = text_mean
        self.register_buffer("weight", weight.detach().double())

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return what pairs add to every logit, ``(pair, output)``."""
        return self.text_mean.rows(features) @ self.weight.transpose(0, 1).flatten(1).T

    def token_scores(self, features: TokenFeatures) -> Tensor:
        r"""Return what every token of either text adds to every logit, ``(token, output)``.

        .. math:: s_t = \frac{1}{T \nu_u} \sum_k (r_{t,k} - m_k)
           \bigl[(\tfrac12 A_k - B_k) v_k + B_k u_k + D_k\bigr]

        Half of what a pair of tokens brings goes to either of them.
        """
        texts = self.text_mean.tokens(features).flatten(1).split(features.halves().lengths.tolist())
        reads = self._reads(features).flatten(2)
        return torch.cat([text @ read.T / len(text) for text, read in zip(texts, reads, strict=True)])

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        """Return these outputs with the other text's mean and the norms held, shared as `token_scores` shares them."""
        lengths = features.halves().lengths
        reads = self._reads(features)[:, outputs] / lengths[:, None, None, None]
        return self.text_mean.held(features, torch.repeat_interleave(reads.transpose(0, 1), lengths, dim=1))

    def grid(self, first: TokenFeatures, second: TokenFeatures) -> Tensor:
        """Return what every first text adds with every second, ``(first, second, output)``, of single texts."""
        (u, _), (v, _) = (self.text_mean.unit(each) for each in (first, second))
        product, square, direction = self.weight
        own = torch.einsum("ald,cld->ac", u**2, square) + torch.einsum("ald,cld->ac", u, direction)
        other = torch.einsum("bld,cld->bc", v**2, square) - torch.einsum("bld,cld->bc", v, direction)
        cross = torch.stack([(u * w).flatten(1) @ v.flatten(1).T for w in product - 2 * square], dim=2)
        return cross + own[:, None] + other[None]

    def met(self, features: TokenFeatures, output: int) -> tuple[Tensor, Tensor]:
        """Return both texts' tokens so that their products are what every pair of tokens adds to one output.

        Of one pair of texts: ``(token, layer · width)`` each. What pairs within a text add, and the direction, is the
        rest.
        """
        assert len(features) == 1
        _, _, norms = self.text_mean.units(features)
        texts = self.text_mean.tokens(features).split(features.halves().lengths.tolist())
        a, b = (each / (len(each) * norm[:, None]) for each, norm in zip(texts, norms, strict=True))
        product, square, _ = self.weight[:, output]
        return (a * (product - 2 * square)).flatten(1), b.flatten(1)

    def _reads(self, features: TokenFeatures) -> Tensor:
        """Return what each text's centred tokens are multiplied by, ``(2 · pair, output, layer, width)``."""
        u, v, norms = self.text_mean.units(features)
        product, square, direction = self.weight
        half = product / 2 - square
        first = v[:, None] * half + u[:, None] * square + direction
        second = u[:, None] * half + v[:, None] * square - direction
        return torch.stack([first, second], dim=1).flatten(0, 1) / norms[:, None, :, None]


class PairHead(nn.Module):
    """Two texts read apart, in one way or several, that meet in each.

    Parameters
    ----------
    bias
        What every logit starts with, ``(output,)``.
    meetings
        What is added to it: that of the mean states, and of centroids in spaces.
    """

    bias: Tensor

    def __init__(self, bias: Tensor, meetings: Sequence[Meeting]) -> None:
        super().__init__()
        if not meetings or any(meeting.weight.shape[1] != len(bias) for meeting in meetings):
            raise UsageError(f"a head of pairs needs meetings, each of {len(bias)} outputs, as it has biases")
        self.register_buffer("bias", bias.detach().double())
        self.meetings = nn.ModuleList(meetings)

    @property
    def parts(self) -> list[Meeting]:
        """The meetings."""
        return cast("list[Meeting]", list(self.meetings))

    @property
    def symmetric(self) -> bool:
        """Whether a pair and its texts swapped have the same logits."""
        return not any(bool(part.weight[2].any()) for part in self.parts)

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(pair, output)``."""
        return self.bias + _sum([part.logits(features) for part in self.parts])

    def token_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token of either text adds, ``(token, output)``; both texts' sum to ``logit - bias``."""
        return _sum([part.token_scores(features) for part in self.parts])

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        """Return these outputs as affine functions of the states."""
        return HeldHead.sum([part.held(features, outputs) for part in self.parts])

    def grid(self, first: TokenFeatures, second: TokenFeatures) -> Tensor:
        """Return the logits of every first text with every second, ``(first, second, output)``, of single texts."""
        return self.bias + _sum([part.grid(first, second) for part in self.parts])

    def met(self, features: TokenFeatures, output: int) -> tuple[Tensor, Tensor]:
        """Return both texts' tokens so that their products are what every pair of tokens adds (`Meeting.met`)."""
        firsts, seconds = zip(*(part.met(features, output) for part in self.parts), strict=True)
        return torch.cat(firsts, dim=1), torch.cat(seconds, dim=1)

    def meeting_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token of the first text with every one of the second adds, ``(token, token, output)``."""
        each = [torch.mm(a, b.T) for a, b in (self.met(features, c) for c in range(len(self.bias)))]
        return torch.stack(each, dim=2)


def _sum(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(parts)).sum(0)
