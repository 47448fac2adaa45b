"""Scores over a simplex: the centroid's are the model's, the points are where they are said to be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spacetune import Encoder, LinearProbe, SpaceClassifier, few_shot
from spacetune.errors import DataError, UsageError
from spacetune.estimators import SpaceRegressor
from spacetune.studies import SimplexScores, demo_texts, score_model, score_simplex

TRAIN, DEV = few_shot(demo_texts("train"), 96), few_shot(demo_texts("dev"), 40)


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> SpaceClassifier:
    made = SpaceClassifier(shallow, n_vertices=4, n_latent=4, n_epochs=4, layers=1, store=None)
    return made.fit(TRAIN.texts, TRAIN.labels)


@pytest.fixture(scope="module")
def found(model: SpaceClassifier) -> SimplexScores:
    return score_simplex(model, DEV, n_points=6, seed=3)


@pytest.mark.slow
def test_the_centroid_scores_as_the_model(model: SpaceClassifier, found: SimplexScores) -> None:
    [centroid] = found.of("centroid")
    told = score_model(model, DEV)
    assert centroid.scores["accuracy"] == told.scores["accuracy"]
    assert centroid.scores["neg_log_loss"] == pytest.approx(told.scores["neg_log_loss"], abs=1e-6)
    assert centroid.interval == told.intervals["accuracy"]


def test_where_the_points_are(found: SimplexScores) -> None:
    kinds = ("vertex", "centroid", "way", "sample")
    assert [len(found.of(kind)) for kind in kinds] == [4, 1, 12, 6]
    weights = np.array([point.weights for point in found.points])
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert [(p.vertex, p.share) for p in found.of("vertex")] == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)]
    assert sorted({round(p.share, 6) for p in found.of("way")}) == [0.25, 0.5, 0.75]
    assert found.of("centroid")[0].share == pytest.approx(0, abs=1e-6)
    assert len(found.rows()) == 23


def test_points_differ_and_the_seed_decides(model: SpaceClassifier, found: SimplexScores) -> None:
    losses = {point.scores["neg_log_loss"] for point in found.points}
    assert len(losses) == len(found.points)
    again, other = (score_simplex(model, DEV, n_points=6, seed=seed) for seed in (3, 4))
    assert again.points == found.points
    assert other.of("vertex") == found.of("vertex")
    assert other.of("sample") != found.of("sample")
    values = [point.scores["accuracy"] for point in found.of("sample")]
    assert found.spread()["mean"] == pytest.approx(np.mean(values))


def test_the_epochs_are_those_of_the_fit(model: SpaceClassifier, found: SimplexScores) -> None:
    assert [row["epoch"] for row in found.epochs] == [row["epoch"] for row in model.history_.rows()]
    assert all(row["macro_f1_q10"] <= row["macro_f1_q90"] for row in found.epochs)
    assert found.monitor == "macro_f1"


def test_texts_that_were_trained_on_are_named(model: SpaceClassifier) -> None:
    assert any("24 texts" in note for note in score_simplex(model, TRAIN.take(list(range(24))), n_points=2).notes)


@pytest.mark.slow
def test_numbers(shallow: Encoder) -> None:
    lengths = [float(len(text)) for text in TRAIN.texts]
    model = SpaceRegressor(shallow, n_vertices=2, n_epochs=2, layers=1, store=None).fit(TRAIN.texts, lengths)
    data = dataclasses.replace(DEV, labels=[float(len(text)) for text in DEV.texts])
    told = score_simplex(model, data, n_points=3)
    assert told.score == "r2"
    assert told.of("centroid")[0].scores["r2"] == pytest.approx(score_model(model, data).scores["r2"], abs=1e-6)


def test_mistakes(model: SpaceClassifier, shallow: Encoder) -> None:
    with pytest.raises(UsageError, match="n_points must be at least 2, got 1"):
        score_simplex(model, DEV, n_points=1)
    with pytest.raises(DataError, match="carries no labels"):
        score_simplex(model, type(DEV)(DEV.texts))
    probe = LinearProbe(shallow, layers=1, store=None).fit(TRAIN.texts, TRAIN.labels)
    with pytest.raises(UsageError, match="LinearProbe was fitted without a simplex"):
        score_simplex(probe, DEV)
