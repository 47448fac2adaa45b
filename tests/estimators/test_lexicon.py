"""The lexicon: exact, kept only where it helps on dev, saved with the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spacetune import Encoder, SpaceClassifier, SpaceRegressor
from spacetune.estimators import load_estimator
from spacetune.estimators.lexicon_fitting import fit_lexicon
from spacetune.estimators.space_training import SpaceData
from spacetune.training.tasks import SingleLabel

rng = np.random.default_rng(0)
FILLER = ["the", "of", "a", "in", "to", "and", "we", "it", "is", "on", "as", "by", "for", "this", "that"]


def texts_with_marks(n: int) -> tuple[list[str], list[int]]:
    """The mark that decides stands among words that do not: a case for word scores."""
    labels = [int(i % 2) for i in range(n)]
    marks = [("banana", "copper"), ("velvet", "tunnel")]
    texts = [" ".join([*rng.choice(FILLER, 9), marks[label][i % 2 if i % 3 else 0]]) for i, label in enumerate(labels)]
    return [" ".join(rng.permutation(text.split())) for text in texts], labels


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.from_pretrained(dtype="float32")


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> SpaceClassifier:
    texts, labels = texts_with_marks(240)
    return SpaceClassifier(encoder, n_epochs=1, learning_rate=1e-5, store=None).fit(texts, labels)


def test_it_is_taken_where_the_head_knows_less(model: SpaceClassifier) -> None:
    assert model.lexicon_ is not None
    texts, labels = texts_with_marks(60)
    assert (model.predict(texts) == np.array(labels)).mean() > 0.9


def test_explanations_stay_exact_and_words_carry_them(model: SpaceClassifier) -> None:
    explanation = model.explain(["banana of the in on copper", "a velvet of it"])
    assert explanation.check() < 1e-4


def test_it_is_saved(model: SpaceClassifier, encoder: Encoder, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m")
    loaded = load_estimator(tmp_path / "m")
    texts, _ = texts_with_marks(20)
    features = encoder.encode(texts, layers=model.layers_, progress=False)
    torch.testing.assert_close(loaded.logits_of(features), model.logits_of(features), rtol=0, atol=0)


def test_a_refit_without_it_forgets_it(model: SpaceClassifier, encoder: Encoder) -> None:
    texts, labels = texts_with_marks(80)
    again = SpaceClassifier(encoder, n_epochs=1, store=None).fit(texts, labels)
    again.set_params(lexicon=False).fit(texts, labels)
    assert again.lexicon_ is None


def test_what_does_not_help_is_not_taken(encoder: Encoder) -> None:
    texts, _ = texts_with_marks(120)
    features = encoder.encode(texts, progress=False)
    targets = torch.from_numpy(rng.integers(0, 2, 120))
    data = SpaceData(features, targets, features.take(torch.arange(60)), targets[:60])
    perfect = torch.nn.functional.one_hot(targets[:60], 2) * 20.0
    assert fit_lexicon(data, perfect, SingleLabel([0, 1])) is None
    assert fit_lexicon(SpaceData(features, targets, features, targets), perfect, SingleLabel([0, 1])) is None


def test_numbers_and_label_sets(encoder: Encoder) -> None:
    texts, labels = texts_with_marks(160)
    options = {"n_epochs": 1, "learning_rate": 1e-5, "store": None}
    values = SpaceRegressor(encoder, **options).fit(texts, [2.5 * label + 0.25 for label in labels])
    assert values.lexicon_ is not None
    assert values.explain(texts[:4]).check() < 1e-4
    several = SpaceClassifier(encoder, **options).fit(texts, [["odd", "all"] if label else ["all"] for label in labels])
    assert several.explain(texts[:4]).check() < 1e-4


def test_ready_embeddings_have_no_words() -> None:
    matrix, labels = rng.normal(size=(60, 5)), [0, 1] * 30
    assert SpaceClassifier(n_epochs=1).fit(matrix, labels).lexicon_ is None
