"""Weights of classes: scikit-learn's, or the user's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from spacetune.errors import DataError, UsageError
from spacetune.fitting import SingleLabel, class_weights

LABELS = np.array(["a"] * 12 + ["b"] * 3 + ["c"] * 5)
COUNTS = np.array([12, 3, 5])
NAMES = ["a", "b", "c"]


def test_balanced_weights_are_scikit_learns() -> None:
    found = class_weights(COUNTS, "balanced", NAMES)
    assert found is not None
    expected = compute_class_weight("balanced", classes=np.array(NAMES), y=LABELS)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_users_own_weigh_1_on_average_and_keep_their_proportions() -> None:
    found = class_weights(COUNTS, {"b": 4.0}, NAMES)
    assert found is not None
    assert float((found * COUNTS).sum()) == pytest.approx(20, rel=1e-6)
    assert (found / found[0]).tolist() == pytest.approx([1, 4, 1])


def test_what_is_no_weight_of_a_class_is_refused() -> None:
    assert class_weights(COUNTS, None, NAMES) is None
    with pytest.raises(DataError, match="class_weight names 'd'"):
        class_weights(COUNTS, {"d": 2.0}, NAMES)
    with pytest.raises(UsageError, match="class_weight must be None, 'balanced' or a dict"):
        class_weights(COUNTS, "heavy", NAMES)


def test_a_text_weighs_what_its_class_weighs() -> None:
    weights = class_weights(COUNTS, "balanced", NAMES)
    logits, targets = torch.tensor([[2.0, 0.0, 1.0], [0.5, 1.5, 0.0]]), torch.tensor([0, 1])
    each = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    assert weights is not None
    task = SingleLabel(NAMES, weights)
    assert task.loss(logits, targets).item() == pytest.approx(float((each * weights[:2]).mean()), rel=1e-6)
    scores = task.scores(logits.double().numpy(), targets.numpy())
    assert scores["neg_log_loss"] == pytest.approx(-float((each * weights[:2]).mean()), rel=1e-6)


def test_the_prior_is_the_classes_weighted_shares() -> None:
    targets = torch.tensor([0] * 12 + [1] * 3 + [2] * 5)
    plain = SingleLabel(NAMES).prior(targets)
    torch.testing.assert_close(plain.softmax(0), torch.tensor(COUNTS / 20.0).float())
    even = SingleLabel(NAMES, class_weights(COUNTS, "balanced", NAMES)).prior(targets)
    torch.testing.assert_close(even.softmax(0), torch.full((3,), 1 / 3))
