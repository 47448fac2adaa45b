"""A head of two texts read apart: exact over tokens, over pairs of tokens, and whoever stands beside them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spacetune.encoders import PairedFeatures, TokenFeatures, texts_of_pairs
from spacetune.encoders.ragged import offsets_of
from spacetune.errors import UsageError
from spacetune.heads import PairHead

LENGTHS = torch.tensor([3, 1, 5, 2, 7])
PLACES = torch.tensor([[0, 1], [2, 2], [4, 0], [3, 1]])
LAYERS, DIM = 2, 4


def source() -> TokenFeatures:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(int(LENGTHS.sum()), LAYERS, DIM, generator=generator)
    cut = torch.tensor([False, True, False, False, False])
    return TokenFeatures(values, offsets_of(LENGTHS), torch.arange(len(values)), truncated=cut)


def head(direction: float = 1.0) -> PairHead:
    generator = torch.Generator().manual_seed(1)
    parts = torch.randn(3, 3, LAYERS, DIM, generator=generator, dtype=torch.float64)
    return PairHead(parts[0], parts[1], direction * parts[2], torch.tensor([0.5, -1.0, 2.0]), parts[0, 0] / 3)


def pairs() -> TokenFeatures:
    return PairedFeatures(source(), PLACES).take(torch.arange(4))


def by_hand(features: TokenFeatures, h: PairHead, i: int) -> Tensor:
    start, stop = features.offsets[i : i + 2].tolist()
    assert features.first is not None
    half = start + int(features.first[i])
    u, v = (features.values[a:b].double().mean(0) - h.mean for a, b in ((start, half), (half, stop)))
    u, v = u / u.norm(dim=1, keepdim=True), v / v.norm(dim=1, keepdim=True)
    meet = h.product * (u * v) + h.square * (u - v) ** 2 + h.direction * (u - v)
    return meet.sum((1, 2)) + h.bias


def test_features_of_pairs_are_those_of_both_texts() -> None:
    paired, single = PairedFeatures(source(), PLACES), source()
    assert paired.lengths.tolist() == [4, 10, 10, 3]
    features = paired.take(torch.tensor([2, 0]))
    assert features.first is not None
    assert features.first.tolist() == [7, 3]
    assert features.lengths.tolist() == [10, 4]
    assert features.truncated is not None
    assert features.truncated.tolist() == [False, True]
    expected = torch.cat([single.take(torch.tensor([i])).values for i in (4, 0, 0, 1)])
    assert features.values.equal(expected)
    ids = paired.take_ids(torch.tensor([2, 0]))
    assert ids is not None
    assert features.token_ids is not None
    assert ids.equal(features.token_ids)
    for again in (features.take(torch.tensor([1])), features.between(1, 2)):
        assert again.first is not None
        assert again.first.tolist() == [3]
    joined = TokenFeatures.concat([features, features])
    assert joined.first is not None
    assert joined.first.tolist() == [7, 3, 7, 3]
    assert joined.halves().lengths.tolist() == [7, 3, 3, 1, 7, 3, 3, 1]


def test_logits_are_the_formula() -> None:
    features = pairs()
    expected = torch.stack([by_hand(features, head(), i) for i in range(4)])
    torch.testing.assert_close(head().logits(features), expected)


def test_token_scores_add_up_to_the_logits() -> None:
    features, h = pairs(), head()
    scores = h.token_scores(features)
    sums = torch.stack([part.sum(0) for part in scores.split(features.lengths.tolist())])
    torch.testing.assert_close(sums + h.bias, h.logits(features), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("i", range(4))
def test_pairs_of_tokens_add_up_to_what_the_texts_have_in_common(i: int) -> None:
    one, h = pairs().take(torch.tensor([i])), head()
    meeting = h.meeting_scores(one)
    assert one.first is not None
    n = int(one.first)
    assert meeting.shape == (n, int(one.lengths) - n, 3)
    without = PairHead(2 * h.square, h.square, h.direction, h.bias, h.mean)  # (u - v)^2 + 2uv: squares alone
    torch.testing.assert_close(meeting.sum((0, 1)), (h.logits(one) - without.logits(one))[0], atol=1e-6, rtol=1e-6)
    shares = h.token_scores(one)
    texts = without.token_scores(one)
    torch.testing.assert_close(shares[:n], texts[:n] + meeting.sum(1) / 2, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(shares[n:], texts[n:] + meeting.sum(0) / 2, atol=1e-6, rtol=1e-6)


def test_without_a_direction_the_texts_can_be_swapped() -> None:
    there, back = pairs(), PairedFeatures(source(), PLACES.flip(1)).take(torch.arange(4))
    assert head(0.0).symmetric
    torch.testing.assert_close(head(0.0).logits(there), head(0.0).logits(back))
    assert not head().symmetric
    assert not torch.allclose(head().logits(there), head().logits(back))


def test_company_changes_nothing() -> None:
    features, h = pairs(), head()
    alone = torch.cat([h.logits(features.take(torch.tensor([i]))) for i in range(4)])
    torch.testing.assert_close(alone, h.logits(features), atol=1e-6, rtol=1e-6)


def test_different_texts_are_named_once() -> None:
    texts, places = texts_of_pairs([("a", "b"), ("c", "a"), ("a", "a")])
    assert texts == ["a", "b", "c"]
    assert places.tolist() == [[0, 1], [2, 0], [0, 0]]


def test_weights_of_other_shapes_are_refused() -> None:
    part = torch.zeros(2, LAYERS, DIM)
    with pytest.raises(UsageError, match="needs weights"):
        PairHead(part, part, part[:1], torch.zeros(2), torch.zeros(LAYERS, DIM))
