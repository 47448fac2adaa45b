"""Draws are stratified, disjoint, and the same for the same seed."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacetune import LabelledTexts, SpacetuneError, few_shot
from spacetune.data import few_shot_split, is_indicator, split_dev
from spacetune.errors import DataError

rows = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1, max_size=120)
fractions = st.floats(0.02, 0.9)
seeds = st.integers(0, 2**32)


def labelled(*sizes: int) -> LabelledTexts:
    labels = [f"c{c}" for c, size in enumerate(sizes) for _ in range(size)]
    return LabelledTexts([f"text {i}" for i in range(len(labels))], labels)


@given(rows, fractions, seeds)
def test_parts_are_disjoint_whole_and_keep_equal_texts_together(
    given_rows: list[tuple[str, int]], fraction: float, seed: int
) -> None:
    labels, keys = [label for label, _ in given_rows], [key for _, key in given_rows]
    train, dev = (part.tolist() for part in split_dev(labels, keys, fraction, seed))
    assert sorted(train + dev) == list(range(len(labels)))
    assert train == sorted(train)
    assert dev == sorted(dev)
    assert not {keys[i] for i in train} & {keys[i] for i in dev}
    again = split_dev(labels, keys, fraction, seed)
    assert (again[0].tolist(), again[1].tolist()) == (train, dev)


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 60), min_size=1), fractions, seeds)
def test_every_class_gives_its_share_and_keeps_a_text_in_training(
    sizes: dict[str, int], fraction: float, seed: int
) -> None:
    labels = [label for label, size in sizes.items() for _ in range(size)]
    train, dev = split_dev(labels, range(len(labels)), fraction, seed)
    in_train, in_dev = Counter(labels[i] for i in train), Counter(labels[i] for i in dev)
    for label, size in sizes.items():
        assert in_train[label] >= 1
        assert abs(in_dev[label] - fraction * size) <= 1
        assert in_dev[label] >= 1 or size < 4


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.data(), seeds)
def test_few_shot_n_draws_n_in_proportion(sizes: list[int], data: st.DataObject, seed: int) -> None:
    texts = labelled(*sizes)
    n = data.draw(st.integers(len(sizes), sum(sizes)))
    drawn = few_shot(texts, n, seed=seed)
    assert len(drawn) == n == len(set(drawn.texts))
    assert [texts.texts.index(t) for t in drawn.texts] == sorted(texts.texts.index(t) for t in drawn.texts)
    assert set(drawn.labels or []) == set(texts.labels or [])
    assert few_shot(texts, n, seed=seed).texts == drawn.texts


names = st.sampled_from("abcdefg")


@given(
    st.one_of(
        st.lists(st.tuples(names, st.integers(0, 12)), min_size=1, max_size=60),
        st.lists(st.tuples(st.lists(names, max_size=3), st.integers(0, 40)), min_size=1, max_size=60),
        st.lists(st.tuples(st.lists(st.integers(0, 1), min_size=3, max_size=3), st.integers(0, 40)), min_size=1),
    ),
    fractions,
    seeds,
)
def test_a_class_of_dev_is_in_training_too(given_rows: list[tuple[Any, int]], fraction: float, seed: int) -> None:
    labels, keys = [label for label, _ in given_rows], [key for _, key in given_rows]
    train, dev = split_dev(labels, keys, fraction, seed)

    def classes(rows: Any) -> set[Any]:
        if is_indicator(labels):
            return {column for i in rows for column, value in enumerate(labels[i]) if value == 1}
        return {name for i in rows for name in labels[i]}

    assert classes(dev) <= classes(train)
    assert not {keys[i] for i in train} & {keys[i] for i in dev}


@pytest.mark.parametrize("seed", range(40))
def test_an_equal_text_of_a_second_annotator_leaves_no_class_to_dev_alone(seed: int) -> None:
    labels = ["delivery", "billing"] * 10 + ["complaint"]
    keys = [f"{label} {i // 2}" for i, label in enumerate(labels[:-1])] + ["delivery 3"]
    train, dev = split_dev(labels, keys, 0.1, seed)
    assert {labels[i] for i in dev} <= {labels[i] for i in train}
    assert len(dev) >= 1


def test_few_shot_keeps_proportions() -> None:
    assert Counter(few_shot(labelled(60, 30, 10), 20).labels or []) == {"c0": 12, "c1": 6, "c2": 2}


def test_few_shot_per_class_keeps_labels_with_their_texts() -> None:
    texts = labelled(9, 5, 3)
    drawn = few_shot(texts, per_class=3, seed=1)
    assert Counter(drawn.labels or []) == {"c0": 3, "c1": 3, "c2": 3}
    own = dict(zip(texts.texts, texts.labels or [], strict=True))
    assert [own[t] for t in drawn.texts] == drawn.labels


def test_the_seed_decides() -> None:
    texts = labelled(50, 50)
    draws = {tuple(few_shot(texts, per_class=10, seed=seed).texts) for seed in range(5)}
    assert len(draws) == 5
    splits = {tuple(split_dev(texts.labels or [], texts.keys, 0.2, seed)[1]) for seed in range(5)}
    assert len(splits) == 5


def test_numbers_and_lists_are_split_without_strata() -> None:
    for labels in ([0.5 + i for i in range(20)], [["a"], []] * 10):
        train, dev = split_dev(labels, range(20), 0.25, 0)
        assert (len(train), len(dev)) == (15, 5)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        ({}, "takes either n or per_class"),
        ({"n": 2, "per_class": 2}, "takes either n or per_class"),
        ({"per_class": 0}, "draws at least 1 text, got n=None, per_class=0"),
        ({"per_class": -1}, "draws at least 1 text"),
        ({"n": 0}, "draws at least 1 text"),
        ({"n": 1}, "n must lie between the number of classes (2) and of texts (5), got 1"),
        ({"n": 6}, "n must lie between the number of classes (2) and of texts (5), got 6"),
        ({"per_class": 3}, "too few texts of 'c1' (2) for 3 of each class; draw fewer"),
        ({"n": 2, "seed": -1}, "seed must be 0 or more, got -1"),
    ],
)
def test_impossible_draws_say_why(draw: dict[str, Any], message: str) -> None:
    with pytest.raises(SpacetuneError, match=re.escape(message)):
        few_shot(labelled(3, 2), **draw)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_an_impossible_share_says_why(fraction: float) -> None:
    with pytest.raises(SpacetuneError, match="must lie between 0 and 1, got"):
        split_dev(["a", "b"] * 5, range(10), fraction, 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (LabelledTexts(["a", "b"]), "memory carries no labels"),
        (LabelledTexts(["a", "b"], [0.5, 1.0]), "needs one class per text, not numbers or lists"),
        (LabelledTexts(["a", "b"], [["x"], []]), "needs one class per text, not numbers or lists"),
    ],
)
def test_few_shot_needs_classes(data: LabelledTexts, message: str) -> None:
    with pytest.raises(SpacetuneError, match=re.escape(message)):
        few_shot(data, 2)


def test_a_few_shot_split_holds_every_class_twice() -> None:
    data = LabelledTexts([f"text {i}" for i in range(90)], ["a", "b", "c"] * 30)
    train, dev = few_shot_split(data, 24, dev_fraction=0.25, seed=3)
    assert (len(train), len(dev)) == (18, 6)
    assert set(train.labels or []) == set(dev.labels or []) == {"a", "b", "c"}
    assert not set(train.texts) & set(dev.texts)
    with pytest.raises(DataError, match="6 texts are too few to have each of 3 classes in training and in dev"):
        few_shot_split(data, 6)
    with pytest.raises(DataError, match="n must lie between the number of classes"):
        few_shot_split(data, 2)
