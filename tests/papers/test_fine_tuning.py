"""The fine-tuning of the benchmarks learns, and its batches hold every text once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spacetune import Encoder
from spacetune.studies.demo_data import demo_texts

pytest.importorskip("benchmarks.fine_tuning", reason="run from the root of the checkout")

from benchmarks.fine_tuning import Recipe, _batches, fine_tune


def test_texts_of_like_length_come_together_and_each_once() -> None:
    texts = ["x" * n for n in np.random.default_rng(0).integers(1, 200, 83)]
    batches = list(_batches(texts, 8, alike=True))
    assert sorted(torch.cat(batches).tolist()) == list(range(83))
    assert np.mean([np.ptp([len(texts[i]) for i in batch.tolist()]) for batch in batches]) < 40


def test_it_learns() -> None:
    train, dev = demo_texts("train"), demo_texts("dev")
    wanted = sorted(set(train.labels or []))[:2]
    parts = [part.take([i for i, y in enumerate(part.labels or []) if y in wanted]) for part in (train, dev)]
    short = Encoder.from_pretrained(max_length=12, dtype="float32")  # a quarter of the work
    proba, classes = fine_tune(short, *parts, Recipe(3e-4, 1, 16, alike=True, dtype=torch.bfloat16), seed=0)
    p = proba(parts[1].inputs)
    assert classes == wanted
    np.testing.assert_allclose(p.sum(1), 1)
    right = [wanted[i] == label for i, label in zip(p.argmax(1), parts[1].labels or [], strict=True)]
    assert np.mean(right) > 0.85
