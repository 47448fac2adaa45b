"""Predictions, vectors and explanations of many texts: run by run, in the order given, equal texts once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, PrefixSimplexClassifier, SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.estimators import explaining
from spacetune.studies import demo_texts, embed_texts

TEXTS = [str(row) for row in demo_texts("test").inputs[:30]]
GIVEN = [*TEXTS, TEXTS[4], TEXTS[0]]


@pytest.fixture(scope="module")
def encoder(shallow: Encoder) -> Encoder:
    """Give one layer: what is held here holds on any real states."""
    return shallow


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> SpaceClassifier:
    train = demo_texts("train")
    return SpaceClassifier(encoder, n_epochs=1, store=None).fit(train.inputs[:40], (train.labels or [])[:40])


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts' features were held at a time, where a run takes seven."""
    seen: list[int] = []
    original = Encoder.encode_runs

    def watch(self: Encoder, inputs: Any, **options: Any) -> Iterator[TokenFeatures]:
        for run in original(self, inputs, **options):
            seen.append(len(run))
            yield run

    monkeypatch.setattr(Encoder, "encode_runs", watch)
    monkeypatch.setattr("spacetune.encoders.passes.frozen.RUN_TEXTS", 7)
    return seen


def test_logits_are_read_run_by_run(model: SpaceClassifier, held: list[int]) -> None:
    read = model.read(GIVEN)
    assert held == [7, 7, 7, 7, 2]
    whole = model.encoder_.encode(GIVEN, layers=model.layers_ or -1)
    np.testing.assert_allclose(read.logits, model.predict_logits(whole), atol=1e-5)
    assert read.n_tokens.tolist() == whole.lengths.tolist()
    assert not read.truncated.any()


def test_a_text_is_predicted_alike_wherever_it_stands(model: SpaceClassifier) -> None:
    logits = model.predict_logits(GIVEN)
    assert np.array_equal(logits[4], logits[30])
    assert np.array_equal(logits[0], logits[31])


def test_vectors_are_made_run_by_run(encoder: Encoder, held: list[int]) -> None:
    found = embed_texts(encoder, GIVEN, normalize=False)
    assert held == [7, 7, 7, 7, 2]
    np.testing.assert_allclose(found.vectors, encoder.encode(GIVEN).means()[:, 0].numpy(), atol=1e-5)
    assert found.n_truncated == 0


def test_explanations_come_a_few_at_a_time(model: SpaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    together = model.explain(GIVEN[:10])
    monkeypatch.setattr(explaining, "CHARACTERS", 300)
    apart = model.explain(GIVEN[:10])
    assert [one.text for one in apart] == GIVEN[:10]
    for a, b in zip(apart, together, strict=True):
        np.testing.assert_allclose(a.token_scores, b.token_scores, atol=1e-5)


def test_prefixes_read_a_few_at_a_time(tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    train = demo_texts("train")
    model = PrefixSimplexClassifier(tiny_encoder, n_vertices=2, n_epochs=1).fit(
        train.inputs[:24], (train.labels or [])[:24]
    )
    together = model.predict_logits(GIVEN)
    monkeypatch.setattr("spacetune.estimators.reading.CHUNK_TEXTS", 5)
    np.testing.assert_allclose(model.predict_logits(GIVEN), together, atol=1e-4)
