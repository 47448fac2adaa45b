"""The feature store: found by content, resumed after an interruption, damage detected, bounded in size."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.encoders import FeatureStore, StoredFeatures, TokenFeatures
from spacetune.encoders.store import feature_store
from spacetune.errors import UsageError
from spacetune.estimators import LinearProbeRegressor
from spacetune.studies import demo_texts

TEXTS = demo_texts("train").texts[:40]


@pytest.fixture(scope="module")
def encoder(narrow: Encoder) -> Encoder:
    return narrow


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path)


@pytest.fixture
def counted(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each pass of the encoder was given."""
    seen: list[int] = []
    original = Encoder.encode_runs

    def watch(self: Encoder, inputs: Any, **options: Any) -> Iterator[TokenFeatures]:
        seen.append(len(inputs))
        return original(self, inputs, **options)

    monkeypatch.setattr(Encoder, "encode_runs", watch)
    return seen


def take_all(source: Any) -> TokenFeatures:
    return source.take(torch.arange(len(source)))


def test_what_comes_back_is_what_the_encoder_gives(store: FeatureStore, encoder: Encoder) -> None:
    direct = encoder.encode(TEXTS, layers=[2, 6])
    for _ in range(2):
        found = take_all(store.encode(encoder, TEXTS, layers=[2, 6]))
        assert found.values.equal(direct.values)
        assert found.offsets.equal(direct.offsets)
        assert found.token_ids.equal(direct.token_ids)  # type: ignore[union-attr, arg-type]


def test_shuffled_subsets_and_repeats_hit(store: FeatureStore, encoder: Encoder, counted: list[int]) -> None:
    store.encode(encoder, TEXTS, layers="all")
    again = [TEXTS[7], TEXTS[3], TEXTS[7], *TEXTS[20:30]]
    found = take_all(store.encode(encoder, again, layers=[3]))
    assert counted == [len(TEXTS)]
    torch.testing.assert_close(found.values, encoder.encode(again, layers=[3]).values, atol=1e-5, rtol=1e-5)


def test_only_new_texts_are_encoded(store: FeatureStore, encoder: Encoder, counted: list[int]) -> None:
    store.encode(encoder, TEXTS[:10])
    store.encode(encoder, TEXTS[5:25])
    assert counted == [10, 15]


def test_another_process_finds_them(tmp_path: Path, encoder: Encoder, counted: list[int]) -> None:
    FeatureStore(tmp_path).encode(encoder, TEXTS)
    FeatureStore(tmp_path).encode(encoder, TEXTS[::-1])
    assert counted == [40]


def test_an_interrupted_run_goes_on_where_it_stopped(
    store: FeatureStore, encoder: Encoder, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spacetune.encoders.passes.frozen.RUN_TEXTS", 10)
    written: list[Path] = []
    original = feature_store.write_shard

    def stop_after_two(path: Path, *rest: Any) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        original(path, *rest)
        written.append(path)

    monkeypatch.setattr(feature_store, "write_shard", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        store.encode(encoder, TEXTS)
    monkeypatch.setattr(feature_store, "write_shard", original)
    store.encode(encoder, TEXTS)
    assert counted == [40, 20]


@pytest.mark.parametrize("where", [5, -5])
def test_damage_is_detected_named_and_made_good(
    tmp_path: Path, encoder: Encoder, caplog: pytest.LogCaptureFixture, where: int
) -> None:
    direct = take_all(FeatureStore(tmp_path).encode(encoder, TEXTS))
    [shard] = (tmp_path / "features").glob("*/*.safetensors")
    content = bytearray(shard.read_bytes())
    content[where] ^= 0xFF
    shard.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="spacetune"):
        again = take_all(FeatureStore(tmp_path).encode(encoder, TEXTS))
    assert shard.name in caplog.text
    assert "they are encoded again" in caplog.text
    assert again.values.equal(direct.values)


def test_settings_do_not_mix(store: FeatureStore, encoder: Encoder, counted: list[int]) -> None:
    short = Encoder.from_pretrained(encoder.source.folder, dtype="float32", max_length=8)
    store.encode(encoder, TEXTS)
    assert take_all(store.encode(short, TEXTS)).lengths.max() <= 8
    store.encode(encoder, [(t, t) for t in TEXTS])
    assert counted == [40, 40, 40]


def test_the_bound_removes_the_least_recently_used(tmp_path: Path, encoder: Encoder) -> None:
    store = FeatureStore(tmp_path, max_bytes=1)
    store.encode(encoder, TEXTS[:10])
    assert store.summary().n_shards == 1  # what was just asked for is kept
    store.encode(encoder, TEXTS[10:20])
    assert store.summary().n_shards == 1
    assert store.clear() > 0
    assert store.summary().n_bytes == 0


def test_features_over_the_bound_are_said_to_be(
    tmp_path: Path, encoder: Encoder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", logger="spacetune"):
        FeatureStore(tmp_path, max_bytes=100 << 20).encode(encoder, TEXTS)
        assert not caplog.records
        FeatureStore(tmp_path, max_bytes=1000).encode(encoder, TEXTS)
    assert "the store's bound is 1e-06 GB" in caplog.text


def test_the_environment_sets_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACETUNE_CACHE_GB", "2.5")
    assert FeatureStore(tmp_path).max_bytes == 2_500_000_000
    assert FeatureStore(tmp_path, max_bytes=7).max_bytes == 7
    for wrong in ("much", "0", "-1", "inf"):
        monkeypatch.setenv("SPACETUNE_CACHE_GB", wrong)
        with pytest.raises(UsageError, match=f"a number of gigabytes above 0, got '{wrong}'"):
            FeatureStore(tmp_path)


@pytest.mark.slow
def test_larger_than_memory_is_read_batch_by_batch(
    store: FeatureStore, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spacetune.encoders.store.settings.IN_MEMORY", 0)
    monkeypatch.setattr("spacetune.encoders.store.stored_features.FORGET_EVERY", 10_000)
    source = store.encode(encoder, TEXTS, layers=[1, 6])
    assert isinstance(source, StoredFeatures)
    direct = encoder.encode(TEXTS, layers=[1, 6])
    rows = torch.tensor([5, 0, 39, 5])
    assert source.take(rows).values.equal(direct.take(rows).values)
    assert source.shape == (2, encoder.dim)
    labels = demo_texts("train").labels[:40]  # type: ignore[index]
    on_disk = SpaceClassifier(encoder, layers=[6], n_epochs=2, store=store).fit(TEXTS, labels)
    in_memory = SpaceClassifier(encoder, layers=[6], n_epochs=2, store=None).fit(TEXTS, labels)
    assert (on_disk.predict_logits(TEXTS) == in_memory.predict_logits(TEXTS)).all()


def test_a_second_fit_does_no_encoder_work(store: FeatureStore, encoder: Encoder, counted: list[int]) -> None:
    data = demo_texts("train").take(range(48))
    SpaceClassifier(encoder, n_epochs=1, store=store).fit(data.texts, data.labels)
    SpaceClassifier(encoder, n_epochs=1, store=store, seed=4).fit(data.texts, data.labels)
    LinearProbe(encoder, store=store).fit(data.texts, data.labels)
    assert counted == [48]


def test_int8_keeps_every_token_close(tmp_path: Path, shallow: Encoder) -> None:
    small, full = FeatureStore(tmp_path / "a", form="int8"), FeatureStore(tmp_path / "b")
    a, b = (take_all(s.encode(shallow, TEXTS, layers="all")).values.float() for s in (small, full))
    assert torch.nn.functional.cosine_similarity(a, b, dim=-1).min() > 0.998
    assert small.summary().n_bytes < 0.3 * full.summary().n_bytes


def test_truncation_is_counted_from_the_store_too(store: FeatureStore, encoder: Encoder) -> None:
    short = Encoder.from_pretrained(encoder.source.folder, dtype="float32", max_length=8)
    for _ in range(2):
        source: Any = store.encode(short, ["hi", "a much longer text than eight tokens can hold"] * 2)
        assert source.provenance.n_truncated == 2


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_any_text_is_found_again(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    texts = [t for t in texts if not any(0xD800 <= ord(c) <= 0xDFFF for c in t)] or ["x"]
    first = take_all(store.encode(encoder, texts))
    second = take_all(store.encode(encoder, texts))
    assert first.values.equal(second.values)
    assert dataclasses.asdict(first.provenance) == dataclasses.asdict(second.provenance)  # type: ignore[arg-type]


def test_a_search_encodes_each_text_once(store: FeatureStore, tiny_encoder: Encoder, counted: list[int]) -> None:
    data = demo_texts("train").take(range(80))
    probe = LinearProbe(tiny_encoder, store=store, layers=-1)
    searched = GridSearchCV(probe, {"C": [0.01, 1.0]}, cv=4).fit(data.texts, data.labels)
    lengths = LinearProbeRegressor(tiny_encoder, store=store, layers=-1)
    assert np.isfinite(cross_val_score(lengths, data.texts, [len(text) for text in data.texts], cv=4)).all()
    assert sum(counted) == len(set(data.texts))
    for method in ("predict", "predict_proba", "decision_function"):
        assert len(cross_val_predict(probe, data.texts, data.labels, cv=4, method=method)) == len(data.texts)
    GridSearchCV(probe, {"C": [0.01, 1.0]}, cv=4, scoring="f1_macro").fit(data.texts, data.labels)
    assert sum(counted) == len(set(data.texts))
    best, held = searched.best_estimator_, [data.texts[:20], (data.labels or [])[:20]]
    assert best.score(*held) == np.mean(best.predict(held[0]) == np.asarray(held[1]))
    best.predict(data.texts[:2])
    assert sum(counted) == len(set(data.texts)) + 2, "what is too little for a fold is not kept"
