"""The lexicon against its formula, written out word by word."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from spacetune.encoders import TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads import Lexicon
from spacetune.heads.lexicon import pair_keys

SEVEN_NINE = int(pair_keys(torch.tensor([7]), torch.tensor([9]))[0])
ROWS = {7: [1.0, -1.0], 9: [0.0, 2.0], SEVEN_NINE: [4.0, 0.5]}
LEXICON = Lexicon(torch.tensor(sorted(ROWS)), torch.tensor([ROWS[gram] for gram in sorted(ROWS)]))
IDS = [[7, 9, 7], [1, 2, 9, 7, 9], [], [9], [7]]


def features(ids: list[list[int]] = IDS) -> TokenFeatures:
    flat = [number for text in ids for number in text]
    offsets = torch.tensor([0, *map(len, ids)]).cumsum(0)
    return TokenFeatures(torch.zeros(len(flat), 1, 4), offsets, torch.tensor(flat, dtype=torch.long))


def by_hand(text: list[int]) -> list[float]:
    singles = [ROWS.get(number, [0.0, 0.0]) for number in text]
    pairs = [ROWS[SEVEN_NINE] for first, second in itertools.pairwise(text) if (first, second) == (7, 9)]
    root = math.sqrt(max(1, len(text)))
    return [sum(row[i] for row in singles + pairs) / root for i in range(2)]


def test_a_pair_of_neighbours_counts_once() -> None:
    torch.testing.assert_close(LEXICON.logits(features()), torch.tensor([by_hand(text) for text in IDS]))


def test_the_tokens_of_a_text_sum_to_its_logits_and_share_their_pairs() -> None:
    scores = LEXICON.token_scores(features())
    for i, part in enumerate(scores.split([len(text) for text in IDS])):
        torch.testing.assert_close(part.sum(0), LEXICON.logits(features())[i])
    torch.testing.assert_close(scores[:3, 0] * math.sqrt(3), torch.tensor([1.0 + 2.0, 0.0 + 2.0, 1.0]))


def test_the_last_token_of_a_text_and_the_first_of_the_next_are_no_pair() -> None:
    apart = LEXICON.logits(features([[7], [9]]))
    torch.testing.assert_close(apart, torch.tensor([ROWS[7], ROWS[9]]))


def test_a_pair_differs_from_its_reverse_and_from_every_single_token() -> None:
    assert int(pair_keys(torch.tensor([9]), torch.tensor([7]))[0]) != SEVEN_NINE
    assert SEVEN_NINE > 2**32


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="one row of weights a gram"):
        Lexicon(torch.tensor([1, 2]), torch.zeros(3, 2))
    with pytest.raises(UsageError, match="carry none"):
        LEXICON.logits(TokenFeatures.from_matrix(torch.zeros(2, 4)))
