"""Pairs whose texts are read apart: each different text once, explained token by token, saved and loaded."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from tests.estimators.marked import texts_with_marks

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.encoders import FeatureStore, LayerChanges
from spacetune.errors import DataError, UsageError
from spacetune.estimators import LinearProbeRegressor, SpaceRegressor, load_estimator
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.heads import PairHead
from spacetune.model_folder.saved_model import config_digest
from spacetune.studies import demo_texts

TEXTS = demo_texts("train").texts[:40]
FRESH = [(a, b) for a, b in zip(demo_texts("test").texts[:6], demo_texts("test").texts[3:9], strict=True)]
SAME = [(text, text) for text in TEXTS]
PAIRS: list[Any] = [*SAME, *zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True)]
LABELS = ["same"] * 40 + ["other"] * 40


@pytest.fixture(scope="module")
def fitted(small: Encoder) -> LinearProbe:
    return LinearProbe(small, pairs="apart", store=None).fit(PAIRS, LABELS)


@pytest.fixture(scope="module")
def small(tiny_encoder: Encoder) -> Encoder:
    return tiny_encoder


def test_what_reading_together_cannot_see_is_learnt(fitted: LinearProbe, small: Encoder) -> None:
    assert fitted.score(PAIRS, LABELS) > 0.9
    again = clone(fitted).fit(PAIRS, LABELS)
    np.testing.assert_array_equal(again.predict_logits(FRESH), fitted.predict_logits(FRESH))
    assert fitted.predict_proba([("one text", "one text")])[0][list(fitted.classes_).index("same")] > 0.5


def test_each_different_text_goes_through_the_encoder_once(small: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    runs = Encoder.encode_runs

    def counted(self: Encoder, inputs: Any, **given: Any) -> Any:
        seen.extend(inputs)
        return runs(self, inputs, **given)

    monkeypatch.setattr(Encoder, "encode_runs", counted)
    model = LinearProbe(small, pairs="apart", store=None, dev_fraction=0.2).fit(PAIRS, LABELS)
    assert sorted(seen) == sorted(TEXTS)
    seen.clear()
    model.predict(PAIRS)
    assert sorted(seen) == sorted(TEXTS)


def test_the_store_keeps_the_texts_and_not_the_pairs(small: Encoder, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    first = LinearProbe(small, pairs="apart", store=store).fit(PAIRS, LABELS)
    held = str(store.summary())
    other = [(b, a) for a, b in PAIRS]
    LinearProbe(small, pairs="apart", store=store).fit(other, LABELS)
    assert str(store.summary()) == held
    plain = LinearProbe(small, pairs="apart", store=None).fit(PAIRS, LABELS)
    np.testing.assert_allclose(first.predict_logits(FRESH), plain.predict_logits(FRESH), atol=1e-5)


def test_explanations_add_up_over_both_texts(fitted: LinearProbe) -> None:
    explained = fitted.explain(FRESH)
    assert explained.check() <= 1e-6
    one = explained[0]
    words = one.words()
    assert {w["part"] for w in words} == {-1, 0, 1}
    assert all(one.text[w["part"]][w["start"] : w["stop"]] == w["word"] for w in words if w["part"] >= 0)
    assert [row["part"] for row in one.rows()] == [*one.parts.tolist(), -1]
    column = one.column(one.predicted)
    assert sum(w["score"] for w in words) + one.bias[column] == pytest.approx(one.logits[column], abs=1e-6)


def test_company_changes_nothing_and_order_only_if_it_may(small: Encoder, fitted: LinearProbe) -> None:
    alone = np.concatenate([fitted.predict_logits([pair]) for pair in FRESH])
    np.testing.assert_allclose(alone, fitted.predict_logits(FRESH), atol=1e-5)
    swapped = [(b, a) for a, b in FRESH]
    even = LinearProbe(small, pairs="apart", symmetric=True, store=None).fit(PAIRS, LABELS)
    np.testing.assert_allclose(even.predict_logits(swapped), even.predict_logits(FRESH), atol=1e-5)
    uneven = LinearProbe(small, pairs="apart", symmetric=False, store=None).fit(PAIRS, LABELS)
    assert not np.allclose(uneven.predict_logits(swapped), uneven.predict_logits(FRESH), atol=1e-3)


def test_a_direction_is_found_where_there_is_one(small: Encoder) -> None:
    longer: list[Any] = [(a, b) for a in TEXTS[:14] for b in TEXTS[:14] if len(a) != len(b)]
    labels = ["longer" if len(a) > len(b) else "shorter" for a, b in longer]
    model = LinearProbe(small, pairs="apart", store=None, seed=1).fit(longer, labels)
    assert not model.learnt_.chosen.symmetric
    assert model.score(longer, labels) > 0.8


def test_saved_loaded_pickled_and_refitted(fitted: LinearProbe, small: Encoder, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m", encoder=small)
    expected = fitted.predict_logits(FRESH)
    np.testing.assert_allclose(again.predict_logits(FRESH), expected, rtol=1e-12)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_logits(FRESH), expected)
    assert again.explain(FRESH).check() <= 1e-6
    once_more = clone(fitted).fit(PAIRS[:60], LABELS[:60], dev=(PAIRS[60:], LABELS[60:])).refit(PAIRS, LABELS)
    assert once_more.score(PAIRS, LABELS) > 0.9


def test_a_model_saved_before_reads_pairs_as_one_text(small: Encoder, tmp_path: Path) -> None:
    together = LinearProbe(small, pairs="together", store=None).fit(PAIRS, LABELS)
    together.save_pretrained(tmp_path / "m")
    file = tmp_path / "m" / "config.json"
    config = json.loads(file.read_text())
    for name in ("pairs", "symmetric"):
        del config["settings"][name]
    file.write_text(json.dumps({**config, "digest": config_digest(config)}))
    again = load_estimator(tmp_path / "m", encoder=small)
    assert again.get_params()["pairs"] == "together"
    np.testing.assert_allclose(again.predict_logits(FRESH), together.predict_logits(FRESH), rtol=1e-12)


def test_numbers_and_long_and_empty_texts(small: Encoder) -> None:
    numbers = [1.0] * 40 + [0.0] * 40
    model = LinearProbeRegressor(small, pairs="apart", store=None).fit(PAIRS, numbers)
    assert np.corrcoef(model.predict(PAIRS), numbers)[0, 1] > 0.9
    odd = [("", ""), ("a", ""), ("word " * 3000, "word " * 3000)]
    assert np.isfinite(model.predict(odd)).all()
    assert model.explain(odd[:2]).check() <= 1e-6
    assert model.read(odd).n_tokens[2] > 2 * small.max_length  # in windows, as single texts are


@pytest.mark.parametrize(
    ("kind", "settings"),
    [(LinearProbeRegressor, {}), (SpaceRegressor, {"n_latent": 4, "n_epochs": 4, "learning_rate": 0.1})],
)
def test_similarity_is_that_of_every_pair(kind: Any, settings: dict[str, Any], small: Encoder) -> None:
    numbers = [1.0] * 40 + [0.0] * 40
    model = kind(small, pairs="apart", symmetric=False, store=None, **settings).fit(PAIRS, numbers)
    first, second = TEXTS[:5], TEXTS[3:7]
    found = model.similarity(first, second)
    assert len(model.head_.parts) == (2 if settings else 1)
    expected = model.predict([(a, b) for a in first for b in second]).reshape(5, 4)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    together = kind(small, pairs="together", store=None, **settings).fit(PAIRS, numbers)
    with pytest.raises(UsageError, match="similarity needs a model of pairs read apart"):
        together.similarity(first, second)
    with pytest.raises(DataError, match="texts on both sides, got 0 and"):
        model.similarity([], second)


def marked_pairs() -> tuple[list[Any], list[str]]:
    """Do both texts hold marks of one kind?"""
    texts, kinds = texts_with_marks(96)
    places = [(i, (7 * i + step) % 96) for step in (0, 1) for i in range(96)]
    return [(texts[i], texts[j]) for i, j in places], ["same" if kinds[i] == kinds[j] else "other" for i, j in places]


@pytest.fixture(scope="module")
def spaces(small: Encoder) -> SpaceClassifier:
    model = SpaceClassifier(
        small, n_latent=4, learning_rate=0.3, n_epochs=8, weight_decay=0.0, symmetric=True, store=None
    )
    return model.fit(*marked_pairs())


def test_spaces_meet_beside_the_linear_head(spaces: SpaceClassifier, small: Encoder) -> None:
    pairs, labels = marked_pairs()
    head = spaces.head_
    assert isinstance(head, PairHead)
    linear, centroids = head.parts
    assert linear.text_mean.spaces is None
    assert centroids.text_mean.spaces is not None
    assert centroids.text_mean.spaces.operators.shape[1:3] == (2, 4)
    history = spaces.history_
    assert history is not None
    start, kept = history.epochs[0], history.epochs[history.best_epoch]
    assert start.epoch == 0
    assert kept.scores["neg_log_loss"] > start.scores["neg_log_loss"]
    alone = LinearProbe(small, pairs="apart", symmetric=True, store=None).fit(pairs, labels)
    assert spaces.score(pairs, labels) > alone.score(pairs, labels)


def test_spaces_that_meet_are_explained_at_every_place(spaces: SpaceClassifier) -> None:
    for at in ("states", "input", "both"):
        explained = spaces.explain([*FRESH, ("", "one"), ("same", "same")], at=at)
        assert explained.check() <= 1e-5
        np.testing.assert_allclose(explained[0].logits, spaces.predict_logits(FRESH)[0], atol=1e-5)
    assert spaces.explain(FRESH)[0].meetings


def test_spaces_that_meet_do_what_every_model_does(spaces: SpaceClassifier, small: Encoder, tmp_path: Path) -> None:
    expected = spaces.predict_logits(FRESH)
    np.testing.assert_allclose(spaces.predict_logits([(b, a) for a, b in FRESH]), expected, atol=1e-5)
    np.testing.assert_allclose(spaces.predict_logits(FRESH[2:3]), expected[2:3], atol=1e-5)
    spaces.save_pretrained(tmp_path / "m")
    np.testing.assert_allclose(load_estimator(tmp_path / "m", encoder=small).predict_logits(FRESH), expected, atol=1e-6)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(spaces)).predict_logits(FRESH), expected, atol=1e-6)
    pairs, labels = marked_pairs()
    again = clone(spaces).fit(pairs[:160], labels[:160], dev=(pairs[160:], labels[160:])).refit(pairs, labels)
    assert again.score(pairs, labels) > 0.5
    with pytest.raises(UsageError, match="two texts that are read apart meet"):
        spaces.spaces()


@pytest.mark.slow
def test_an_interrupted_fit_of_spaces_that_meet_goes_on(
    spaces: SpaceClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Checkpoint.save

    def stopped(self: Checkpoint, candidates: Any) -> None:
        save(self, candidates)
        if candidates[0].epochs[-1].epoch == 3:
            raise RuntimeError("killed")

    place = tmp_path / "checkpoint.safetensors"
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", stopped)
        with pytest.raises(RuntimeError, match="killed"):
            clone(spaces).fit(*marked_pairs(), checkpoint=place)
    again = clone(spaces).fit(*marked_pairs(), checkpoint=place)
    np.testing.assert_array_equal(again.predict_logits(FRESH), spaces.predict_logits(FRESH))


@pytest.fixture(scope="module")
def tuned(small: Encoder) -> LinearProbe:
    """Layers of 16 learn some of it."""
    model = LinearProbe(
        small, pairs="apart", inside="all", encoder_learning_rate=0.01, inside_epochs=6, symmetric=True, store=None
    )
    return model.fit(*marked_pairs())


@pytest.mark.slow
def test_layers_are_tuned_under_texts_that_are_read_apart(tuned: LinearProbe, small: Encoder, tmp_path: Path) -> None:
    assert isinstance(tuned.learnt_.model.adapter, LayerChanges)
    assert isinstance(tuned.head_, PairHead)
    expected = tuned.predict_logits(FRESH)
    assert tuned.read(FRESH).n_tokens[0] == sum(len(small.tokenize([text]).token_ids) for text in FRESH[0])
    frozen = dataclasses.replace(tuned.learnt_.model, adapter=None)
    assert not np.allclose(frozen.on_top.logits(tuned._reader().fresh(frozen, FRESH, tuned.layers_ or ())), expected)
    np.testing.assert_allclose(tuned.predict_logits([(b, a) for a, b in FRESH]), expected, atol=1e-6)
    np.testing.assert_allclose(tuned.predict_logits(FRESH[2:3]), expected[2:3], atol=1e-5)
    tuned.save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m", encoder=small)
    np.testing.assert_allclose(again.predict_logits(FRESH), expected, atol=1e-6)


def test_pairs_over_tuned_layers_are_explained_at_every_place(tuned: LinearProbe) -> None:
    for at in ("states", "input", "both"):
        explained = tuned.explain([*FRESH, ("", "one"), ("same", "same")], at=at)
        assert explained.check() <= 1e-5
        np.testing.assert_allclose(explained[0].logits, tuned.predict_logits(FRESH)[0], atol=1e-5)
    assert tuned.explain(FRESH)[0].meetings


def test_single_texts_are_read_as_ever(small: Encoder) -> None:
    labels = [str(len(text) % 2) for text in TEXTS]
    logits = [
        LinearProbe(small, pairs=way, store=None).fit(TEXTS, labels).predict_logits(TEXTS)
        for way in ("auto", "apart", "together")
    ]
    np.testing.assert_array_equal(logits[0], logits[1])
    np.testing.assert_array_equal(logits[0], logits[2])


def test_what_does_not_go_together_is_refused(small: Encoder) -> None:
    with pytest.raises(UsageError, match="pairs must be auto, apart or together, got 'both'"):
        LinearProbe(small, pairs="both").fit(PAIRS, LABELS)  # type: ignore[arg-type]
    for way in ("auto", "together"):
        tuned = LinearProbe(small, inside="top", inside_epochs=1, pairs=way, store=None).fit(PAIRS, LABELS)  # type: ignore[arg-type]
        assert (tuned.read(PAIRS).n_tokens.max() <= small.max_length) == (way == "together")
    with pytest.raises(UsageError, match="pairs='apart' is for spaces on a frozen encoder"):
        SpaceClassifier(small, pairs="apart", n_vertices=2, store=None).fit(PAIRS, LABELS)
    with pytest.raises(UsageError, match="inside='lora' reads a pair as one text"):
        SpaceClassifier(small, pairs="apart", inside="lora", store=None).fit(PAIRS, LABELS)


def test_the_card_of_a_model_of_pairs_asks_pairs(tiny_encoder: Encoder, tmp_path: Path) -> None:
    pairs = [("a good film", "a fine film"), ("a good film", "a dull book")] * 8
    LinearProbe(tiny_encoder, store=None).fit(pairs, [1, 0] * 8).save_pretrained(tmp_path)
    assert 'model.predict([("one text", "another")])' in (tmp_path / "README.md").read_text()
    with pytest.raises(DataError, match="on the command line a table whose second texts --text-pair names"):
        LinearProbe(tiny_encoder, store=None).fit(pairs, [1, 0] * 8).predict(["alone"])
