"""The pairs of the demo: half and half, no sentence twice, and not to be told by shared words alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from spacetune.studies import demo_pairs

SPLITS = {"train": 180, "dev": 60, "test": 60}


@pytest.mark.parametrize("split", SPLITS)
def test_half_of_them_are_the_same(split: str) -> None:
    data = demo_pairs(split)
    assert len(data) == SPLITS[split]
    assert Counter(data.labels or ()) == {"same": SPLITS[split] // 2, "different": SPLITS[split] // 2}


def test_no_sentence_occurs_twice() -> None:
    sentences = [each.casefold() for split in SPLITS for pair in demo_pairs(split).inputs for each in pair]
    assert len(set(sentences)) == len(sentences) == 600


def test_shared_words_do_not_decide() -> None:
    shared: dict[str, list[float]] = {"same": [], "different": []}
    for split in SPLITS:
        data = demo_pairs(split)
        for (first, second), label in zip(data.inputs, data.labels or (), strict=True):
            a, b = (set(each.casefold().split()) for each in (first, second))
            shared[label].append(len(a & b) / len(a | b))
    assert np.mean(shared["same"]) < np.mean(shared["different"])
