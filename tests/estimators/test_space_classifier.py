"""What is the space classifier's own: layers, losses, multi-label, class weights, spaces, the encoder trained too."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.errors import DataError, UsageError
from spacetune.heads.spaces import fused_centroids
from spacetune.studies import demo_texts, fit_model, score_model

TRAIN, DEV, TEST = (demo_texts(split) for split in ("train", "dev", "test"))
SMALL = TRAIN.take(range(96))


@pytest.fixture(scope="module")
def fitted(encoder: Encoder) -> SpaceClassifier:
    return SpaceClassifier(encoder, n_epochs=6, n_latent=8).fit(TRAIN.texts, TRAIN.labels, dev=DEV)


def test_it_learns(fitted: SpaceClassifier) -> None:
    scores = score_model(fitted, TEST)
    assert scores.baseline["accuracy"] == pytest.approx(0.125)
    assert scores.scores["accuracy"] > 0.8
    assert fitted.report_["dev"] == "given (120 texts)"
    assert fitted.history_.best_epoch <= len(fitted.history_.epochs)


def test_calibration_lowers_the_log_loss_on_dev(fitted: SpaceClassifier) -> None:
    truth = fitted.task_.targets(DEV.labels or []).numpy()
    logits = fitted.predict_logits(DEV.texts)
    task = fitted.task_
    assert (
        task.scores(logits / fitted.temperature_, truth)["neg_log_loss"] >= task.scores(logits, truth)["neg_log_loss"]
    )


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        (-1, 1),
        pytest.param([2, 4], 2, marks=pytest.mark.slow),
        pytest.param("all", 7, marks=pytest.mark.slow),
        ("auto", 3),
    ],
)
def test_layers_add_up(encoder: Encoder, layers: object, count: int) -> None:
    model = SpaceClassifier(encoder, layers=layers, n_epochs=1, n_latent=3).fit(SMALL.texts, SMALL.labels)  # type: ignore[arg-type]
    assert model.head_.spaces.operators.shape[0] == count
    assert model.explain(TEST.texts[:10]).check() <= 1e-4


@pytest.mark.slow
def test_multi_label(shallow: Encoder, tmp_path: Path) -> None:
    labels = [
        [label, "long"] if len(text) > 80 else [label]
        for text, label in zip(TRAIN.texts, TRAIN.labels or [], strict=True)
    ]
    model = SpaceClassifier(shallow, n_epochs=6).fit(TRAIN.texts, labels)
    assert "long" in model.classes_
    predicted = model.predict(TEST.texts)
    assert all(isinstance(row, list) for row in predicted)
    assert model.predict_proba(TEST.texts).shape == (len(TEST), 9)
    model.save_pretrained(tmp_path / "m")
    assert SpaceClassifier.from_pretrained(tmp_path / "m", encoder=shallow).predict(TEST.texts) == predicted


@pytest.mark.slow
def test_auxiliary_losses_shape_the_spaces(shallow: Encoder) -> None:
    plain, shaped = (
        SpaceClassifier(shallow, n_epochs=12, patience=None, inter_weight=w, intra_weight=w / 1000, seed=1).fit(
            TRAIN.texts, TRAIN.labels, dev=DEV
        )
        for w in (0.0, 2.0)
    )
    right = np.array(DEV.labels)
    assert np.mean(shaped.predict_from_spaces(DEV.texts) == right) > np.mean(
        plain.predict_from_spaces(DEV.texts) == right
    )
    overlap = shaped.spaces(DEV.texts)
    assert overlap.principal_angle.shape == (8, 8)
    assert np.allclose(np.diag(overlap.principal_angle), 0, atol=1e-3)
    assert overlap.centroid_cosine is not None


@pytest.mark.slow
def test_class_weights_move_predictions(shallow: Encoder) -> None:
    rare = [i for i, label in enumerate(TRAIN.labels or []) if label != "account_login"]
    some = [i for i, label in enumerate(TRAIN.labels or []) if label == "account_login"][:6]
    data = TRAIN.take(sorted(rare[:200] + some))
    counts = [
        int(
            np.sum(
                SpaceClassifier(shallow, class_weight=w, n_epochs=6).fit(data.texts, data.labels).predict(TEST.texts)
                == "account_login"
            )
        )
        for w in (None, "balanced")
    ]
    assert counts[1] > counts[0]
    with pytest.raises(DataError, match="class_weight names 'nobody'"):
        SpaceClassifier(shallow, class_weight={"nobody": 2.0}).fit(SMALL.texts, SMALL.labels)


def test_settings_out_of_bounds() -> None:
    with pytest.raises(UsageError, match="n_latent must be at least 1, got 0"):
        SpaceClassifier(n_latent=0).fit(np.zeros((4, 2)), [0, 1, 0, 1])
    with pytest.raises(UsageError, match=r"dropout must be between 0 and 0.95, got 1.5"):
        SpaceClassifier(dropout=1.5).fit(np.zeros((4, 2)), [0, 1, 0, 1])


def test_ragged_and_padded_heads_agree(fitted: SpaceClassifier, encoder: Encoder) -> None:
    features = encoder.encode(TEST.texts[:9], layers=fitted.layers_)
    lengths = features.lengths.tolist()
    padded = torch.nn.utils.rnn.pad_sequence(list(features.values.split(lengths)), batch_first=True)
    mask = torch.arange(max(lengths)) < features.lengths[:, None]
    longer = torch.nn.functional.pad(padded, (0, 0, 0, 0, 0, 5), value=3.0)
    with torch.inference_mode():
        head = fitted.space_head
        ragged = head.classify(fused_centroids([head.spaces], features)[0])
        torch.testing.assert_close(head(padded, mask), ragged, atol=1e-5, rtol=0)
        torch.testing.assert_close(head(longer, torch.nn.functional.pad(mask, (0, 5))), ragged, atol=1e-5, rtol=0)
        assert not torch.allclose(head(longer, mask, padding="official"), ragged, atol=1e-3)


def test_training_the_encoder_too(tiny_encoder: Encoder, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="spacetune"):
        model = SpaceClassifier(tiny_encoder, layers=[-1], train_encoder=True, n_epochs=1, batch_size=16).fit(
            SMALL.texts[:32], SMALL.labels[:32]
        )  # type: ignore[index]
    assert "training the encoder too" in caplog.text
    assert "about" in caplog.text
    assert model.encoder_ is not tiny_encoder
    assert model.encoder_.source.sha256 != tiny_encoder.source.sha256
    model.save_pretrained(tmp_path / "m")
    trained = Encoder.from_pretrained(tmp_path / "m" / "encoder", dtype="float32")
    again = SpaceClassifier.from_pretrained(tmp_path / "m", encoder=trained)
    np.testing.assert_allclose(again.predict_logits(TEST.texts[:5]), model.predict_logits(TEST.texts[:5]), atol=1e-5)


def test_fit_model_reports_baselines_beside(encoder: Encoder) -> None:
    _, report = fit_model(SMALL, test=TEST, settings={"encoder": encoder, "n_epochs": 2})
    methods = [(row["method"], row["split"]) for row in report.rows()]
    assert ("majority", "test") in methods
    assert ("tf-idf + linear", "test") in methods
    assert ("linear probe", "test") in methods
    assert methods[-1] == ("space", "test")
    assert "set aside stratified by seed 0" in report.dev


def test_dev_is_read_in_the_layers_of_the_training_texts(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacetune.estimators.layers.MANY", 10)
    monkeypatch.setattr("spacetune.estimators.layers.SMALL", 7 * 384 * 4 * 1000)
    model = SpaceClassifier(encoder, n_epochs=1).fit(SMALL.texts, SMALL.labels, dev=DEV.take(range(12)))
    assert model.layers_ == (2, 4, 6)
    refitted = model.fit(DEV.texts[:12], ["a", "b"] * 6)
    assert refitted.layers_ == (0, 1, 2, 3, 4, 5, 6)


def test_the_probe_of_many_labels_is_one_logistic_regression_a_label() -> None:
    from sklearn.linear_model import LogisticRegression

    from spacetune.fitting.linear import logistic_each

    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(200, 6)), (rng.random((200, 3)) < 0.4).astype(float)
    weight, bias = logistic_each(rows, targets, 0.1)
    for label in range(3):
        one = LogisticRegression(C=0.1, tol=1e-8).fit(rows, targets[:, label])
        np.testing.assert_allclose(weight[label], one.coef_[0], atol=2e-3)
        assert bias[label] == pytest.approx(one.intercept_[0], abs=2e-3)


def test_a_refit_forgets_the_encoder_an_earlier_fit_trained() -> None:
    matrix, labels = np.random.default_rng(0).normal(size=(40, 4)), [0, 1] * 20
    model = SpaceClassifier(n_epochs=1).fit(matrix, labels)
    model.learnt_ = dataclasses.replace(model.learnt_, encoder=Encoder.from_pretrained())
    model.fit(matrix, labels)
    assert model.learnt_.encoder is None


def test_token_states_of_ones_own_are_learnt_from_and_predicted() -> None:
    rng = np.random.default_rng(0)
    lengths, labels = torch.tensor([3, 1, 5, 2] * 12), [0, 1] * 24
    states = torch.from_numpy(rng.normal(size=(int(lengths.sum()), 2, 6))).float()
    states += torch.repeat_interleave(torch.tensor(labels), lengths)[:, None, None]
    features = TokenFeatures(states, torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)]))
    for model in (SpaceClassifier(n_epochs=4), LinearProbe()):
        dev = (features.take(torch.arange(8)), labels[:8])
        assert model.fit(features, labels, dev=dev).score(features, labels) > 0.9
        with pytest.raises(DataError, match="fitted on features and was given matrix"):
            model.predict(np.zeros((3, 6)))
        with pytest.raises(DataError, match="fitted on features and was given texts"):
            model.predict(["a text"])
        with pytest.raises(UsageError, match="ready embeddings"):
            model.save_pretrained("nowhere")
