"""Words and exactness: scores add up on real texts, spans cut the right characters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacetune import Encoder, SpaceClassifier, read_texts
from spacetune.explanations import group_words
from spacetune.studies import demo_texts


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> SpaceClassifier:
    data = demo_texts("train").take(range(200))
    return SpaceClassifier(shallow, n_epochs=3).fit(data.texts, data.labels)


@pytest.mark.slow
def test_additivity_on_real_texts(model: SpaceClassifier, shared: Path) -> None:
    texts = read_texts(shared / "data" / "sma" / "train.jsonl.gz").texts[:100]
    assert model.explain(texts).check() <= 1e-4


def test_hard_texts(model: SpaceClassifier) -> None:
    texts = ["", "   ", "😀😀 naïve café", "شكرا جزيلا", "<script>alert(1)</script>", "word " * 400, "ﬁne ½ ①"]
    for one in model.explain(texts):
        assert one.check() <= 1e-4 * max(1.0, float(np.abs(one.logits).max()))
        for word in one.words():
            if word["part"] == 0:
                assert one.text[word["start"] : word["stop"]] == word["word"]


def test_results_are_json(model: SpaceClassifier) -> None:
    explanation = model.explain(["my parcel is late", "refund please"])
    told = json.loads(explanation.to_json())
    assert told["texts"][0]["words"][0]["word"] == "my"
    assert {"token", "start", "stop"} <= set(explanation.rows()[0])
    assert len(explanation[:1]) == 1
    one = explanation[0]
    assert one.rows()[-1] == {
        "token": "[bias]",
        "start": -1,
        "stop": -1,
        **dict(zip(one.classes, one.bias, strict=True)),
    }
    for name, logit in zip(one.classes, one.logits, strict=True):
        assert sum(row[name] for row in one.rows()) == pytest.approx(logit, abs=1e-4)


@given(st.text(max_size=60))
def test_every_word_is_cut_from_the_text(text: str) -> None:
    spans, _ = group_words(text, np.zeros((0, 2), dtype=int))
    assert all(0 <= a < b <= len(text) and text[a:b].strip() == text[a:b] for a, b in spans)
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(len(spans) - 1))
