"""Counted words: every class keeps its column, and what decides is chosen on dev."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune import LabelledTexts
from spacetune.fitting import MultiLabel, Regression, SingleLabel, Task
from spacetune.studies.fit.baselines import TfidfBaseline

THINGS = {"fruit": "banana cherry", "metal": "copper silver", "cloth": "velvet linen"}


def texts_of(*names: str, n: int = 6) -> LabelledTexts:
    rows = [(f"a {THINGS[name].split()[i % 2]} number {i}", name) for i in range(n) for name in names]
    return LabelledTexts([text for text, _ in rows], [name for _, name in rows])


def test_a_class_that_is_missing_from_training_leaves_the_others_in_their_columns() -> None:
    task = SingleLabel(["cloth", "fruit", "metal"])
    words = TfidfBaseline(task).fit(texts_of("cloth", "metal"), texts_of("cloth", "metal"))
    logits = words.logits(["velvet", "silver", "copper"])
    assert logits is not None
    assert logits.argmax(1).tolist() == [0, 2, 2]
    assert (logits[:, 1] < -1e6).all()
    np.testing.assert_allclose(np.exp(logits).sum(1), 1)


def test_one_label_alone_is_one_column() -> None:
    named = texts_of("fruit", "metal")
    data = LabelledTexts(named.texts, [["fruit"] if name == "fruit" else [] for name in named.labels or []])
    for told in (data, LabelledTexts(data.texts, [["fruit"]] * len(data))):
        words = TfidfBaseline(MultiLabel(["fruit"])).fit(told, told)
        logits = words.logits(told.inputs)
        assert logits is not None
        assert logits.shape == (len(told), 1)
        assert words.task.scores(logits, words.task.targets(told.labels or []).numpy())["accuracy"] == 1


def test_the_strength_is_the_one_that_dev_likes_best_and_a_refit_keeps_it() -> None:
    task = SingleLabel(["cloth", "fruit", "metal"])
    train = texts_of("cloth", "fruit", "metal")
    words = TfidfBaseline(task).fit(train, train)
    assert words._C == 10.0  # on what it learnt from the weaker penalty is surer
    more = texts_of("cloth", "fruit", "metal", n=9)
    again = words.refit(more).logits(more.inputs)
    assert again is not None
    alone = TfidfBaseline(task).fit(more, more)
    assert alone._C == 10.0
    np.testing.assert_allclose(again, alone.logits(more.inputs))


def test_numbers_are_standardised() -> None:
    values = [10.0 + 4 * (i % 3) for i in range(18)]
    data = LabelledTexts(texts_of(*THINGS).texts, values)
    task = Regression.of(values)
    logits = TfidfBaseline(task).fit(data, data).logits(data.inputs)
    assert logits is not None
    assert logits.shape == (18, 1)
    assert np.abs(task.labels(logits) - np.array(values)).max() < 1.0


def test_texts_without_a_word_are_not_counted() -> None:
    empty = LabelledTexts(["", " "], ["fruit", "metal"])
    assert TfidfBaseline(SingleLabel(["fruit", "metal"])).fit(empty, empty).logits(["banana"]) is None


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        (SingleLabel(["fruit", "metal"]), ["fruit", "metal"]),
        (MultiLabel(["fruit", "metal"]), [["fruit"], ["metal"]]),
        (Regression(0.0, 1.0), [-1.0, 1.0]),
    ],
    ids=lambda given: getattr(given, "kind", ""),
)
def test_where_labels_disagree_the_heavier_wins(task: Task, labels: list[Any]) -> None:
    for heavy in (0, 1):
        weights = np.tile(np.where(np.arange(2) == heavy, 9.0, 1.0), 6)
        data = LabelledTexts(["copper"] * 12, labels * 6, weights=weights)
        logits = TfidfBaseline(task).fit(data, data).logits(["copper"])
        assert logits is not None
        won = logits.argmax() if task.n_outputs == 2 else logits.item() > 0
        assert won == heavy
