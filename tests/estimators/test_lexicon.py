"""The lexicon: exact, kept only where it helps on dev, saved with the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.estimators.marked import texts_with_marks

from spacetune import Encoder, SpaceClassifier, SpaceRegressor
from spacetune.encoders import TokenFeatures
from spacetune.estimators import load_estimator
from spacetune.fitting import FrozenInputs
from spacetune.fitting.lexicon import WordsChosen, fit_lexicon, learn_lexicon
from spacetune.fitting.linear import logistic_each
from spacetune.fitting.spaces import FitData
from spacetune.fitting.tasks import MultiLabel, SingleLabel

HEAVY = np.array([1.0, 9.0], dtype=np.float32)
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> SpaceClassifier:
    texts, labels = texts_with_marks(240)
    return SpaceClassifier(shallow, n_epochs=1, learning_rate=1e-5, store=None).fit(texts, labels)


def test_it_is_taken_where_the_head_knows_less(model: SpaceClassifier) -> None:
    assert model.lexicon_ is not None
    texts, labels = texts_with_marks(60, seed=1)
    assert (model.predict(texts) == np.array(labels)).mean() > 0.9


def test_explanations_stay_exact_and_words_carry_them(model: SpaceClassifier) -> None:
    explanation = model.explain(["banana of the in on copper", "a velvet of it"])
    assert explanation.check() < 1e-4


def test_it_is_saved(model: SpaceClassifier, shallow: Encoder, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m")
    loaded = load_estimator(tmp_path / "m", encoder=shallow)
    texts, _ = texts_with_marks(20)
    features = shallow.encode(texts, layers=model.layers_, progress=False)
    assert np.array_equal(loaded.predict_logits(features), model.predict_logits(features))


def test_a_refit_without_it_forgets_it(model: SpaceClassifier, shallow: Encoder) -> None:
    texts, labels = texts_with_marks(80)
    again = SpaceClassifier(shallow, n_epochs=1, store=None).fit(texts, labels)
    again.set_params(lexicon=False).fit(texts, labels)
    assert again.lexicon_ is None


def test_what_does_not_help_is_not_taken(shallow: Encoder) -> None:
    texts, _ = texts_with_marks(120)
    features = shallow.encode(texts, progress=False)
    targets = torch.from_numpy(rng.integers(0, 2, 120))
    inputs = FrozenInputs(features)
    data = FitData(inputs, targets, inputs.part(torch.arange(60)), targets[:60])
    perfect = torch.nn.functional.one_hot(targets[:60], 2) * 20.0
    assert fit_lexicon(data, perfect, SingleLabel([0, 1])) is None
    assert fit_lexicon(FitData(inputs, targets, inputs, targets), perfect, SingleLabel([0, 1])) is None


def test_numbers_and_label_sets(shallow: Encoder) -> None:
    texts, labels = texts_with_marks(160)
    options = {"n_epochs": 1, "learning_rate": 1e-5, "store": None}
    values = SpaceRegressor(shallow, **options).fit(texts, [2.5 * label + 0.25 for label in labels])
    assert values.lexicon_ is not None
    assert values.explain(texts[:4]).check() < 1e-4
    several = SpaceClassifier(shallow, **options).fit(texts, [["odd", "all"] if label else ["all"] for label in labels])
    assert several.explain(texts[:4]).check() < 1e-4


def test_ready_embeddings_have_no_words() -> None:
    matrix, labels = rng.normal(size=(60, 5)), [0, 1] * 30
    assert SpaceClassifier(n_epochs=1).fit(matrix, labels).lexicon_ is None


@pytest.fixture(scope="module")
def marked(shallow: Encoder) -> tuple[TokenFeatures, np.ndarray]:
    texts, labels = texts_with_marks(80)
    return shallow.encode(texts, progress=False), np.array(labels)


def learnt(source: TokenFeatures, targets: torch.Tensor, task: Any) -> torch.Tensor:
    words = learn_lexicon(FitData.whole(FrozenInputs(source), targets), task, WordsChosen(1.0, 1.0, 1.0, 0.0))
    assert words is not None
    return words.lexicon.logits(source) + words.bias.float()


def test_class_weights_reach_it(marked: tuple[TokenFeatures, np.ndarray]) -> None:
    source, labels = marked
    rare = torch.from_numpy(np.where(np.arange(80) < 16, labels, 0))  # few of class 1
    plain, weighed = (learnt(source, rare, SingleLabel([0, 1], w)) for w in (None, HEAVY))
    assert (weighed.softmax(1)[:, 1] > plain.softmax(1)[:, 1]).all()
    copies = torch.cat([torch.arange(80), *[(rare == 1).nonzero().squeeze(1)] * 8])
    assert _loss(weighed[copies], rare[copies]) < _loss(plain[copies], rare[copies])


def test_label_weights_reach_it_and_the_probe(marked: tuple[TokenFeatures, np.ndarray]) -> None:
    source, labels = marked
    targets = torch.from_numpy(np.c_[labels, 1 - labels].astype(np.float32))
    plain, weighed = (learnt(source, targets, MultiLabel("ab", w)) for w in (None, HEAVY[::-1].copy()))
    assert (weighed[:, 0] > plain[:, 0]).all()
    torch.testing.assert_close(weighed[:, 1], plain[:, 1], atol=0.05, rtol=0)


def test_weights_are_those_of_repeated_texts() -> None:
    rows, targets = rng.normal(size=(40, 3)), np.tile([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], (10, 1))
    targets[:8] = 0, 1
    weighed = logistic_each(rows, targets, 0.5, np.array([3.0, 1.0]))
    thrice = np.r_[np.arange(40), np.flatnonzero(targets[:, 0] == 1), np.flatnonzero(targets[:, 0] == 1)]
    repeated = logistic_each(rows[thrice], targets[thrice], 0.5)
    np.testing.assert_allclose(weighed[0][0], repeated[0][0], atol=2e-3)
    np.testing.assert_allclose(weighed[1][0], repeated[1][0], atol=2e-3)


def test_a_fit_weighs_the_lexicon_by_its_class_weights(encoder: Encoder) -> None:
    texts, labels = texts_with_marks(120)
    options = {"n_epochs": 1, "learning_rate": 1e-5, "store": None}
    plain, weighed = (
        SpaceClassifier(encoder, class_weight=w, **options).fit(texts, labels) for w in (None, {0: 1.0, 1: 4.0})
    )
    assert plain.lexicon_ is not None
    assert weighed.lexicon_ is not None
    unmarked = ["of the in on", "as by for"]
    assert (weighed.predict_proba(unmarked)[:, 1] > plain.predict_proba(unmarked)[:, 1] + 0.03).all()


def _loss(logits: torch.Tensor, targets: torch.Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(logits, targets))
