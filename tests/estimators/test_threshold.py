"""Several labels a text: a label is given where its logit reaches the threshold that dev chose."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune import SpaceClassifier

rng = np.random.default_rng(0)
TRUTH = rng.random((80, 3)) < 0.35
MATRIX = np.concatenate([TRUTH + 0.3 * rng.standard_normal((80, 3)), rng.standard_normal((80, 2))], axis=1)
NAMES = np.array(["blue", "green", "red"])
LABELS = [NAMES[row].tolist() for row in TRUTH]


@pytest.fixture(scope="module")
def model() -> SpaceClassifier:
    return SpaceClassifier(n_epochs=3, n_latent=3).fit(MATRIX, LABELS)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_labels_are_those_whose_logits_reach_the_threshold(model: SpaceClassifier, share: float) -> None:
    logits, chosen = model.predict_logits(MATRIX), model.task_.threshold
    assert [list(row) for row in model.predict(MATRIX)] == [NAMES[row].tolist() for row in logits >= chosen]
    try:
        model.task_.threshold = float(np.quantile(logits, share))
        expected = [NAMES[row].tolist() for row in logits >= model.task_.threshold]
        assert expected != [NAMES[row].tolist() for row in logits >= 0]
        assert [list(row) for row in model.predict(MATRIX)] == expected
    finally:
        model.task_.threshold = chosen
