"""Points of a learnt simplex: the centroid is the model, a corner is a head, and a saved model still has them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spacetune import PrefixSimplexClassifier, SpaceClassifier, few_shot
from spacetune.errors import UsageError
from spacetune.studies import demo_texts

DEMO, FRESH = few_shot(demo_texts("train"), 96), few_shot(demo_texts("dev"), 24)
CENTRE = torch.full((1, 3), 1 / 3)

Model = SpaceClassifier | PrefixSimplexClassifier


@pytest.fixture(scope="module", params=[SpaceClassifier, PrefixSimplexClassifier], ids=lambda kind: kind.__name__)
def model(request: Any) -> Model:
    """Give a model on real states of one layer, or on a tiny encoder where every training step runs it."""
    if request.param is PrefixSimplexClassifier:
        encoder, own = request.getfixturevalue("tiny_encoder"), {"prefix_length": 2, "batch_size": 16}
    else:
        encoder, own = request.getfixturevalue("shallow"), {"store": None}
    return request.param(encoder, n_vertices=3, n_epochs=2, n_latent=4, **own).fit(DEMO.texts, DEMO.labels)


def test_the_centroid_is_the_model(model: Model) -> None:
    logits = model.logits_at(FRESH.texts, CENTRE)
    assert logits.shape == (1, 24, 8)
    np.testing.assert_allclose(logits[0], model.predict_logits(FRESH.texts), atol=1e-4)


def test_a_corner_is_the_head_there(model: Model) -> None:
    at_corners = model.logits_at(FRESH.texts, torch.eye(3))
    assert np.abs(at_corners[0] - at_corners[1]).max() > 1e-3
    if isinstance(model, SpaceClassifier):
        assert model.head_simplex_ is not None
        features: Any = model.features(FRESH.texts)
        for corner, logits in zip(model.head_simplex_.corners, at_corners, strict=True):
            alone = corner.classify(corner.centroids(features))
            alone = alone if model.lexicon_ is None else alone + model.lexicon_.logits(features)
            np.testing.assert_allclose(logits, alone.numpy(), atol=1e-4)


def test_one_point_for_all_is_that_point_in_every_group(model: Model) -> None:
    weights = torch.tensor([[0.2, 0.3, 0.5]])
    groups = 1 + model.encoder_.n_layers if isinstance(model, PrefixSimplexClassifier) else model.head_simplex_.n_groups  # type: ignore[union-attr]
    spelt = weights.unsqueeze(1).expand(-1, groups, -1)
    np.testing.assert_array_equal(model.logits_at(FRESH.texts, weights), model.logits_at(FRESH.texts, spelt))


def test_a_saved_model_has_its_points_and_its_history(model: Model, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m")
    again = type(model).from_pretrained(tmp_path / "m", encoder=model.encoder)
    weights = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(
        again.logits_at(FRESH.texts, weights), model.logits_at(FRESH.texts, weights), atol=1e-5
    )  # fmt: skip
    np.testing.assert_allclose(again.predict_logits(FRESH.texts), model.predict_logits(FRESH.texts), atol=1e-6)
    assert str(again.history_) == str(model.history_)
    for told, was in zip(again.history_.rows(), model.history_.rows(), strict=True):
        np.testing.assert_equal(told, was)


def test_wrong_points(model: Model) -> None:
    with pytest.raises(UsageError, match=r"weights must be \(point, 3 vertices\)"):
        model.logits_at(FRESH.texts, torch.eye(2))
    alone = SpaceClassifier(model.encoder, n_latent=4, n_epochs=1, store=None).fit(DEMO.texts, DEMO.labels)
    with pytest.raises(UsageError, match="fitted with n_vertices=1"):
        alone.logits_at(FRESH.texts, CENTRE)


def test_points_are_arrays_and_lists_too(model: Model) -> None:
    expected = model.logits_at(FRESH.texts, torch.tensor([[0.2, 0.3, 0.5]]))
    for given in ([[0.2, 0.3, 0.5]], np.array([[0.2, 0.3, 0.5]]), [np.array([0.2, 0.3, 0.5])]):
        np.testing.assert_array_equal(model.logits_at(FRESH.texts, given), expected)


@pytest.mark.parametrize(
    "weights",
    [[0.2, 0.3, 0.5], [], 1, None, "centre", [["a", "b", "c"]], [[1, 0], [0, 1, 0]], [[[0.5, 0.5, 0.0]]],
     [[-0.5, 1.0, 0.5]], [[0.2, 0.2, 0.2]], [[float("nan"), 0.5, 0.5]], [[float("inf"), 0.0, 0.0]], np.zeros((0, 3))],
)  # fmt: skip
def test_what_is_no_point_is_refused(model: Model, weights: Any) -> None:
    with pytest.raises(UsageError, match="weights"):
        model.logits_at(FRESH.texts, weights)
