"""What dev settles: thresholds, baselines, calibration; each is worked out on dev, from what was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune import Encoder, LinearProbe
from spacetune.data import LabelledTexts
from spacetune.fitting import best_threshold

TEXTS = ["my card was charged twice", "where is my order?", "a fine day, thank you", "the parcel never came"] * 6
DEV = ["my order is late", "thank you for the card", "the parcel was charged twice"] * 3


def test_the_baseline_is_the_training_majority_scored_on_dev(tiny_encoder: Encoder) -> None:
    labels = ["a", "a", "a", "b"] * 6
    dev = LabelledTexts(DEV, ["b", "b", "a"] * 3)
    model = LinearProbe(encoder=tiny_encoder, store=None).fit(TEXTS, labels, dev=dev, progress=False)
    assert model.report_["baseline"]["accuracy"] == pytest.approx(1 / 3)


def test_the_threshold_of_several_labels_is_the_best_on_dev(tiny_encoder: Encoder) -> None:
    dev = LabelledTexts(DEV, [["x"], ["x", "y"], ["y"]] * 3)
    model = LinearProbe(encoder=tiny_encoder, store=None)
    model.fit(TEXTS, [["x"], ["x", "y"], [], ["y"]] * 6, dev=dev, progress=False)
    targets = np.array([[1, 0], [1, 1], [0, 1]] * 3)
    assert model.task_.threshold == pytest.approx(best_threshold(model.predict_logits(DEV), targets))  # type: ignore[union-attr]
