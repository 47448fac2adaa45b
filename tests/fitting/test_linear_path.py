"""A probe as one more dimension of every space: its logits in the mixture, exact sums, saved and learnt again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spacetune import Encoder, SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.estimators import SpaceRegressor, load_estimator
from spacetune.fitting.linear_path import LinearPath, PathChosen
from spacetune.heads import LinearHead, SpaceHead
from spacetune.heads.spaces import ConceptSpaces
from spacetune.studies import demo_texts

TRAIN, DEV, TEST = demo_texts("train").take(range(120)), demo_texts("dev"), demo_texts("test").take(range(20))


def test_the_wider_head_gives_the_weighed_sum_of_both() -> None:
    draw = torch.Generator().manual_seed(0)
    head = SpaceHead(ConceptSpaces(6, 4, 3, n_layers=2, generator=draw), 3, draw)
    head.spaces.standardise(torch.randn(2, 6, generator=draw), torch.rand(2, 6, generator=draw) + 0.5)
    lengths = torch.tensor([3, 1, 5, 2])
    values = 2 * torch.randn(int(lengths.sum()), 2, 6, generator=draw)
    features = TokenFeatures(values, torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)]))
    probe = LinearHead(torch.randn(3, 12, generator=draw), torch.tensor([0.5, -1.0, 2.0]))
    wider = LinearPath(probe, PathChosen(1.0, 0.7, 0.4)).beside(head)
    assert wider.spaces.operators.shape == (2, 3, 5, 6)
    with torch.no_grad():
        found, expected = wider.logits(features), 0.7 * head.logits(features) + 0.4 * probe.logits(features)
        sums = torch.stack([part.sum(0) for part in wider.token_scores(features).split(lengths.tolist())])
    torch.testing.assert_close(found.double(), expected, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(sums + wider.bias, found, atol=1e-4, rtol=1e-5)


@pytest.fixture(scope="module")
def both(shallow: Encoder) -> tuple[SpaceClassifier, SpaceClassifier]:
    settings = {"encoder": shallow, "n_latent": 2, "n_epochs": 2, "lexicon": False, "store": None}
    with_it, without = (SpaceClassifier(linear_path=path, **settings) for path in (True, False))
    return tuple(model.fit(TRAIN.texts, TRAIN.labels, dev=DEV) for model in (with_it, without))


def test_it_is_taken_where_it_helps_and_the_sums_stay_exact(both: tuple[SpaceClassifier, SpaceClassifier]) -> None:
    with_it, without = both
    assert without.learnt_.chosen.path is None
    chosen = with_it.learnt_.chosen.path
    assert chosen.weight > 0
    assert (with_it.head_.spaces.operators.shape[2], without.head_.spaces.operators.shape[2]) == (3, 2)
    losses = [-model.report_["dev_scores"]["neg_log_loss"] for model in both]
    assert losses[0] < losses[1]
    assert with_it.explain(TEST.texts).check() < 1e-4


def test_saved_and_learnt_again(both: tuple[SpaceClassifier, SpaceClassifier], tmp_path: Path) -> None:
    model = both[0]
    model.save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m", encoder=model.encoder)
    np.testing.assert_array_equal(again.predict_logits(TEST.texts), model.predict_logits(TEST.texts))
    before = model.predict_logits(TEST.texts)
    refitted = model.refit(TRAIN.texts, TRAIN.labels)
    assert refitted.head_.spaces.operators.shape[2] == 3
    np.testing.assert_allclose(refitted.predict_logits(TEST.texts), before, atol=1e-3)  # from the same texts


def test_numbers(shallow: Encoder) -> None:
    lengths = [len(text) / 10 for text in TRAIN.texts]
    model = SpaceRegressor(shallow, linear_path=True, n_latent=2, n_epochs=2, store=None).fit(TRAIN.texts, lengths)
    assert model.learnt_.chosen.path is not None
    assert model.explain(TEST.texts).check() < 1e-3


def test_it_stands_beside_one_head_that_is_trained_by_the_tasks_loss_alone(shallow: Encoder) -> None:
    model = SpaceClassifier(shallow, linear_path=True, inter_weight=0.1, n_latent=2, n_epochs=1, store=None)
    assert model.fit(TRAIN.texts, TRAIN.labels).learnt_.chosen.path is None


@pytest.mark.parametrize("width", [16, 512])
def test_left_open_it_is_weighed_where_states_are_wide(width: int) -> None:
    rng = np.random.default_rng(0)
    rows, bent = rng.normal(size=(300, width)), rng.normal(size=width)
    model = SpaceClassifier(n_latent=4, n_epochs=1).fit(rows, (rows @ bent > 0).astype(int))
    assert (model.learnt_.chosen.path is not None) == (width == 512)
