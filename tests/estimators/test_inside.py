"""Something learnt inside the encoder under spaces: layers over stored states, low rank, prefixes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.estimators.marked import texts_with_marks
from tests.marked_texts import marked_texts

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.encoders import FeatureStore
from spacetune.errors import DataError, UsageError
from spacetune.estimators import SpaceRegressor, load_estimator
from spacetune.studies import demo_texts

FRESH = demo_texts("test").take(range(12))
QUICK: dict[str, Any] = {"n_epochs": 3, "n_latent": 4, "store": None, "lexicon": False, "n_validation_samples": 0}
HARD: dict[str, Any] = {**QUICK, "n_epochs": 4, "encoder_learning_rate": 0.01, "learning_rate": 1e-3, "dropout": 0.0}
"""So that layers of 16 learn something in four epochs that the head alone has not."""
WAYS = ("top", "all", "lora", "prefix")
MARKED, LABELS = texts_with_marks(96)


@pytest.fixture(params=["top", "lora", *(pytest.param(way, marks=pytest.mark.slow) for way in ("all", "prefix"))])
def inside(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def fitted(inside: str, tiny_encoder: Encoder, done: dict[str, Any]) -> Any:
    if inside not in done:
        done[inside] = SpaceClassifier(tiny_encoder, inside=inside, **HARD).fit(MARKED, LABELS)
    return done[inside]


@pytest.fixture(scope="module")
def done() -> dict[str, Any]:
    return {}


def test_it_reads_other_states_than_the_frozen_encoder(fitted: Any, tiny_encoder: Encoder) -> None:
    assert fitted.learnt_.model.adapter is not None
    frozen = tiny_encoder.single_pass.encode(FRESH.texts, layers=fitted.layers_)
    own = fitted.features(FRESH.texts)
    assert not torch.allclose(own.values[:, -1], frozen.values[:, -1], atol=1e-3)


def test_saved_loaded_and_pickled_it_predicts_the_same(fitted: Any, tiny_encoder: Encoder, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m", encoder=tiny_encoder)
    expected = fitted.predict_logits(FRESH.texts)
    np.testing.assert_allclose(again.predict_logits(FRESH.texts), expected, rtol=1e-12)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_logits(FRESH.texts), expected)
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    again.save_pretrained(tmp_path / "n")
    assert (tmp_path / "n" / "model.safetensors").read_bytes() == (tmp_path / "m" / "model.safetensors").read_bytes()


def test_its_explanations_add_up_and_company_changes_nothing(fitted: Any) -> None:
    assert fitted.explain(FRESH.texts).check() <= 1e-4
    alone = np.concatenate([fitted.predict_logits([text]) for text in FRESH.texts])
    np.testing.assert_allclose(fitted.predict_logits(FRESH.texts), alone, atol=1e-5)


@pytest.mark.slow
def test_the_same_seed_learns_the_same(inside: str, tiny_encoder: Encoder) -> None:
    some, labels = MARKED[:48], LABELS[:48]
    before = torch.get_rng_state()
    first, second = (SpaceClassifier(tiny_encoder, inside=inside, **HARD).fit(some, labels) for _ in range(2))
    np.testing.assert_array_equal(first.predict_logits(FRESH.texts), second.predict_logits(FRESH.texts))
    assert torch.equal(before, torch.get_rng_state())


def test_features_and_embeddings_are_refused_where_layers_are_tuned(
    fitted: Any, inside: str, tiny_encoder: Any
) -> None:
    with pytest.raises(DataError, match="token features were made without what this model learns inside"):
        SpaceClassifier(tiny_encoder, inside=inside, **QUICK).fit(tiny_encoder.encode(MARKED), LABELS)
    if inside in ("top", "all"):
        with pytest.raises(DataError, match="ready embeddings have no layers to tune"):
            SpaceClassifier(tiny_encoder, inside=inside, **QUICK).fit(np.ones((96, 16)), LABELS)
    with pytest.raises(DataError, match="made without what this model learns inside"):
        fitted.predict(tiny_encoder.encode(FRESH.texts))


@pytest.mark.slow
@pytest.mark.parametrize("way", ["top", "all"])
def test_an_interrupted_tuning_goes_on_as_if_it_had_not_been(
    way: str, tiny_encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spacetune.fitting import loop

    def model() -> SpaceClassifier:
        return SpaceClassifier(tiny_encoder, inside=way, **HARD)

    dev = texts_with_marks(24, seed=2)
    whole = model().fit(MARKED, LABELS, dev=dev).predict_logits(FRESH.texts)
    one_epoch, calls = loop._one_epoch, []

    def stopped(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 7:  # four epochs of the head, and three of the layers
            raise RuntimeError("power cut")
        return one_epoch(*given)

    monkeypatch.setattr(loop, "_one_epoch", stopped)
    with pytest.raises(RuntimeError, match="power cut"):
        model().fit(MARKED, LABELS, dev=dev, checkpoint=tmp_path / "state")
    assert (tmp_path / "state").exists()
    resumed = model().fit(MARKED, LABELS, dev=dev, checkpoint=tmp_path / "state")
    np.testing.assert_array_equal(resumed.predict_logits(FRESH.texts), whole)
    assert len(calls) == 7 + 4 + 2


def test_where_tuning_helps_nothing_the_encoder_stays_as_it_is(tiny_encoder: Encoder) -> None:
    model = SpaceClassifier(
        tiny_encoder, inside="top", **{**QUICK, "encoder_learning_rate": 1e-30, "learning_rate": 1e-30}
    )
    model.fit(MARKED, LABELS)
    assert model.history_ is not None
    assert model.history_.best_epoch == 0
    assert model.learnt_.model.adapter is None
    assert model.encoder_.source is tiny_encoder.source


@pytest.mark.slow
def test_refit_tunes_again_by_what_was_chosen(tiny_encoder: Encoder) -> None:
    model = SpaceClassifier(tiny_encoder, inside="top", **HARD)
    model.fit(MARKED[:40], LABELS[:40], dev=(MARKED[40:], LABELS[40:]))
    before = model.predict_logits(FRESH.texts)
    model.refit(MARKED, LABELS)
    assert model.learnt_.model.adapter is not None
    assert not np.allclose(model.predict_logits(FRESH.texts), before)
    assert model.explain(FRESH.texts).check() <= 1e-4


@pytest.mark.slow
def test_a_lexicon_beside_tuned_layers_adds_up(tiny_encoder: Encoder) -> None:
    data = marked_texts(240)
    model = SpaceClassifier(tiny_encoder, inside="top", **{**HARD, "lexicon": True}).fit(data.texts, data.labels)
    assert model.lexicon_ is not None
    assert model.learnt_.model.adapter is not None
    assert model.explain(FRESH.texts).check() <= 1e-4


@pytest.mark.slow
def test_numbers_are_predicted_over_tuned_layers(tiny_encoder: Encoder, tmp_path: Path) -> None:
    numbers = [float(label) for label in LABELS]
    model = SpaceRegressor(tiny_encoder, inside="top", n_epochs=3, n_latent=4, store=None, encoder_learning_rate=0.01)
    model.fit(MARKED, numbers)
    model.save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m", encoder=tiny_encoder)
    np.testing.assert_allclose(model.predict(FRESH.texts), again.predict(FRESH.texts), rtol=1e-12)


@pytest.mark.slow
def test_several_labels_are_learnt_over_tuned_layers(tiny_encoder: Encoder) -> None:
    several = [[str(label), "even"] if i % 3 else [str(label)] for i, label in enumerate(LABELS)]
    model = SpaceClassifier(tiny_encoder, inside="top", **HARD).fit(MARKED, several)
    assert model.predict_proba(FRESH.texts).shape == (len(FRESH), 3)
    assert model.explain(FRESH.texts).check() <= 1e-4


@pytest.mark.slow
def test_layers_below_come_from_the_store(tiny_encoder: Encoder, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    SpaceClassifier(tiny_encoder, inside="top", **{**HARD, "store": store}).fit(MARKED, LABELS)
    held = store.summary()
    model = SpaceClassifier(tiny_encoder, inside="top", **{**HARD, "store": store}).fit(MARKED, LABELS)
    assert str(store.summary()) == str(held)
    model.features(FRESH.texts)  # of the tuned encoder: not kept
    assert str(store.summary()) == str(held)


PROBE: dict[str, Any] = {"inside_epochs": 4, "encoder_learning_rate": 0.01, "store": None, "seed": 1}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["top", "all"])
def test_a_linear_head_over_tuned_layers(way: Any, tiny_encoder: Encoder, tmp_path: Path) -> None:
    models = [LinearProbe(tiny_encoder, inside=way, **PROBE).fit(MARKED, LABELS, dev=(MARKED, LABELS)) for _ in "ab"]
    expected = models[0].predict_logits(FRESH.texts)
    np.testing.assert_array_equal(expected, models[1].predict_logits(FRESH.texts))
    models[0].save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m", encoder=tiny_encoder)
    np.testing.assert_allclose(again.predict_logits(FRESH.texts), expected, rtol=1e-12)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(models[0])).predict_logits(FRESH.texts), expected)
    assert models[0].explain(FRESH.texts).check() <= 1e-5
    models[0].refit(MARKED, LABELS)
    assert models[0].score(MARKED, LABELS) > 0.9


def test_a_probe_keeps_the_frozen_encoder_where_tuning_helps_nothing(
    tiny_encoder: Encoder, caplog: pytest.LogCaptureFixture
) -> None:
    still = LinearProbe(tiny_encoder, inside="top", **{**PROBE, "encoder_learning_rate": 1e-30, "inside_epochs": 1})
    still.fit(MARKED, LABELS)
    plain = LinearProbe(tiny_encoder.single_pass, store=None, layers=(1, 2), seed=1).fit(MARKED, LABELS)
    assert still.learnt_.model.adapter is None
    assert "tuning did no better on dev than the probe" in caplog.text
    np.testing.assert_allclose(still.predict_logits(FRESH.texts), plain.predict_logits(FRESH.texts), atol=1e-8)


@pytest.mark.slow
def test_sizes(tiny_encoder: Encoder, tmp_path: Path) -> None:
    for inside, size, name, shape in (
        ("lora", 3, "prefix.down", (2, 2, 1, 3, 16)),
        ("top", 1, "layers.2.query.weight", (16, 16)),
    ):
        model = SpaceClassifier(tiny_encoder, inside=inside, inside_size=size, **HARD).fit(MARKED, LABELS)
        assert model.learnt_.tensors[name].shape == shape
    assert not any(name.startswith("layers.1.") for name in model.learnt_.arrays)
    counted = SpaceClassifier(tiny_encoder, inside="top", inside_size=np.int64(1), **HARD)  # as a grid search gives it
    assert counted.method().reading.above(2) == 1
    assert counted.method().reading.above(12) == 11
    model.save_pretrained(tmp_path / "m")
    learned = json.loads((tmp_path / "m" / "config.json").read_text())["learned"]
    assert (learned["adapter"], learned["above"]) == ("layers", 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inside": "middle"}, "inside must be top, all, lora, prefix or None, got 'middle'"),
        ({"inside_size": 2}, "inside_size goes with inside='top', 'lora' or 'prefix', not with inside=None"),
        ({"inside": "all", "inside_size": 2}, "not with inside='all'"),
        ({"inside": "top", "inside_size": 3}, "inside_size must be at most 2, the encoder's layers, got 3"),
        ({"inside": "top", "n_vertices": 2}, "train one head"),
        ({"inside": "top", "train_encoder": True}, "without train_encoder"),
        ({"inside": "lora", "train_encoder": True}, "leave train_encoder out"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str, tiny_encoder: Encoder) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        SpaceClassifier(tiny_encoder, **{**QUICK, **settings}).fit(MARKED, LABELS)


def test_a_probe_takes_layers_only(tiny_encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="a probe learns inside='top' or inside='all', not 'lora'"):
        LinearProbe(tiny_encoder, inside="lora").fit(MARKED, LABELS)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="inside_size goes with inside='top'"):
        LinearProbe(tiny_encoder, inside_size=1).fit(MARKED, LABELS)
    with pytest.raises(UsageError, match="inside_epochs is for layers that are tuned"):
        LinearProbe(tiny_encoder, inside_epochs=1).fit(MARKED, LABELS)


@pytest.mark.slow
def test_a_long_text_is_read_in_one_window(tiny_encoder: Encoder) -> None:
    model = SpaceClassifier(tiny_encoder, inside="top", **HARD).fit(MARKED, LABELS)
    read = model.read(["word " * 500])
    assert read.truncated.tolist() == [True]
    assert read.n_tokens.tolist() == [tiny_encoder.max_length]
    assert LinearProbe(tiny_encoder, store=None).fit(MARKED, LABELS).read(["word " * 500]).n_tokens[0] > 64
