"""Learning in the end from the texts that chose, too: what is held, what is told, and what Ctrl-C leaves."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import is_classifier
from tests.estimators.kinds import KINDS

from spacetune import Encoder, LabelledTexts, SpaceClassifier
from spacetune.data import split_dev
from spacetune.errors import DataError, UsageError
from spacetune.estimators import TextEstimator, load_estimator
from spacetune.studies import demo_texts, fit_model

TEXTS = demo_texts("train").take(range(72))
FRESH = demo_texts("test").take(range(12))
QUICK = {"n_epochs": 3, "n_latent": 4, "prefix_length": 2, "n_validation_samples": 1, "store": None, "batch_size": 16}


def made(kind: type[TextEstimator], encoder: Encoder) -> Any:
    known = kind._get_param_names()
    return kind(**{"encoder": encoder, **{k: v for k, v in QUICK.items() if k in known}})


LONG = ("PrefixSimplexClassifier", "PrefixSimplexRegressor", "SpaceRegressor")


@pytest.fixture(
    params=[pytest.param(k, marks=pytest.mark.slow if k.__name__ in LONG else (), id=k.__name__) for k in KINDS]
)
def model(request: pytest.FixtureRequest) -> Any:
    """Give a model on real states of one layer, or on a tiny encoder where every training step runs it."""
    known = request.param._get_param_names()
    return made(request.param, request.getfixturevalue("tiny_encoder" if "prefix_length" in known else "shallow"))


def data_for(model: Any) -> LabelledTexts:
    labels = TEXTS.labels if is_classifier(model) else [len(text) / 10 for text in TEXTS.texts]
    return LabelledTexts(TEXTS.texts, labels)


def test_a_fit_that_sets_a_part_aside_is_a_fit_with_dev_and_a_refit(model: Any) -> None:
    data = data_for(model)
    train, held = split_dev(data.labels or [], data.keys, model.dev_fraction, model.seed)
    by_itself = model.fit(data.texts, data.labels).predict_logits(FRESH.texts)
    assert f"{len(held)} of 72 training texts" in model.report_["dev"]
    assert "then learnt from 72 texts in all" in model.report_["dev"]
    scores = model.report_["dev_scores"]
    part, dev = data.take(train.tolist()), data.take(held.tolist())
    model.fit(part.texts, part.labels, dev=dev)
    assert model.report_["dev"] == f"given ({len(held)} texts)"
    before = model.predict_logits(FRESH.texts)
    model.refit(data.texts, data.labels)
    after = model.predict_logits(FRESH.texts)
    assert np.abs(after - before).max() > 1e-3
    if is_classifier(model):  # a regressor's numbers are standardised by what `fit` was given
        assert model.report_["dev_scores"] == pytest.approx(scores, abs=1e-6)
        np.testing.assert_allclose(after, by_itself, atol=1e-4)


def test_it_goes_after_a_fit_and_speaks_of_the_same_classes(model: Any, tmp_path: Path) -> None:
    data = data_for(model)
    model.fit(data.texts, data.labels)
    if is_classifier(model):
        with pytest.raises(DataError, match=r"label 'strange' .* was not among the"):
            model.refit([*data.texts, "new"], [*(data.labels or []), "strange"])
    with pytest.raises(DataError, match="72 texts and 71 labels"):
        model.refit(data.texts, (data.labels or [])[1:])
    model.save_pretrained(tmp_path / "m")
    with pytest.raises(UsageError, match="refit goes after fit in the same session"):
        load_estimator(tmp_path / "m", encoder=model.encoder_).refit(data.texts, data.labels)


def test_ctrl_c_keeps_the_model_that_was_chosen(
    model: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data = data_for(model)
    train, held = split_dev(data.labels or [], data.keys, model.dev_fraction, model.seed)
    chosen = made(type(model), model.encoder).fit(
        data.take(train.tolist()).texts, data.take(train.tolist()).labels, dev=data.take(held.tolist())
    )
    monkeypatch.setattr(type(model.method()), "learn_again", stopped)
    with caplog.at_level(logging.WARNING, logger="spacetune"):
        model.fit(data.texts, data.labels)
    assert "the model before is kept" in caplog.text
    assert "in all" not in model.report_["dev"]
    if is_classifier(model):
        np.testing.assert_allclose(model.predict_logits(FRESH.texts), chosen.predict_logits(FRESH.texts), atol=1e-4)


def stopped(*given: Any) -> None:
    raise KeyboardInterrupt


def test_a_lexicon_is_learnt_again_at_the_weight_chosen(shallow: Encoder) -> None:
    texts = [f"{word} {i} of it" for i in range(60) for word in ("splendid", "dreadful")]
    model = SpaceClassifier(shallow, n_epochs=1, learning_rate=1e-5, store=None)
    train = ([t for t in texts if "5" not in t], [t.split()[0] for t in texts if "5" not in t])
    dev = ([t for t in texts if "5" in t], [t.split()[0] for t in texts if "5" in t])
    model.fit(*train, dev=dev)
    assert model.lexicon_ is not None
    before = model.lexicon_.grams
    model.refit(texts, [t.split()[0] for t in texts])
    assert model.lexicon_ is not None
    assert len(model.lexicon_.grams) > len(before)
    explanation = model.explain(["a splendid evening"])
    assert explanation.check() <= 1e-4
    assert explanation[0].predicted == "splendid"


@pytest.mark.slow
def test_the_layers_stay_those_of_the_fit(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacetune.estimators.layers.MANY", 70)
    model = SpaceClassifier(encoder, n_epochs=1, n_latent=2, store=None)
    model.fit(TEXTS.texts[:60], (TEXTS.labels or [])[:60], dev=(TEXTS.texts[60:], (TEXTS.labels or [])[60:]))
    assert model.layers_ == (2, 4, 6)
    model.refit(TEXTS.texts, TEXTS.labels)
    assert model.layers_ == (2, 4, 6)
    with pytest.raises(DataError, match="fitted on texts and was given matrix"):
        model.refit(np.zeros((8, 384)), (TEXTS.labels or [])[:8])


def test_many_texts_are_left_alone(shallow: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacetune.fitting.methods.space.MANY", 50)
    model = SpaceClassifier(shallow, n_epochs=1, n_latent=2, store=None).fit(TEXTS.texts, TEXTS.labels)
    assert "in all" not in model.report_["dev"]
    model.refit(TEXTS.texts, TEXTS.labels)
    assert "in all" in model.report_["dev"]


def test_a_trained_encoder_is_not_trained_again(shallow: Encoder) -> None:
    with pytest.raises(UsageError, match="refit is for a frozen encoder"):
        fit_model(TEXTS, settings={"encoder": shallow, "train_encoder": True}, refit=True)


@pytest.mark.parametrize(("refit", "dev"), [(None, False), (False, False), (True, True), (None, True)])
def test_the_table_of_a_fit(shallow: Encoder, refit: bool | None, dev: bool) -> None:
    settings = {"encoder": shallow, "n_epochs": 2, "n_latent": 4, "store": None}
    given = demo_texts("dev") if dev else None
    model, report = fit_model(TEXTS, dev=given, test=FRESH, settings=settings, refit=refit)
    learnt = 72 + len(demo_texts("dev")) * dev if refit or (refit is None and not dev) else 72 - (0 if dev else 8)
    assert report.n_texts == learnt
    assert ("in all" in report.dev) == (refit is True or (refit is None and not dev))
    rows = {(row["method"], row["split"]): row for row in report.rows()}
    assert set(rows) == {
        (m, s) for m in ("majority", "tf-idf + linear", "linear probe", "space") for s in ("dev", "test")
    }
    if "in all" in report.dev:  # dev was learnt from after it was scored: now it is known better
        again = float(np.mean(model.predict((given or TEXTS).inputs) == np.array((given or TEXTS).labels)))
        assert again > rows["space", "dev"]["accuracy"]


def test_pairs_and_texts_are_not_put_together() -> None:
    with pytest.raises(DataError, match="do not go together"):
        LabelledTexts(["a"], [1]).followed_by(LabelledTexts(["a"], [1], pairs=["b"]))
