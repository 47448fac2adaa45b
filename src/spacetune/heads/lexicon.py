"""`Lexicon`: what wordpieces and pairs of neighbours add to the logits, beside what the tokens' states say."""

# The types of torch, NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures, segment_mean
from spacetune.errors import UsageError
from spacetune.heads.head import HeldHead

__all__ = ["Lexicon", "grams_of", "owned_grams", "pair_keys", "token_pairs"]

LOW = (1 << 32) - 1
KIND = 1 << 56
"""What grams of pairs of texts are told apart by, above every key: those in both texts, in the first alone, in the
second alone are one, two and three times as far up."""


def token_pairs(ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pairs of neighbours within texts: the places of their first tokens, and their keys.

    >>> token_pairs(torch.tensor([7, 9, 8]), torch.tensor([2, 1]))[0].tolist()
    [0]
    """
    owner = torch.repeat_interleave(lengths)
    first = (owner[:-1] == owner[1:]).nonzero().squeeze(1)
    return first, pair_keys(ids[first], ids[first + 1])


def pair_keys(first: Tensor, second: Tensor) -> Tensor:
    """Return one number a pair of token ids, above every token id."""
    return (first.long() + 1) * (1 << 32) + second.long()


def grams_of(ids: Tensor, lengths: Tensor, first: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return every token's gram, the places of the first tokens of neighbours, and the grams of these.

    For pairs of texts that are read apart, a gram is a different one where the other text has it too.

    Parameters
    ----------
    ids
        Token ids of all texts or pairs, end to end.
    lengths
        Tokens of each; of a pair those of both its texts.
    first
        Of each pair those of its first text; None for texts.

    Examples
    --------
    >>> kinds, _, _ = grams_of(torch.tensor([7, 9, 7, 8]), torch.tensor([4]), torch.tensor([2]))
    >>> (kinds // KIND).tolist(), (kinds % KIND).tolist()
    ([1, 2, 1, 3], [7, 9, 7, 8])
    """
    ids = ids.long()
    if first is None:
        return ids, *token_pairs(ids, lengths)
    halves = torch.stack([first, lengths - first], dim=1).flatten()
    places, pairs = token_pairs(ids, halves)
    owner = torch.repeat_interleave(halves)
    return _told_apart(ids, owner), places, _told_apart(pairs, owner[places])


def owned_grams(ids: Tensor, lengths: Tensor, first: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return all grams, those of tokens and then those of neighbours, and the text or pair each stands in."""
    tokens, places, pairs = grams_of(ids, lengths, first)
    owner = torch.repeat_interleave(lengths)
    return torch.cat([tokens, pairs]), torch.cat([owner, owner[places]])


def _told_apart(grams: Tensor, owner: Tensor) -> Tensor:
    """Tell grams apart by which texts of a pair have them; texts 2p and 2p + 1 are those of pair p."""
    different, rank = torch.unique(grams, return_inverse=True)
    place, second = owner // 2 * len(different) + rank, owner % 2 == 1
    in_other = torch.where(second, torch.isin(place, place[~second]), torch.isin(place, place[second]))
    return grams + KIND * torch.where(in_other, 1, 2 + second.long())


def _searched(grams: Tensor, wanted: Tensor) -> Tensor:
    """Return the place of the last gram that is not above each, 0 where all are."""
    return (torch.searchsorted(grams, wanted, right=True) - 1).clamp(min=0)


def _by_halving(halves: Tensor, high: Tensor, low: Tensor) -> Tensor:
    """Return what `_searched` does, by operations that an exported graph can do, of keys ``(2, n)`` in two halves.

    Engines such as OpenVINO hold integers in 32 bits, whatever the graph says: a whole key is beyond them.
    """
    places, last = torch.zeros_like(low), halves.shape[1] - 1
    for step in (1 << i for i in reversed(range(last.bit_length()))):
        further = (places + step).clamp(max=last)
        its_high, its_low = halves[0][further], halves[1][further]
        places = torch.where((its_high < high) | ((its_high == high) & (its_low <= low)), further, places)
    return places


def _counts(owner: Tensor, gram: Tensor, shape: tuple[int, int]) -> csr_matrix:
    """Return how often every text has every gram, sparse."""
    counts = csr_matrix((np.ones(len(gram)), (owner.numpy(), gram.numpy())), shape=shape)
    counts.sum_duplicates()
    return counts


class Lexicon(nn.Module):
    r"""One row of scores a known wordpiece or pair of neighbours, zero for all others.

    .. math:: logits_b = \frac1{\sqrt T} \sum_t (B[id_t] + B[id_t, id_{t+1}])

    A token's own score is that of its wordpiece and half of the pairs it stands in, so the scores of a text sum to
    its logits and explanations stay exact. Of two texts that are read apart a gram that both have is another one than
    one that the first alone has, or the second. It is ours, not the paper's.

    Parameters
    ----------
    grams
        ``(n_known,)`` token ids, and keys of pairs (`pair_keys`), ascending; of two texts as `grams_of` has them.
    weights
        ``(n_known, n_outputs)``: B.

    Examples
    --------
    >>> lexicon = Lexicon(torch.tensor([7, 9]), torch.tensor([[1.0, -1.0], [0.0, 2.0]]))
    >>> texts = TokenFeatures(torch.zeros(5, 1, 4), torch.tensor([0, 4, 5]), torch.tensor([7, 9, 1, 2, 8]))
    >>> lexicon.logits(texts).tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """

    grams: Tensor
    weights: Tensor
    halves: Tensor | None

    def __init__(self, grams: Tensor, weights: Tensor) -> None:
        super().__init__()
        if weights.dim() != 2 or grams.shape != weights.shape[:1]:
            raise UsageError(
                f"a lexicon needs one row of weights a gram, got {tuple(grams.shape)} grams and {tuple(weights.shape)}"
            )
        self.register_buffer("grams", grams.long().contiguous())
        self.register_buffer("weights", weights)
        self.register_buffer("halves", None, persistent=False)

    @property
    def bias(self) -> Tensor:
        """Zeros, ``(output,)``: a text without known grams gets nothing."""
        return self.weights.new_zeros(self.weights.shape[1])

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return what the tokens add together, ``(text, output)``."""
        root = features.lengths.to(self.weights.dtype).sqrt().unsqueeze(1)
        return segment_mean(self._rows(features), features.offsets) * root

    def token_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds, ``(token, output)``."""
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        return self._rows(features) / lengths.to(self.weights.dtype).sqrt().unsqueeze(1)

    def forward(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        """Return what every token of padded texts adds, ``(text, token, output)``; padding adds nothing.

        Parameters
        ----------
        token_ids
            ``(text, token)``.
        mask
            ``(text, token)``, 1 for real tokens.
        """
        real = mask.to(self.weights.dtype).unsqueeze(2)
        pairs = self._rows_at(token_ids[:, :-1] + 1, token_ids[:, 1:])
        shared = pairs / 2 * real[:, :-1] * real[:, 1:]
        own = self._rows_at(torch.zeros_like(token_ids), token_ids) * real
        rows = own + F.pad(shared, (0, 0, 0, 1)) + F.pad(shared, (0, 0, 1, 0))
        return rows / real.sum(1, keepdim=True).clamp(min=1).sqrt()

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        """Return what the words add: it is read from token ids, not from states."""
        return HeldHead(None, words=self.token_scores(features)[:, outputs])

    def grid(self, first: TokenFeatures, second: TokenFeatures) -> Tensor:
        r"""Return what every first text with every second adds, ``(first, second, output)``, of single texts.

        .. math:: \frac{1}{\sqrt{T_i + T_j}} \sum_g n_{ig} \bigl(B^{first}_g + m_{jg} (B^{both}_g - B^{first}_g)\bigr)
           + n_{jg} \bigl(B^{second}_g + m_{ig} (B^{both}_g - B^{second}_g)\bigr)

        n counts a gram in a text, m tells whether it is there: two sparse products, and no pair is formed.
        """
        read = [owned_grams(self._ids(each), each.lengths) for each in (first, second)]
        different, place = torch.unique(torch.cat([grams for grams, _ in read]), return_inverse=True)
        both, ones, others = (self.rows_of(different + KIND * kind).double() for kind in (1, 2, 3))
        a, b = (
            _counts(owner, at, (len(each), len(different)))
            for (_, owner), at, each in zip(
                read, place.split([len(grams) for grams, _ in read]), (first, second), strict=True
            )
        )
        held = [csr_matrix((np.ones(each.nnz), each.indices, each.indptr), each.shape) for each in (a, b)]
        sums = [
            (a @ one)[:, None] + (b @ other)[None] + (a.multiply(shared - one) @ held[1].T).toarray()
            + (held[0] @ b.multiply(shared - other).T).toarray()
            for shared, one, other in zip(both.T.numpy(), ones.T.numpy(), others.T.numpy(), strict=True)
        ]  # fmt: skip
        tokens = first.lengths[:, None] + second.lengths[None]
        return torch.as_tensor(np.stack(sums, axis=2)) / tokens.double().sqrt().unsqueeze(2)

    def _rows(self, features: TokenFeatures) -> Tensor:
        grams, places, pairs = grams_of(self._ids(features), features.lengths, features.first)
        shared = self.rows_of(pairs) / 2
        return self.rows_of(grams).index_add_(0, places, shared).index_add_(0, places + 1, shared)

    @staticmethod
    def _ids(features: TokenFeatures) -> Tensor:
        if features.token_ids is None:
            raise UsageError("a lexicon reads token ids, and these features carry none: fit with lexicon=False")
        return features.token_ids

    def rows_of(self, wanted: Tensor) -> Tensor:
        """Return the scores of these grams, zero for unknown ones."""
        wanted = wanted.long()
        places = _searched(self.grams, wanted)
        return self.weights[places] * (self.grams[places] == wanted).unsqueeze(-1).to(self.weights.dtype)

    def hold_halves(self) -> None:
        """Hold every key in two halves, for a graph that is exported: then none in it is above 32 bits."""
        self.halves = self._in_halves()

    def _in_halves(self) -> Tensor:
        return torch.stack([self.grams >> 32, self.grams & LOW])

    def _rows_at(self, high: Tensor, low: Tensor) -> Tensor:
        """Return the scores of grams in two halves: of a pair one more than its first id, of a token 0; the id."""
        if not torch.compiler.is_compiling():
            return self.rows_of((high << 32) + low)
        halves = self._in_halves() if self.halves is None else self.halves
        places = _by_halving(halves, high, low)
        known = (halves[0][places] == high) & (halves[1][places] == low)
        return self.weights[places] * known.unsqueeze(-1).to(self.weights.dtype)
