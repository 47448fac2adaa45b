"""One temperature: it lowers the log loss of dev, for one label a text and for several."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune.fitting import calibration_error, fit_temperature, probabilities, reliability
from spacetune.fitting.calibration import calibration_errors

rng = np.random.default_rng(0)
SURE = 6.0
"""By how much the logits are too large."""


def drawn(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are too sure, and targets drawn from what they should have been."""
    logits = rng.standard_normal((4000, 3))
    true = probabilities(logits, 1.0, kind)
    if kind == "multi":
        return SURE * logits, (rng.random(true.shape) < true).astype(float)
    return SURE * logits, (rng.random((4000, 1)) > true.cumsum(1)).sum(1)


def log_loss(logits: np.ndarray, targets: np.ndarray, temperature: float, kind: str) -> float:
    p = probabilities(logits, temperature, kind)
    given = np.where(targets == 1, p, 1 - p) if kind == "multi" else p[np.arange(len(targets)), targets]
    return float(-np.log(given).mean())


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_the_log_loss_falls_and_the_true_temperature_is_found(kind: str) -> None:
    logits, targets = drawn(kind)
    found = fit_temperature(logits, targets, kind)
    assert found == pytest.approx(SURE, rel=0.1)
    assert log_loss(logits, targets, found, kind) < log_loss(logits, targets, 1.0, kind)
    for other in (0.9 * found, 1.1 * found):
        assert log_loss(logits, targets, found, kind) < log_loss(logits, targets, other, kind)


def test_a_dozen_texts_move_the_temperature_little_and_many_as_far_as_they_say() -> None:
    logits, targets = np.array([[1.0, 0.0]] * 12), np.array([0, 1] * 6)  # best fitted by the hottest of all
    few, weighed = fit_temperature(logits, targets, "single"), np.array([1.0, 1.0, *[1e-6] * 10])
    many = fit_temperature(np.tile(logits * 4, (2000, 1)), np.tile(targets, 2000), "single")
    assert 1 < few < 2 < 15 < many
    assert 1 < fit_temperature(logits, targets, "single", weighed) < few  # these weigh like two


def test_probabilities_are_those_of_the_logits_over_the_temperature() -> None:
    logits = np.array([[2.0, 0.0, -2.0]])
    assert probabilities(logits, 2.0, "multi")[0] == pytest.approx(1 / (1 + np.exp([-1.0, 0.0, 1.0])))
    weights = np.exp([1.0, 0.0, -1.0])
    assert probabilities(logits, 2.0, "single")[0] == pytest.approx(weights / weights.sum())


def test_the_error_weighs_a_bin_by_what_it_holds() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.15])
    correct = np.array([True, True, False, False])
    assert calibration_error(confidence, correct, 10) == pytest.approx((3 * abs(2 / 3 - 0.95) + 0.15) / 4)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0.0  # the last bin holds its upper end
    rows = reliability(confidence, correct, 10)
    assert [(round(r["low"], 9), round(r["high"], 9), r["n"]) for r in rows] == [(0.1, 0.2, 1), (0.9, 1.0, 3)]
    assert [r["accuracy"] for r in rows] == pytest.approx([0, 2 / 3])
    assert [r["confidence"] for r in rows] == pytest.approx([0.15, 0.95])


def test_fifteen_bins_unless_told_otherwise() -> None:
    confidence = np.linspace(0.001, 0.999, 240)
    correct = np.sin(50 * confidence) > 0
    assert calibration_error(confidence, correct) == calibration_error(confidence, correct, 15)
    assert calibration_error(confidence, correct) != calibration_error(confidence, correct, 16)
    assert len(reliability(confidence, correct)) == 15


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_dev_texts_that_are_all_right_are_no_surer_than_their_number_allows(kind: str) -> None:
    targets = np.arange(12) % 2 if kind == "single" else np.eye(2, dtype=int)[np.arange(12) % 2]
    logits = (8.0 + np.arange(12)[:, None]) * np.where(np.eye(2)[np.arange(12) % 2] == 1, 1.0, -1.0)
    p = probabilities(logits, fit_temperature(logits, targets, kind), kind)
    chances = p[np.arange(12), targets] if kind == "single" else np.where(targets == 1, p, 1 - p)
    assert chances.mean() == pytest.approx((chances.size + 1) / (chances.size + 2), abs=1e-6)
    assert 0.2 < fit_temperature(logits / 20, targets, kind) < 1  # unsure, though all are right: sharpened, not far
    assert fit_temperature(logits * 1e4, targets, kind) == pytest.approx(20.0)


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_both_errors_are_of_their_temperatures(kind: str) -> None:
    logits, targets = drawn(kind)
    found = calibration_errors(logits, targets, SURE, kind)
    assert found["ece_raw"] == calibration_errors(logits, targets, 1.0, kind)["ece"]
    assert found["ece"] < 0.03 < found["ece_raw"]


def test_the_rule_of_succession_goes_by_weights() -> None:
    logits, targets = np.array([[9.0, 0.0], [3.0, 0.0], [1.5, 0.0]]), np.array([0, 0, 0])  # none is wrong
    plain = fit_temperature(logits, targets, "single")
    sure = fit_temperature(logits, targets, "single", np.array([8.0, 1.0, 1.0]))
    chances, n = probabilities(logits, sure, "single")[:, 0], 100 / 66  # texts in effect
    assert np.average(chances, weights=[8, 1, 1]) == pytest.approx((n + 1) / (n + 2), abs=1e-4)
    assert sure > plain
