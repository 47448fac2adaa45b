"""Grams that texts hold: counted some texts at a time as they are all at once, and as plain loops count them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from spacetune.encoders import TokenFeatures
from spacetune.fitting import grams
from spacetune.fitting.grams import KnownGrams, has_grams
from spacetune.fitting.inputs import FrozenInputs
from spacetune.heads import pair_keys

TEXTS = [[5, 6, 5], [7], [6, 5, 6, 5, 8], [], [8, 9], [5, 6]]


def source(texts: list[list[int]], known: bool = True) -> FrozenInputs:
    offsets = torch.tensor([0, *np.cumsum([len(text) for text in texts])])
    ids = torch.tensor([each for text in texts for each in text])
    return FrozenInputs(TokenFeatures(torch.zeros(len(ids), 1, 2), offsets, ids if known else None), None)


def key(first: int, second: int) -> int:
    return int(pair_keys(torch.tensor([first]), torch.tensor([second]))[0])


@pytest.mark.parametrize("at_a_time", [1, 2, 4, 100])
def test_counts_are_those_of_plain_loops_however_many_are_counted_at_a_time(
    monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(grams, "AT_A_TIME", at_a_time)
    all_grams = [Counter([*text, *(key(*pair) for pair in pairwise(text))]) for text in TEXTS]
    holding = Counter(gram for text in all_grams for gram in text)
    known = KnownGrams.of(source(TEXTS), symmetric=False, most=100)
    expected = sorted(gram for gram, n in holding.items() if n > 1)
    assert known.grams.tolist() == expected
    assert known.idf == pytest.approx([(np.log(7 / (1 + holding[gram])) + 1) / 3 for gram in expected])
    counts = known.counts(source(TEXTS)).toarray()
    for row, text, counted in zip(counts, TEXTS, all_grams, strict=True):
        root = max(1, len(text)) ** 0.5
        assert row == pytest.approx([counted[gram] / root for gram in expected] * known.idf)
    few = KnownGrams.of(source(TEXTS), symmetric=False, most=2)
    assert few.grams.tolist() == [5, 6]


def test_without_token_ids_there_are_none() -> None:
    assert has_grams(source(TEXTS))
    assert not has_grams(source(TEXTS, known=False))
    assert not has_grams(source([[], []]))
