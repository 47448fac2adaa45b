"""What tuning would take is said after a fit on a frozen encoder, and only there."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest

from spacetune import Encoder, LinearProbe
from spacetune.studies import demo_texts, fit_model
from spacetune.studies.fit import tuning
from spacetune.studies.fit.tuning import tell_of_tuning, tuning_cost

TRAIN = demo_texts("train").take(range(80))


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "WORTH_IT", 80)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "told"), [({}, True), ({"inside": "top", "n_epochs": 1}, False), ({"inside": "lora"}, False)]
)
def test_after_a_fit(settings: Any, told: bool, tiny_encoder: Encoder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "spacetune")
    given = {"encoder": tiny_encoder, "n_epochs": 1, "n_latent": 2, "store": None, "lexicon": False, **settings}
    fit_model(TRAIN, settings=given, baselines=False)
    assert ("tuning them too (method tuned) would take about 0 s here" in caplog.text) == told


def test_few_texts_and_other_families_are_told_nothing(
    tiny_encoder: Encoder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "spacetune")
    model = LinearProbe(tiny_encoder, store=None).fit(TRAIN.texts, TRAIN.labels)
    monkeypatch.setattr(tuning, "WORTH_IT", 81)
    tell_of_tuning(model, 1000)
    monkeypatch.setattr(tuning, "WORTH_IT", 80)
    monkeypatch.setattr(tuning, "tuning_cost", lambda *given: math.inf)
    tell_of_tuning(model, 1000)
    assert "tuning them" not in caplog.text
    monkeypatch.setattr(tuning, "tuning_cost", lambda *given: 600.0)
    tell_of_tuning(model, 1000)
    assert "would take about 10 min here" in caplog.text


def test_the_cost_grows_with_the_tokens(tiny_encoder: Encoder) -> None:
    assert 0 < tuning_cost(tiny_encoder, 2_000, 10) < tuning_cost(tiny_encoder, 2_000, 100_000)
