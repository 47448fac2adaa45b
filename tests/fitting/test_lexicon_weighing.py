"""Head and lexicon together: the model answers exactly as they were weighed on dev, also after a refit."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from tests.marked_texts import SHARES, marked_features, marked_texts

from spacetune import SpaceClassifier
from spacetune.fitting import FrozenInputs, SingleLabel, lexicon
from spacetune.fitting.data import FitData
from spacetune.fitting.lexicon import fit_lexicon, learn_lexicon
from spacetune.fitting.methods import space
from spacetune.heads.spaces import SpaceHead

TRAIN, DEV = marked_texts(330), marked_texts(150, seed=1)
TRAIN_FEATURES, DEV_FEATURES = marked_features(TRAIN), marked_features(DEV, seed=1)
NAMES = sorted({*(TRAIN.labels or [])})


def quick(**settings: Any) -> SpaceClassifier:
    return SpaceClassifier(n_epochs=6, n_latent=3, learning_rate=0.02, patience=None, **settings)


@pytest.fixture(scope="module")
def fitted() -> tuple[SpaceClassifier, SpaceHead, list[Any]]:
    """A model, its head before the lexicon was taken up, and what was weighed."""
    model, heads, weighed, taken = quick(), list[SpaceHead](), list[Any](), list[Any]()
    with pytest.MonkeyPatch.context() as patch:
        original = lexicon._mix
        patch.setattr(lexicon, "_mix", lambda *a, **k: weighed.append(original(*a, **k)) or weighed[-1])
        fold = lexicon.Words.fold_into
        patch.setattr(
            lexicon.Words,
            "fold_into",
            lambda self, head: (heads.append(copy.deepcopy(head)), taken.append(self), fold(self, head)),
        )
        model.fit(TRAIN_FEATURES, TRAIN.labels, dev=(DEV_FEATURES, DEV.labels))
    return model, heads[0], [*weighed, *taken]


def test_the_set_takes_a_lexicon(fitted: tuple[SpaceClassifier, SpaceHead, list[Any]]) -> None:
    model, head, _ = fitted
    assert model.lexicon_ is not None
    targets = np.array([NAMES.index(label) for label in DEV.labels or []])
    alone = head.classify(head.centroids(DEV_FEATURES)).argmax(1).numpy()
    assert (model.predict(DEV_FEATURES) == np.array(DEV.labels)).mean() > 0.95 > (alone == targets).mean() + 0.1
    assert len(set(SHARES)) == 3


def test_logits_are_exactly_as_weighed_on_dev(fitted: tuple[SpaceClassifier, SpaceHead, list[Any]]) -> None:
    model, head, weighed = fitted
    *mixtures, words = weighed
    best = min(mixtures, key=lambda mixture: mixture.loss)
    assert abs(best.a - 1) > 0.02
    np.testing.assert_allclose(model.predict_logits(DEV_FEATURES), best.logits, atol=2e-4)
    assert model.lexicon_ is not None
    plain = head.classify(head.centroids(DEV_FEATURES)).detach()
    lexical = words.lexicon.logits(DEV_FEATURES) + words.bias
    np.testing.assert_allclose(model.predict_logits(DEV_FEATURES), best.a * plain + lexical, atol=2e-4)


def test_explanations_and_the_bias_add_up_to_these_logits(
    fitted: tuple[SpaceClassifier, SpaceHead, list[Any]],
) -> None:
    model, _, _ = fitted
    scores = model.learnt_.model.on_top.token_scores(DEV_FEATURES).split(DEV_FEATURES.lengths.tolist())
    sums = torch.stack([part.sum(0) for part in scores]) + model.learnt_.model.on_top.bias
    torch.testing.assert_close(sums, model.learnt_.model.on_top.logits(DEV_FEATURES), atol=1e-4, rtol=1e-4)


def test_what_is_learnt_again_from_the_same_texts_is_the_same_lexicon() -> None:
    task = SingleLabel(NAMES)
    data = FitData(
        FrozenInputs(TRAIN_FEATURES),
        task.targets(TRAIN.labels or []),
        FrozenInputs(DEV_FEATURES),
        task.targets(DEV.labels or []),
    )
    head = torch.randn(len(DEV), 3, generator=torch.Generator().manual_seed(0)) + 0.5
    words = fit_lexicon(data, head, task)
    assert words is not None
    again = learn_lexicon(data, task, words.chosen)
    assert again is not None
    assert again.chosen == words.chosen
    assert abs(words.chosen.share - words.chosen.weight) > 0.1
    torch.testing.assert_close(again.lexicon.weights, words.lexicon.weights, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(again.bias, words.bias, atol=1e-4, rtol=1e-3)


def test_a_refit_goes_to_the_epoch_that_dev_chose_and_to_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs: list[int] = []
    original = space.fit_heads

    def watch(*given: Any, **settings: Any) -> Any:
        heads, histories = original(*given, **settings)
        epochs.append(histories[0].epochs[-1].epoch)
        return heads, histories

    monkeypatch.setattr(space, "fit_heads", watch)
    worsening = [NAMES[(NAMES.index(label) + (i % 3 > 0)) % 3] for i, label in enumerate(DEV.labels or [])]
    model = quick(lexicon=False).fit(TRAIN_FEATURES, TRAIN.labels, dev=(DEV_FEATURES, worsening))
    best, before = model.history_.best_epoch, model.predict_logits(DEV_FEATURES)
    assert best < 6
    model.refit(TRAIN_FEATURES, TRAIN.labels)
    assert epochs == [6, best]
    np.testing.assert_allclose(model.predict_logits(DEV_FEATURES), before, atol=1e-5)


def test_a_refit_with_a_lexicon_is_the_same_model_too(
    fitted: tuple[SpaceClassifier, SpaceHead, list[Any]],
) -> None:
    model = copy.deepcopy(fitted[0])
    before = model.predict_logits(DEV_FEATURES)
    model.refit(TRAIN_FEATURES, TRAIN.labels)
    np.testing.assert_allclose(model.predict_logits(DEV_FEATURES), before, atol=1e-3)
