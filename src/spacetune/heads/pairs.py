"""A head of two texts read apart: they meet in products and squares, exactly, token by token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.encoders.ragged import segment_mean, widened
from spacetune.errors import UsageError
from spacetune.heads.head import HeldHead

__all__ = ["PairHead", "pair_rows"]


class PairHead(nn.Module):
    r"""Linear in the products and squared differences of two texts' mean states.

    .. math:: logit_c = b_c + \sum_k A_{c,k} u_k v_k + B_{c,k} (u_k - v_k)^2 + D_{c,k} (u_k - v_k), \quad
       u = \frac{1}{\nu_u} \Bigl(\tfrac1T \sum_t h_t - m\Bigr)

    v likewise of the second text; k runs over layers and dimensions, and :math:`\nu` is the norm of what it divides,
    layer by layer, a number held as it is. A product of two means is a mean over pairs of tokens, so every logit is an
    exact sum over pairs of tokens: between the texts, and within each. Without D the texts can be swapped.

    Parameters
    ----------
    product, square, direction
        A, B and D, ``(output, layer, dim)``.
    bias
        b, ``(output,)``.
    mean
        m, ``(layer, dim)``.
    """

    product: Tensor
    square: Tensor
    direction: Tensor
    bias: Tensor
    mean: Tensor

    def __init__(self, product: Tensor, square: Tensor, direction: Tensor, bias: Tensor, mean: Tensor) -> None:
        super().__init__()
        if not product.shape == square.shape == direction.shape == (len(bias), *mean.shape):
            raise UsageError(f"a head of pairs needs weights (output, layer, dim), got {tuple(product.shape)}")
        for name, part in (
            ("product", product), ("square", square), ("direction", direction), ("bias", bias), ("mean", mean),
        ):  # fmt: skip
            self.register_buffer(name, part.detach().double())

    @property
    def symmetric(self) -> bool:
        """Whether a pair and its texts swapped have the same logits."""
        return not bool(self.direction.any())

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(pair, output)``."""
        u, v, _ = _units(features, self.mean)
        return (
            self._meet(u * v, self.product)
            + self._meet((u - v) ** 2, self.square)
            + self._meet(u - v, self.direction)
            + self.bias
        )

    def token_scores(self, features: TokenFeatures) -> Tensor:
        r"""Return what every token of either text adds to every logit, ``(token, output)``.

        .. math:: s_t = \frac{1}{T \nu_u} \sum_k (h_{t,k} - m_k)
           \bigl[(\tfrac12 A_k - B_k) v_k + B_k u_k + D_k\bigr]

        Half of what a pair of tokens brings goes to either of them; over both texts they sum to ``logit - bias``.
        """
        lengths = features.halves().lengths.tolist()
        centred = (widened(features.values).double() - self.mean).flatten(1).split(lengths)
        reads = self._reads(features)
        return torch.cat([text @ read.flatten(1).T / len(text) for text, read in zip(centred, reads, strict=True)])

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        """Return these outputs with the other text's mean and the norms held, shared as `token_scores` shares them."""
        lengths = features.halves().lengths
        reads = self._reads(features)[:, outputs] / lengths[:, None, None, None]
        biases = -torch.einsum("bold,ld->bo", reads, self.mean)
        gradients = torch.repeat_interleave(reads.transpose(0, 1), lengths, dim=1)
        return HeldHead(gradients, torch.repeat_interleave(biases, lengths, dim=0))

    def _reads(self, features: TokenFeatures) -> Tensor:
        """Return what each text's centred mean is multiplied by, ``(2 · pair, output, layer, dim)``."""
        u, v, norms = _units(features, self.mean)
        half, square = self.product / 2 - self.square, self.square
        first = v[:, None] * half + u[:, None] * square + self.direction
        second = u[:, None] * half + v[:, None] * square - self.direction
        return torch.stack([first, second], dim=1).flatten(0, 1) / norms[:, None, :, None]

    def grid(self, first: TokenFeatures, second: TokenFeatures) -> Tensor:
        """Return the logits of every first text with every second, ``(first, second, output)``, of single texts."""
        u, v = (_unit(each, self.mean)[0] for each in (first, second))
        own = torch.einsum("ald,cld->ac", u**2, self.square) + torch.einsum("ald,cld->ac", u, self.direction)
        other = torch.einsum("bld,cld->bc", v**2, self.square) - torch.einsum("bld,cld->bc", v, self.direction)
        weight = self.product - 2 * self.square
        cross = torch.stack([(u * w).flatten(1) @ v.flatten(1).T for w in weight], dim=2)
        return cross + own[:, None] + other[None] + self.bias

    def met(self, features: TokenFeatures, output: int) -> tuple[Tensor, Tensor]:
        """Return both texts' tokens so that their products are what every pair of tokens adds to one output.

        Of one pair of texts: ``(token, layer · dim)`` each. What pairs within a text add, and the direction, is the
        rest of the logit.
        """
        assert len(features) == 1
        assert features.first is not None
        _, _, norms = _units(features, self.mean)
        centred = widened(features.values).double() - self.mean
        a, b = centred.split([int(features.first), len(centred) - int(features.first)])
        a, b = (each / (len(each) * norm[:, None]) for each, norm in zip((a, b), norms, strict=True))
        return (a * (self.product - 2 * self.square)[output]).flatten(1), b.flatten(1)

    def meeting_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token of the first text with every one of the second adds, ``(token, token, output)``."""
        each = [torch.mm(a, b.T) for a, b in (self.met(features, c) for c in range(len(self.bias)))]
        return torch.stack(each, dim=2)

    def _meet(self, rows: Tensor, weight: Tensor) -> Tensor:
        return rows.flatten(1) @ weight.flatten(1).T


def pair_rows(features: TokenFeatures, mean: Tensor) -> Tensor:
    """Return products, squared differences and differences side by side, ``(pair, 3 · layer · dim)``, in float64."""
    u, v, _ = _units(features, mean)
    return torch.cat([(u * v).flatten(1), ((u - v) ** 2).flatten(1), (u - v).flatten(1)], dim=1)


def _unit(texts: TokenFeatures, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Return texts' centred means over their norms ``(text, layer, dim)``, and these ``(text, layer)``."""
    centred = segment_mean(texts.values, texts.offsets).double() - mean
    norms = centred.norm(dim=2).clamp(min=1e-12)
    return centred / norms.unsqueeze(2), norms


def _units(features: TokenFeatures, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same of both texts of pairs, ``(pair, layer, dim)``, and the norms ``(2 · pair, layer)``."""
    both, norms = _unit(features.halves(), mean)
    return both[::2], both[1::2], norms
