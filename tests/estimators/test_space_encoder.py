"""Texts as columns beside others: in pipelines, frames, searches, as scikit-learn's own transformers do it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.errors import DataError, UsageError
from spacetune.estimators import SpaceEncoder

TEXTS = ["my card was charged twice", "where is my order?", "a fine day, thank you", "the parcel never came"] * 6
LABELS = ["bill", "order", "thanks", "order"] * 6


@pytest.fixture
def quick(tiny_encoder: Encoder) -> SpaceClassifier:
    return SpaceClassifier(encoder=tiny_encoder, store=None, n_epochs=2, lexicon=False)


def test_means_are_those_of_the_encoder(tiny_encoder: Encoder) -> None:
    made = SpaceEncoder(encoder=tiny_encoder, layers=[1, 2], store=None).fit(TEXTS)
    expected = tiny_encoder.encode(TEXTS, layers=[1, 2]).means().flatten(1).numpy()
    np.testing.assert_allclose(made.transform(TEXTS), expected, atol=1e-6)
    assert made.get_feature_names_out()[[0, 16]].tolist() == ["layer1_0", "layer2_0"]
    assert made.n_features_out_ == 32


def test_centroids_and_logits_are_those_of_the_classifier(quick: SpaceClassifier) -> None:
    made = SpaceEncoder("centroids", classifier=quick).fit(TEXTS, LABELS)
    model = made.classifier_
    own = model.features(TEXTS).take(np.arange(len(TEXTS)))  # type: ignore[arg-type]
    expected = made._head.centroids(own).flatten(1).detach().numpy()
    np.testing.assert_allclose(made.transform(TEXTS), expected, atol=1e-6)
    assert len(made.get_feature_names_out()) == expected.shape[1] == made.n_features_out_
    assert {name.split("_")[1] for name in made.get_feature_names_out()} == {"bill", "order", "thanks"}
    logits = SpaceEncoder("logits", classifier=quick).fit(TEXTS, LABELS)
    np.testing.assert_allclose(logits.transform(TEXTS), logits.classifier_.predict_logits(TEXTS), atol=1e-6)
    assert logits.get_feature_names_out().tolist() == ["logit_bill", "logit_order", "logit_thanks"]
    assert not hasattr(quick, "learnt_")


def test_beside_numbers_in_a_frame(tiny_encoder: Encoder) -> None:
    frame = pd.DataFrame({"text": TEXTS, "stars": np.arange(24) % 5})
    text = SpaceEncoder(encoder=tiny_encoder, store=None)
    beside = make_column_transformer((text, "text"), (StandardScaler(), ["stars"]))
    beside.set_output(transform="pandas")
    made = beside.fit_transform(frame)
    assert made.columns[0] == "spaceencoder__layer2_0"
    assert made.columns[-1] == "standardscaler__stars"
    assert made.shape == (24, 17)
    model = make_pipeline(beside, LogisticRegression()).fit(frame, LABELS)
    assert model.score(frame, LABELS) > 0.9
    one = make_column_transformer((clone(text), ["text"]))  # a frame of one column
    assert one.fit_transform(frame).shape == (24, 16)


def test_in_a_union_a_search_and_a_pickle(tiny_encoder: Encoder, quick: SpaceClassifier) -> None:
    means = SpaceEncoder(encoder=tiny_encoder, store=None)
    union = FeatureUnion([("m", means), ("c", SpaceEncoder("centroids", classifier=quick))]).fit(TEXTS, LABELS)
    assert union.transform(TEXTS).shape[1] == 16 + union.transformer_list[1][1].n_features_out_
    scores = cross_val_score(make_pipeline(means, LogisticRegression()), TEXTS, LABELS, cv=2)
    assert np.isfinite(scores).all()
    fitted: Any = pickle.loads(pickle.dumps(means.fit(TEXTS)))
    assert np.array_equal(fitted.transform(TEXTS), means.transform(TEXTS))
    pd.testing.assert_frame_equal(
        clone(means).set_output(transform="pandas").fit_transform(TEXTS),
        pd.DataFrame(means.transform(TEXTS), columns=means.get_feature_names_out()),
    )


def test_what_cannot_be(tiny_encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="kind must be one of means, centroids, logits, got 'mean'"):
        SpaceEncoder("mean", encoder=tiny_encoder).fit(TEXTS)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="centroids are learnt from labels: give y, or take kind='means'"):
        SpaceEncoder("centroids").fit(TEXTS)
    with pytest.raises(UsageError, match="needs texts"):
        SpaceEncoder(encoder=tiny_encoder).fit(np.ones((3, 4)))
    with pytest.raises(DataError, match="there are no texts"):
        SpaceEncoder(encoder=tiny_encoder).fit([])


def test_log_probabilities(tiny_encoder: Encoder) -> None:
    model = LinearProbe(encoder=tiny_encoder, store=None).fit(TEXTS, LABELS, progress=False)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(TEXTS[:5])), model.predict_proba(TEXTS[:5]))
