"""A head of two texts read apart: exact over tokens, over pairs of tokens, and whoever stands beside them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from spacetune.encoders import PairedFeatures, TokenFeatures, texts_of_pairs
from spacetune.encoders.ragged import offsets_of
from spacetune.errors import UsageError
from spacetune.heads import ConceptSpaces, Meeting, PairHead, TextMean

LENGTHS = torch.tensor([3, 1, 5, 2, 7])
PLACES = torch.tensor([[0, 1], [2, 2], [4, 0], [3, 1]])
LAYERS, DIM = 2, 4


def source() -> TokenFeatures:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(int(LENGTHS.sum()), LAYERS, DIM, generator=generator)
    cut = torch.tensor([False, True, False, False, False])
    return TokenFeatures(values, offsets_of(LENGTHS), torch.arange(len(values)), truncated=cut)


def meeting(width: int, spaces: ConceptSpaces | None = None) -> Meeting:
    generator = torch.Generator().manual_seed(width)
    weight = torch.randn(3, 3, LAYERS, width, generator=generator, dtype=torch.float64)
    return Meeting(TextMean(weight[0, 0] / 3, spaces), weight)


def of_states() -> Meeting:
    return meeting(DIM)


def of_spaces() -> Meeting:
    """Three spaces of two latents."""
    spaces = ConceptSpaces(DIM, 2, 3, n_layers=LAYERS, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    spaces.standardise(torch.full((LAYERS, DIM), 0.1), torch.full((LAYERS, DIM), 0.7))
    return meeting(6, spaces.requires_grad_(False))


def head(*meetings: Meeting) -> PairHead:
    return PairHead(torch.tensor([0.5, -1.0, 2.0]), meetings)


def reweighted(h: PairHead, change: Callable[[Tensor], Tensor]) -> PairHead:
    return PairHead(h.bias, [Meeting(part.text_mean, change(part.weight)) for part in h.parts])


@pytest.fixture(params=["states", "spaces", "both"])
def each(request: pytest.FixtureRequest) -> PairHead:
    """A head of means of states, of centroids in spaces, and of both."""
    kinds = {"states": [of_states], "spaces": [of_spaces], "both": [of_states, of_spaces]}
    return head(*(make() for make in kinds[request.param]))


def pairs() -> TokenFeatures:
    return PairedFeatures(source(), PLACES).take(torch.arange(4))


def by_hand(features: TokenFeatures, h: PairHead, i: int) -> Tensor:
    start, stop = features.offsets[i : i + 2].tolist()
    assert features.first is not None
    half = start + int(features.first[i])
    total = h.bias
    for part in h.parts:
        read = part.text_mean.spaces
        states = features.values.double() if read is None else read(features.values.double()).flatten(2)
        u, v = (states[a:b].mean(0) - part.text_mean.mean for a, b in ((start, half), (half, stop)))
        u, v = u / u.norm(dim=1, keepdim=True), v / v.norm(dim=1, keepdim=True)
        product, square, direction = part.weight
        total = total + (product * (u * v) + square * (u - v) ** 2 + direction * (u - v)).sum((1, 2))
    return total


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


def test_logits_are_the_formula(each: PairHead) -> None:
    features = pairs()
    expected = torch.stack([by_hand(features, each, i) for i in range(4)])
    torch.testing.assert_close(each.logits(features), expected)


def test_token_scores_add_up_to_the_logits(each: PairHead) -> None:
    features = pairs()
    scores = each.token_scores(features)
    sums = torch.stack([part.sum(0) for part in scores.split(features.lengths.tolist())])
    torch.testing.assert_close(sums + each.bias, each.logits(features), atol=1e-6, rtol=1e-6)


def test_held_they_are_affine_in_the_states(each: PairHead) -> None:
    features = pairs()
    held = each.held(features, slice(1, 3))
    assert held.gradients is not None
    assert held.biases is not None
    scores = torch.einsum("otld,tld->to", held.gradients, features.values.double()) + held.biases
    torch.testing.assert_close(scores, each.token_scores(features)[:, 1:], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("i", range(4))
def test_pairs_of_tokens_add_up_to_what_the_texts_have_in_common(i: int, each: PairHead) -> None:
    one = pairs().take(torch.tensor([i]))
    meeting = each.meeting_scores(one)
    assert one.first is not None
    n = int(one.first)
    assert meeting.shape == (n, int(one.lengths) - n, 3)
    without = reweighted(each, lambda w: torch.stack([2 * w[1], w[1], w[2]]))  # (u - v)^2 + 2uv: squares alone
    torch.testing.assert_close(meeting.sum((0, 1)), (each.logits(one) - without.logits(one))[0], atol=1e-6, rtol=1e-6)
    shares = each.token_scores(one)
    texts = without.token_scores(one)
    torch.testing.assert_close(shares[:n], texts[:n] + meeting.sum(1) / 2, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(shares[n:], texts[n:] + meeting.sum(0) / 2, atol=1e-6, rtol=1e-6)


def test_the_grid_has_the_logits_of_every_pair(each: PairHead) -> None:
    texts = source()
    every = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    expected = each.logits(PairedFeatures(texts, every).take(torch.arange(25))).view(5, 5, 3)
    torch.testing.assert_close(each.grid(texts, texts), expected, atol=1e-6, rtol=1e-6)


def test_without_a_direction_the_texts_can_be_swapped(each: PairHead) -> None:
    there, back = pairs(), PairedFeatures(source(), PLACES.flip(1)).take(torch.arange(4))
    even = reweighted(each, lambda w: torch.stack([w[0], w[1], 0 * w[2]]))
    assert even.symmetric
    torch.testing.assert_close(even.logits(there), even.logits(back))
    assert not each.symmetric
    assert not torch.allclose(each.logits(there), each.logits(back))


def test_company_changes_nothing(each: PairHead) -> None:
    features = pairs()
    alone = torch.cat([each.logits(features.take(torch.tensor([i]))) for i in range(4)])
    torch.testing.assert_close(alone, each.logits(features), atol=1e-6, rtol=1e-6)


def test_different_texts_are_named_once() -> None:
    texts, places = texts_of_pairs([("a", "b"), ("c", "a"), ("a", "a")])
    assert texts == ["a", "b", "c"]
    assert places.tolist() == [[0, 1], [2, 0], [0, 0]]


def test_weights_of_other_shapes_are_refused() -> None:
    with pytest.raises(UsageError, match="needs weights"):
        Meeting(TextMean(torch.zeros(LAYERS, DIM)), torch.zeros(2, 1, LAYERS, DIM))
    with pytest.raises(UsageError, match="needs meetings, each of 2 outputs"):
        PairHead(torch.zeros(2), [of_states()])
