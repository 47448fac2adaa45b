"""What a Space Model's predictions are made of sums to the model's own logit, the lexicon among the parts."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np
import pytest
from tests.estimators.marked import texts_with_marks

from spacetune import Encoder, LinearProbe, SpaceClassifier, SpaceRegressor
from spacetune.dissection import dissect_windows
from spacetune.errors import UsageError
from spacetune.estimators.whole import whole_encoder
from spacetune.studies import TermUse, term_use

QUICK: dict[str, Any] = {"n_epochs": 1, "n_latent": 4, "learning_rate": 1e-5, "layers": [0, 1], "store": None}
TEXTS, LABELS = texts_with_marks(160)
FRESH = [*texts_with_marks(30, seed=1)[0], "nothing of it"]


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> SpaceClassifier:
    return SpaceClassifier(shallow, **QUICK).fit(TEXTS, LABELS)


def assert_parts_sum(found: TermUse, model: Any) -> None:
    logits = model.predict_logits(FRESH)
    best = logits.argmax(1)
    shown = found.contributions.sum((1, 2)) + found.lexicon + found.bias
    np.testing.assert_allclose(shown, logits.max(1), atol=1e-4)
    assert found.additivity_error == pytest.approx(np.abs(shown - logits.max(1)).max(), abs=1e-6)
    assert sum(row["logit"] for row in found.rows()) == pytest.approx(logits.max(1).mean(), abs=1e-4)
    assert list(found.explained) == np.asarray(model.task_.classes)[best].tolist()


def test_with_a_lexicon_the_parts_sum_to_the_models_own_logit(model: SpaceClassifier) -> None:
    assert model.lexicon_ is not None
    found = term_use(model, FRESH)
    assert_parts_sum(found, model)
    assert np.abs(found.lexicon).max() > 0.1
    features = model.encoder_.encode(FRESH, layers=model.layers_, progress=False)
    own = model.lexicon_.logits(features).numpy()
    np.testing.assert_allclose(found.lexicon, own[np.arange(len(FRESH)), model.predict_logits(FRESH).argmax(1)])


def test_the_class_explained_is_the_predicted_one(model: SpaceClassifier) -> None:
    head_alone = model.head_.classify(model.head_.centroids(model.features(FRESH, stored=False)))  # pyright: ignore
    assert (model.classes_[head_alone.argmax(1).numpy()] != model.predict(FRESH)).any()
    assert list(term_use(model, FRESH).explained) == model.predict(FRESH).tolist()


def test_predictions_kept_are_the_models_own(model: SpaceClassifier) -> None:
    kept = term_use(model, FRESH).kept
    features = model.features(FRESH, stored=False)
    head = model.head_.classify(model.head_.centroids(features)).argmax(1)  # pyright: ignore[reportArgumentType]
    assert kept["lexicon"] == pytest.approx((model.classes_[head.numpy()] == model.predict(FRESH)).mean())


@pytest.mark.slow
def test_label_sets_numbers_and_a_simplex_add_up_too(shallow: Encoder) -> None:
    sets = [["odd", "all"] if label else ["all"] for label in LABELS]
    numbers = [2.5 * label + 0.25 for label in LABELS]
    for fitted in (
        SpaceClassifier(shallow, **QUICK).fit(TEXTS, sets),
        SpaceClassifier(shallow, **QUICK, n_vertices=2).fit(TEXTS, LABELS),
        SpaceRegressor(shallow, **QUICK).fit(TEXTS, numbers),
    ):
        assert_parts_sum(term_use(fitted, FRESH), fitted)


def test_windows_of_texts_keep_their_own_logits(model: SpaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    small = functools.partial(dissect_windows, window=20)
    monkeypatch.setattr(sys.modules[term_use.__module__], "dissect_windows", small)
    assert_parts_sum(term_use(model, FRESH), model)


def test_a_text_of_several_windows_is_taken_apart_whole(shallow: Encoder) -> None:
    encoder = Encoder.from_pretrained(shallow.source.folder, dtype="float32", max_length=8, max_windows=4)
    fitted = SpaceClassifier(encoder, **QUICK, max_length=8, max_windows=4).fit(TEXTS, LABELS)
    longer = [" ".join(FRESH[i : i + 2]) for i in range(0, 10, 2)]
    assert max(map(len, (encoder.spans(text).tokens for text in longer))) > 8
    assert term_use(fitted, longer).additivity_error < 1e-4


def test_an_additivity_error_is_that_of_the_models_own_logits(shallow: Encoder, model: SpaceClassifier) -> None:
    class Shifted(SpaceClassifier):
        def predict_logits(self, texts: Any) -> np.ndarray:
            return super().predict_logits(texts) + 0.5

    shifted = Shifted(shallow)
    vars(shifted).update(vars(model))
    assert term_use(shifted, FRESH).additivity_error == pytest.approx(0.5, abs=1e-3)


def test_only_a_space_model_has_terms() -> None:
    rng = np.random.default_rng(0)
    probe: Any = LinearProbe().fit(rng.normal(size=(20, 4)), [0, 1] * 10)
    with pytest.raises(UsageError, match="LinearProbe has none"):
        term_use(probe, FRESH)


def test_terms_are_those_of_the_encoder_with_its_low_rank_adapter(encoder: Encoder) -> None:
    texts, labels = texts_with_marks(40, seed=0)[:2]
    given: dict[str, Any] = {"store": None, "seed": 0, "n_epochs": 2, "lexicon": False, "learning_rate": 1e-2}
    adapted = SpaceClassifier(encoder, inside="lora", **given).fit(texts, labels)
    assert whole_encoder(adapted).source.sha256 != encoder.source.sha256
    assert term_use(adapted, FRESH).additivity_error < 1e-3
    prefixed = SpaceClassifier(encoder, inside="prefix", **given).fit(texts, labels)
    with pytest.raises(UsageError, match="reads behind a prefix"):
        term_use(prefixed, FRESH)
