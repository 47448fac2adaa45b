"""Numbers that do not differ leave nothing to learn, and trainings that diverge no model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import r2_score

from spacetune import Encoder, SpaceClassifier, SpaceRegressor
from spacetune.errors import DataError
from spacetune.estimators import LinearProbeRegressor, load_estimator


@pytest.mark.parametrize("kind", [LinearProbeRegressor, SpaceRegressor])
def test_constant_numbers_are_refused(kind: type[LinearProbeRegressor]) -> None:
    with pytest.raises(DataError, match=r"numbers that differ, and all 12 labels are 1\.5"):
        kind(store=None).fit(["a", "b", "c"] * 4, [1.5] * 12)


def test_numbers_far_from_0_keep_their_spread(tiny_encoder: Encoder) -> None:
    texts = [f"thing number {i} {'good' if i % 2 else 'bad'}" for i in range(60)]
    y = np.array([1.7e9 + (100 if i % 2 else 0) for i in range(60)], dtype=float)
    model = SpaceRegressor(tiny_encoder, n_epochs=3, store=None).fit(texts, y)
    said = model.predict(texts)
    assert said.dtype == np.float64
    assert len(np.unique(said)) > 30
    assert model.score(texts, y) == pytest.approx(r2_score(y, said))


def test_a_training_that_diverges_is_no_model(tiny_encoder: Encoder, tmp_path: Path) -> None:
    texts, labels = ["good", "bad"] * 12, ["g", "b"] * 12
    good = SpaceClassifier(tiny_encoder, n_epochs=1, store=None).fit(texts, labels)
    good.save_pretrained(tmp_path / "m")
    wild = SpaceClassifier(tiny_encoder, n_epochs=2, learning_rate=1e30, lexicon=False, store=None)
    with pytest.raises(DataError, match=r"the training has diverged: .* not finite; take a smaller learning rate"):
        wild.fit(texts, labels)
    with pytest.raises(DataError, match="sample_weight must be 0, or from 1e-15 to"):
        good.fit(texts, labels, sample_weight=[1e39] + [1] * 23)
    assert load_estimator(tmp_path / "m", encoder=tiny_encoder).predict(["good"]).tolist() in (["g"], ["b"])
