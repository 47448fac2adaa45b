"""Grams of two texts that are read apart: which texts have them, held to sets of Python, and the lexicon over them."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from spacetune.encoders import TokenFeatures
from spacetune.heads import Lexicon, grams_of, pair_keys
from spacetune.heads.lexicon import KIND, LOW, _by_halving, _searched

WORDS = st.lists(st.integers(0, 5), max_size=6)
PAIRS = st.lists(st.tuples(WORDS, WORDS).filter(lambda pair: len(pair[0]) + len(pair[1]) > 0), min_size=1, max_size=5)


def flat(pairs: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    ids = torch.tensor([i for pair in pairs for text in pair for i in text], dtype=torch.int32)
    return ids, torch.tensor([len(a) + len(b) for a, b in pairs]), torch.tensor([len(a) for a, _ in pairs])


def told(gram: int, own: list[int], other: list[int], *, second: bool) -> int:
    return gram + KIND * (1 if gram in other else 3 if second else 2)


def neighbours(text: list[int]) -> list[int]:
    return [int(pair_keys(torch.tensor(a), torch.tensor(b))) for a, b in itertools.pairwise(text)]


@given(PAIRS)
def test_kinds_are_those_of_sets(pairs: list[tuple[list[int], list[int]]]) -> None:
    tokens, places, grams = grams_of(*flat(pairs))
    expected, of_neighbours, first = list[int](), list[int](), list[int]()
    start = 0
    for a, b in pairs:
        for own, other, second in ((a, b, False), (b, a, True)):
            expected += [told(i, own, other, second=second) for i in own]
            theirs = neighbours(other)
            of_neighbours += [told(i, own, theirs, second=second) for i in neighbours(own)]
            first += list(range(start, start + max(len(own) - 1, 0)))
            start += len(own)
    assert tokens.tolist() == expected
    assert grams.tolist() == of_neighbours
    assert places.tolist() == first


def test_texts_have_plain_grams() -> None:
    tokens, places, grams = grams_of(torch.tensor([4, 5, 4]), torch.tensor([2, 1]), None)
    assert tokens.tolist() == [4, 5, 4]
    assert places.tolist() == [0]
    assert grams.tolist() == [int(pair_keys(torch.tensor(4), torch.tensor(5)))]


def test_scores_of_tokens_sum_to_the_logits_and_know_who_has_a_word() -> None:
    grams = torch.tensor([7 + KIND, 7 + 2 * KIND, 7 + 3 * KIND])
    lexicon = Lexicon(grams, torch.tensor([[4.0], [8.0], [-8.0]]))
    ids = torch.tensor([7, 9, 7, 7, 9, 9, 7, 9])  # (7 9 | 7), (7 | 9 9), (9? 7 9 alone)
    features = TokenFeatures(torch.zeros(8, 1, 2), torch.tensor([0, 3, 6, 8]), ids, first=torch.tensor([2, 1, 0]))
    scores = lexicon.token_scores(features)
    root = torch.tensor([3.0, 3.0, 2.0]).sqrt()
    torch.testing.assert_close(lexicon.logits(features)[:, 0], torch.tensor([8.0, 8.0, -8.0]) / root)
    sums = torch.stack([part.sum() for part in scores.split([3, 3, 2])])
    torch.testing.assert_close(sums, lexicon.logits(features)[:, 0])


@given(PAIRS, st.integers(0, 2**31))
def test_a_grid_is_every_pair_by_itself(pairs: list[tuple[list[int], list[int]]], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    keys = [*range(6), *(int(pair_keys(torch.tensor(a), torch.tensor(b))) for a in range(6) for b in range(6))]
    known = torch.tensor([key + KIND * kind for kind in (1, 2, 3) for key in sorted(keys)])[::2]
    lexicon = Lexicon(known, torch.randn(len(known), 2, generator=generator))
    sides = [[[0, *pair[side]] for pair in pairs] for side in (0, 1)]
    firsts, seconds = (
        TokenFeatures(
            torch.zeros(sum(map(len, texts)), 1, 2),
            torch.tensor([0, *(len(text) for text in texts)]).cumsum(0),
            torch.tensor([i for text in texts for i in text]),
        )
        for texts in sides
    )
    each = [(a, b) for a in sides[0] for b in sides[1]]
    ids, lengths, first = flat(each)
    both = TokenFeatures(
        torch.zeros(len(ids), 1, 2), torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)]), ids, first=first
    )
    expected = lexicon.logits(both).double().view(len(sides[0]), len(sides[1]), 2)
    torch.testing.assert_close(lexicon.grid(firsts, seconds), expected, atol=1e-5, rtol=1e-5)


@given(st.lists(st.integers(0, 2**55), min_size=1, max_size=40, unique=True), st.lists(st.integers(0, 2**55)))
def test_an_exported_graph_finds_what_a_search_does(known: list[int], others: list[int]) -> None:
    grams, wanted = torch.tensor(sorted(known)), torch.tensor([*known, *others])
    halves = torch.stack([grams >> 32, grams & LOW])
    assert torch.equal(_by_halving(halves, wanted >> 32, wanted & LOW), _searched(grams, wanted))
