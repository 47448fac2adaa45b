"""Studies of terms agree with the model, the geometry and the dissections they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, LabelledTexts, SpaceClassifier, few_shot
from spacetune.dissection import TERMS, dissect
from spacetune.errors import DataError, UsageError
from spacetune.geometry import isoscore
from spacetune.studies import demo_texts, score_term_subsets, term_geometry, term_shift, term_use

TEXTS = demo_texts("test").texts[:12]


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> SpaceClassifier:
    data = few_shot(demo_texts("train"), 48)
    return SpaceClassifier(shallow, layers=[0, 1], n_epochs=3, store=None).fit(data.texts, data.labels)


def test_contributions_add_up_to_the_models_own_logit(model: SpaceClassifier) -> None:
    found = term_use(model, TEXTS)
    logits = model.predict_logits(TEXTS)
    best = logits.argmax(1)
    bias = model.head_.classifier.bias.detach().numpy()[best]
    np.testing.assert_allclose(found.contributions.sum((1, 2)) + bias, logits.max(1), atol=1e-4)
    np.testing.assert_allclose(found.projection.sum(1), 1, atol=1e-4)
    assert found.additivity_error < 1e-4
    assert found.layers == (0, 1)
    assert not found.contributions[:, 0, 1:3].any()  # no attention, no feed-forward in the embeddings
    assert [row["term"] for row in found.rows()] == [*TERMS, "centre", *TERMS, "centre", "lexicon", "bias"]
    assert set(found.kept) == set(TERMS)


def test_predictions_without_a_term_are_those_of_the_altered_embeddings(model: SpaceClassifier) -> None:
    altered = dissect(model.encoder_, TEXTS, [0, 1]).without("feed_forward")
    same = model.predict(altered) == model.predict(TEXTS)
    assert term_use(model, TEXTS).kept["feed_forward"] == pytest.approx(same.mean())


def test_a_model_of_ready_embeddings_has_no_terms() -> None:
    rng = np.random.default_rng(0)
    fitted = SpaceClassifier(n_epochs=1).fit(rng.normal(size=(20, 4)), [0, 1] * 10)
    with pytest.raises(DataError, match="fitted on ready embeddings"):
        term_use(fitted, TEXTS)


@pytest.mark.parametrize("method", ["probe", pytest.param("space", marks=pytest.mark.slow)])
def test_fifteen_subsets(shallow: Encoder, method: str) -> None:
    train, test = few_shot(demo_texts("train"), 40), few_shot(demo_texts("test"), 24)
    settings = {"n_epochs": 2} if method == "space" else {"C": 0.01}
    found = score_term_subsets(train, test, encoder=shallow, method=method, settings=settings)  # pyright: ignore[reportArgumentType]
    assert len(found.rows()) == 15
    assert found.rows()[0]["terms"] == "input"
    assert found.rows()[-1]["terms"] == "input + attention + feed_forward + correction"
    assert all(0 <= row["accuracy"] <= 1 for row in found.rows())
    if method == "probe":
        assert found.rows()[-1]["accuracy"] > 0.3 > 1 / 8


def test_subsets_ask_for_labels_and_a_known_method(shallow: Encoder) -> None:
    data = few_shot(demo_texts("train"), 8)
    with pytest.raises(UsageError, match="method must be probe or space, got 'tree'"):
        score_term_subsets(data, data, encoder=shallow, method="tree")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("labels", [[0.5, 1.5], [["a"], []]])
def test_subsets_are_of_classes_alone(shallow: Encoder, labels: list[Any]) -> None:
    data = LabelledTexts(["one", "two"], labels)
    with pytest.raises(DataError, match="scored for one class per text"):
        score_term_subsets(data, data, encoder=shallow)


def test_geometry_of_each_term(shallow: Encoder) -> None:
    found = term_geometry(shallow, TEXTS, measures=["isoscore"])
    assert [row["term"] for row in found.rows()] == [*TERMS, "embedding"]
    points = dissect(shallow, TEXTS).term("attention")[:, 0].double().numpy()
    assert found.rows()[1]["isoscore"] == pytest.approx(isoscore(points), rel=1e-6)
    assert all(0 <= row["mean_share"] <= 1 for row in found.rows())
    at_0 = term_geometry(shallow, TEXTS, 0, measures=["isoscore"])
    assert [row["term"] for row in at_0.rows()] == ["input", "correction", "embedding"]
    with pytest.raises(DataError, match="at least 2 tokens, got 0"):
        term_geometry(shallow, [])


def test_shift_of_an_encoder_against_itself_is_nothing(shallow: Encoder) -> None:
    found = term_shift(shallow, shallow, TEXTS[:3])
    assert [row["layer"] for row in found.rows()] == [0, 1]
    assert all(row["input change"] == 0 for row in found.rows())
