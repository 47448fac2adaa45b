"""`class_geometry`: are the concept spaces disjoint? Answers known by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.errors import UsageError
from spacetune.geometry import isoscore
from spacetune.studies import class_geometry, demo_texts

DATA = demo_texts("train")


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> SpaceClassifier:
    rows = range(0, 560, 8)
    some = DATA.take(list(rows))
    return SpaceClassifier(encoder, layers=[3, 6], n_latent=4, n_epochs=2).fit(some.texts, some.labels)


def test_every_space_is_described(model: SpaceClassifier) -> None:
    found = class_geometry(model, DATA.texts[:80])
    assert [row["class"] for row in found.rows()] == list(model.classes_)
    features: Any = model.features(DATA.texts[:80])
    assert found.n_tokens == len(features.values)
    mapped = model.head_.spaces(features.values.float()).detach().numpy()
    assert found.spaces[2]["isoscore"] == pytest.approx(isoscore(mapped[:, :, 2].reshape(len(mapped), -1)), rel=1e-6)
    for row in found.spaces:
        assert row["nearest"] != row["class"]
        assert 0 <= row["overlap"] <= 1
        assert 1 <= row["participation_ratio"] <= 8
    assert found.disjoint.startswith("disjoint: no two share a direction")


def test_one_shared_direction_is_found(model: SpaceClassifier) -> None:
    before = model.head_.spaces.operators.detach().clone()
    with torch.no_grad():
        model.head_.spaces.operators[:, 5, 0] = model.head_.spaces.operators[:, 1, 2]
    found = class_geometry(model, DATA.texts[:20])
    with torch.no_grad():
        model.head_.spaces.operators.copy_(before)
    assert found.disjoint.startswith("not disjoint: 1 pairs share a direction")
    assert found.spaces[5]["smallest_angle"] == pytest.approx(0.0, abs=1e-2)
    assert (found.spaces[5]["nearest"], found.spaces[1]["nearest"]) == (model.classes_[1], model.classes_[5])
    assert found.spaces[5]["times_chance"] > 3


def test_other_models_are_refused(encoder: Encoder) -> None:
    probe = LinearProbe(encoder, layers=6).fit(["good", "bad"] * 4, ["a", "b"] * 4)
    with pytest.raises(UsageError, match="only a SpaceClassifier has concept spaces"):
        class_geometry(probe, ["good"])
    rows = np.random.default_rng(0).standard_normal((20, 8))
    with pytest.raises(UsageError, match="fitted on ready embeddings"):
        class_geometry(SpaceClassifier(n_epochs=1).fit(rows, [0, 1] * 10), ["good"])
