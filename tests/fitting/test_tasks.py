"""Where decisions need more than logits: the threshold of several labels is dev's, never that of the texts scored."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune import Encoder, LabelledTexts, SpaceClassifier
from spacetune.fitting import MultiLabel, Regression, SingleLabel, best_threshold
from spacetune.fitting.scores import multilabel_scores
from spacetune.studies import score_model
from spacetune.studies.fit.baselines import TfidfBaseline

rng = np.random.default_rng(0)
TRUTH = (rng.random((60, 3)) < 0.4).astype(np.float32)
LOGITS = TRUTH * 2 + rng.standard_normal((60, 3))
COLOURS, SHAPES = ["red", "blue"], ["cube", "ball"]


def test_a_settled_task_decides_by_the_threshold_of_dev() -> None:
    task = MultiLabel("abc")
    settled = task.settled(LOGITS[:30] + 5, TRUTH[:30])  # dev's logits lie five higher
    assert settled.threshold == best_threshold(LOGITS[:30] + 5, TRUTH[:30])
    assert settled.scores(LOGITS, TRUTH) == multilabel_scores(TRUTH, (settled.threshold <= LOGITS).astype(np.float32))
    assert settled.scores(LOGITS, TRUTH)["macro_f1"] < task.scores(LOGITS, TRUTH)["macro_f1"] - 0.2


@pytest.mark.parametrize("task", [SingleLabel("ab"), Regression(0.0, 1.0)])
def test_other_tasks_have_nothing_to_settle(task: SingleLabel | Regression) -> None:
    assert task.settled(LOGITS, TRUTH) is task


def things(n: int, shift: int = 0) -> LabelledTexts:
    picked = [(COLOURS[(i + shift) % 2], SHAPES[(i // 2) % 2]) for i in range(n)]
    return LabelledTexts([f"a {c} {s} number {i}" for i, (c, s) in enumerate(picked)], [list(p) for p in picked])


def test_a_fitted_model_is_scored_at_its_own_threshold(shallow: Encoder) -> None:
    data = things(40)
    model = SpaceClassifier(shallow, n_epochs=2, n_latent=4, store=None).fit(data.inputs, data.labels)
    assert model.task_.threshold == model.task_.threshold  # type: ignore[union-attr]
    model.task_.threshold = 1e9  # nothing is given any label
    assert score_model(model, things(8)).scores["macro_f1"] == 0


def test_counted_words_are_scored_at_the_threshold_of_dev() -> None:
    train, dev = things(40), things(12, 1)
    task = MultiLabel(sorted({*COLOURS, *SHAPES}))
    words = TfidfBaseline(task).fit(train, dev)
    dev_logits = words.logits(dev.inputs)
    assert dev_logits is not None
    assert words.task.threshold == best_threshold(dev_logits, task.targets(dev.labels or []).numpy())


def test_the_majority_is_that_of_what_texts_weigh() -> None:
    light, heavy = np.array([0, 0, 1]), np.array([1.0, 1.0, 5.0])
    assert SingleLabel(["a", "b"]).baseline(light, light, heavy, heavy)["accuracy"] == pytest.approx(5 / 7)
    sets = np.eye(2, dtype=int)[light]
    assert MultiLabel(["a", "b"]).baseline(sets, sets, heavy, heavy)["accuracy"] == pytest.approx(5 / 7)
    assert Regression(0, 1).baseline(light * 1.0, light * 1.0, heavy, heavy)["r2"] == pytest.approx(0.0)


def test_numbers_of_the_smallest_spread_keep_their_scale() -> None:
    task = Regression.of([0.0, 2e-300])
    assert (task.mean, task.scale) == (pytest.approx(1e-300), pytest.approx(1e-300))
