"""What is the prefix simplex's own: validation, ensemble, abstention, heads, and what it must not touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spacetune import Encoder, PrefixSimplexClassifier, SpaceClassifier
from spacetune.encoders import PrefixVertices
from spacetune.errors import DataError, UsageError
from spacetune.estimators import PrefixSimplexRegressor
from spacetune.fitting import SingleLabel
from spacetune.fitting.inputs import AdaptedInputs
from spacetune.fitting.simplex import Simplex, repeated_scores, validation_logits
from spacetune.heads import LinearVertices
from spacetune.studies import demo_texts

DEMO = demo_texts("train").take(range(0, 160, 5))
FRESH = demo_texts("test").take(range(6))
LABELS = ["a" if label < "d" else "b" for label in DEMO.labels or []]
QUICK: dict[str, Any] = {
    "n_vertices": 3,
    "prefix_length": 2,
    "n_epochs": 2,
    "batch_size": 16,
    "n_validation_samples": 2,
}


@pytest.fixture(scope="module")
def fitted(tiny_encoder: Encoder) -> PrefixSimplexClassifier:
    return PrefixSimplexClassifier(tiny_encoder, **QUICK).fit(DEMO.texts, LABELS)


@pytest.fixture(scope="module")
def fitted_on_default(encoder: Encoder) -> PrefixSimplexClassifier:
    return PrefixSimplexClassifier(encoder, **{**QUICK, "n_epochs": 1}).fit(DEMO.texts[::4], LABELS[::4])


def model_of(encoder: Encoder, n_vertices: int = 3) -> Simplex:
    generator = torch.Generator().manual_seed(0)
    prefix = PrefixVertices(encoder.prefixed.shape(2), n_vertices, generator=generator)
    return Simplex(LinearVertices(16, 2, n_vertices, start_scale=1.0, generator=generator), prefix)


def test_history_shows_the_distribution_of_dev(fitted: PrefixSimplexClassifier) -> None:
    start, *later = fitted.history_.epochs
    assert start.epoch == 0
    for epoch in (start, *later):
        s = epoch.scores
        assert s["macro_f1_q10"] <= s["macro_f1"] <= s["macro_f1_q90"]
        assert s["macro_f1_std"] >= 0
    best = max(e.scores["macro_f1"] for e in fitted.history_.epochs)
    kept = next(e for e in fitted.history_.epochs if e.epoch == fitted.history_.best_epoch)
    assert kept.scores["macro_f1"] == best
    assert "kept epoch" in str(fitted.history_)


def test_repeats_of_dev_are_that_many_predictions(tiny_encoder: Encoder) -> None:
    dev = AdaptedInputs(tiny_encoder.single_pass, FRESH.texts, (2,), "mean")
    model = model_of(tiny_encoder)
    draws = [validation_logits(model, dev, 4, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert draws[0].shape == (4, 6, 2)
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).max() > 1e-4
    assert np.abs(draws[0][0] - draws[0][1]).max() > 1e-4  # fresh points in every repeat
    plain = [validation_logits(model, dev, 0, torch.Generator().manual_seed(s)) for s in (0, 1)]
    assert plain[0].shape == (1, 6, 2)
    np.testing.assert_array_equal(*plain)
    one = [validation_logits(model_of(tiny_encoder, 1), dev, 4, torch.Generator().manual_seed(s)) for s in (0, 1)]
    assert one[0].shape == (1, 6, 2)
    np.testing.assert_allclose(one[0], one[1], atol=1e-6)


def test_repeated_scores() -> None:
    logits = np.array([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    scores = repeated_scores(SingleLabel(["x", "y"]), logits, (np.array([0, 1]), None), "accuracy")
    assert scores["accuracy"] == pytest.approx(0.75)
    assert scores["accuracy_std"] == pytest.approx(np.std([0.5, 1.0], ddof=1))
    assert scores["accuracy_q10"] == pytest.approx(0.55)


def test_the_encoder_is_not_touched_and_only_kilobytes_are_saved(
    fitted_on_default: PrefixSimplexClassifier, encoder: Encoder, tmp_path: Path
) -> None:
    fresh = Encoder.from_pretrained(dtype="float32")
    ours, theirs = encoder.prefixed.model.state_dict(), fresh.loaded.model.state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)
    assert not any(p.requires_grad for p in encoder.prefixed.model.parameters())
    fitted_on_default.save_pretrained(tmp_path / "m")
    size = sum(p.stat().st_size for p in (tmp_path / "m").iterdir())
    assert size < 300_000


def test_the_centroid_is_what_predicts(fitted_on_default: PrefixSimplexClassifier, encoder: Encoder) -> None:
    fitted = fitted_on_default  # real states
    assert fitted.simplex_ is not None
    features = encoder.encode(FRESH.texts, layers="all", prefix=fitted.simplex_.centroid().adapter)
    weight = fitted.simplex_.head.weight.mean(0) / fitted.simplex_.head.scale  # type: ignore[union-attr,operator]
    shift = fitted.simplex_.head.bias.mean(0) - weight @ fitted.simplex_.head.mean  # type: ignore[union-attr,operator]
    expected = features.means().flatten(1) @ weight.T + shift
    np.testing.assert_allclose(fitted.predict_logits(FRESH.texts), expected.detach().numpy(), atol=1e-4)


def test_ensemble_uncertainty_and_abstention(fitted: PrefixSimplexClassifier) -> None:
    found = fitted.uncertainty(FRESH.texts, n_samples=4)
    again = fitted.uncertainty(FRESH.texts, n_samples=4)
    np.testing.assert_array_equal(found.probabilities, again.probabilities)
    np.testing.assert_allclose(found.probabilities.sum(1), 1)
    np.testing.assert_allclose(found.total, found.expected + found.mutual, atol=1e-9)
    assert ((found.mutual >= 0) & (found.total <= 1)).all()
    assert found.mutual.max() > 0
    assert len(found.rows()) == len(FRESH)
    np.testing.assert_array_equal(fitted.predict_proba(FRESH.texts, n_samples=4), found.probabilities)
    order = np.argsort(found.total)
    limit = float(found.total[order[2]])
    given = fitted.predict(FRESH.texts, n_samples=4, abstain_above=limit)
    assert [label is None for label in given] == (found.total > limit).tolist()
    assert None not in fitted.predict(FRESH.texts, abstain_above=1.0)
    alone = fitted.uncertainty(FRESH.texts[:1], n_samples=4)
    np.testing.assert_allclose(alone.probabilities, found.probabilities[:1], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"reparametrisation": "shared", "hidden_size": 8},
        {"reparametrisation": "per-layer", "hidden_size": 8, "mixing": "before"},
        {"head": "space", "n_latent": 3, "layers": [1, 2]},
        {"pooling": "pooler", "position_shift": True, "sampling": "batch"},
        {"n_vertices": 1, "shared_layers": True, "probe_start": False},
        {"diversity_weight": 0.1, "n_validation_samples": 0, "prefix_length": 0},
        {"adapter": "lora", "rank": 2, "diversity_weight": 0.1, "learning_rate": 1e-2},
    ],
    ids=str,
)
def test_every_kind_fits_saves_and_explains(
    tiny_encoder: Encoder, shallow: Encoder, settings: dict[str, Any], tmp_path: Path
) -> None:
    encoder = shallow if "position_shift" in settings else tiny_encoder  # which has no positions beyond its texts'
    model = PrefixSimplexClassifier(encoder, **{**QUICK, "n_epochs": 1, **settings}).fit(DEMO.texts, LABELS)
    assert model.explain(FRESH.texts[:2]).check() <= 1e-4
    model.save_pretrained(tmp_path / "m")
    again = PrefixSimplexClassifier.from_pretrained(tmp_path / "m", encoder=encoder)
    np.testing.assert_allclose(again.predict_logits(FRESH.texts), model.predict_logits(FRESH.texts), rtol=1e-12)
    np.testing.assert_allclose(again.ensemble_logits(FRESH.texts, 2), model.ensemble_logits(FRESH.texts, 2), atol=1e-6)


def test_labels_that_are_lists(tiny_encoder: Encoder) -> None:
    labels = [[label, "long"] if len(text) > 60 else [label] for text, label in zip(DEMO.texts, LABELS, strict=True)]
    model = PrefixSimplexClassifier(tiny_encoder, **{**QUICK, "n_epochs": 1}).fit(DEMO.texts, labels)
    assert set(model.classes_) == {"a", "b", "long"}
    assert all(isinstance(row, list) for row in model.predict(FRESH.texts, n_samples=2))


def test_a_spread_of_numbers() -> None:
    X = np.random.default_rng(0).normal(size=(60, 4))
    mean, spread = PrefixSimplexRegressor(n_epochs=1).fit(X, X[:, 0]).predict_spread(X, n_samples=3)
    assert mean.shape == spread.shape == (60,)
    assert np.corrcoef(mean, X[:, 0])[0, 1] > 0.9


def test_a_simplex_of_space_heads_ends_as_one_head(tiny_encoder: Encoder, tmp_path: Path) -> None:
    model = SpaceClassifier(tiny_encoder, n_vertices=6, n_latent=3, n_epochs=2, store=None).fit(DEMO.texts, LABELS)
    assert "macro_f1_std" in model.history_.epochs[-1].scores
    assert model.explain(FRESH.texts).check() <= 1e-4
    model.save_pretrained(tmp_path / "m")
    again = SpaceClassifier.from_pretrained(tmp_path / "m", encoder=tiny_encoder)
    np.testing.assert_array_equal(again.predict_logits(FRESH.texts), model.predict_logits(FRESH.texts))
    with pytest.raises(UsageError, match="n_vertices above 1"):
        SpaceClassifier(tiny_encoder, n_vertices=2, inter_weight=0.1).fit(DEMO.texts, LABELS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_vertices": 0}, "n_vertices must be at least 1, got 0"),
        ({"prefix_length": -1}, "prefix_length must be at least 0, got -1"),
        (
            {"prefix_length": 300, "position_shift": True},
            "512 positions: with position_shift a prefix of 300 leaves 212",
        ),
        ({"n_validation_samples": -1}, "n_validation_samples must be at least 0"),
        ({"head": "mlp"}, "head must be linear or space, got 'mlp'"),
        ({"adapter": "bottleneck"}, "adapter must be prefix or lora, got 'bottleneck'"),
        ({"adapter": "lora", "rank": 0}, "rank must be at least 1, got 0"),
        ({"pooling": "max"}, "pooling must be mean or pooler, got 'max'"),
        ({"reparametrisation": "mlp"}, "reparametrisation must be"),
    ],
)
def test_settings_out_of_bounds(encoder: Encoder, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PrefixSimplexClassifier(encoder, **{**QUICK, **settings}).fit(DEMO.texts, LABELS)


def test_wrong_calls(fitted: PrefixSimplexClassifier, tiny_encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="abstain_above must be between 0 and 1, got 2"):
        fitted.predict(FRESH.texts, abstain_above=2)
    with pytest.raises(UsageError, match="n_samples must be at least 1, got 0"):
        fitted.ensemble_logits(FRESH.texts, 0)
    with pytest.raises(DataError, match="made without what this model learns inside"):
        fitted.predict(tiny_encoder.encode(FRESH.texts))
    with pytest.raises(DataError, match="made without what this model learns inside the encoder; give texts"):
        PrefixSimplexClassifier(tiny_encoder, **QUICK).fit(tiny_encoder.encode(DEMO.texts), LABELS)
