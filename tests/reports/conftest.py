"""Real results of every kind, made once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, SpaceClassifier, few_shot
from spacetune.data import check_texts
from spacetune.dissection import dissect
from spacetune.estimators.prefix_uncertainty import Uncertainty
from spacetune.geometry import compute
from spacetune.results import Result
from spacetune.studies import compare, demo_texts, diagnose, fit_model, map_spaces, measure, predict_texts, score_model

STRANGE = "<script>alert(1)</script> 🧥 zip | مرحبا & 'co' <img src=x onerror=alert(2)>"


@pytest.fixture(scope="session")
def fitted(encoder: Encoder) -> tuple[SpaceClassifier, Result]:
    train = few_shot(demo_texts("train"), 160)
    settings: dict[str, Any] = {"encoder": encoder, "n_epochs": 6, "n_latent": 4}
    model, report = fit_model(train, dev=demo_texts("dev"), test=demo_texts("test"), settings=settings)
    assert isinstance(model, SpaceClassifier)
    return model, report


@pytest.fixture(scope="session")
def results(fitted: tuple[SpaceClassifier, Result], encoder: Encoder) -> dict[str, Result]:
    model, report = fitted
    test = demo_texts("test")
    spread = np.linspace(0, 1, 20)
    chances = np.stack([spread, 1 - spread], 1)
    explanation = model.explain([STRANGE, "word " * 600, "", test.texts[0]])
    return {
        "fit": report,
        "scores": score_model(model, test),
        "explanation": explanation,
        "one explanation": explanation[0],
        "spaces": map_spaces(model, test),
        "overlap": model.spaces(),
        "predictions": predict_texts(model, [STRANGE, *test.texts]),
        "data": check_texts(test),
        "geometry": compute(np.random.default_rng(0).standard_normal((400, 6)), ["isoscore", "participation_ratio"]),
        "doctor": diagnose(),
        "measures": measure(
            encoder, test.texts[:40], intervals=True, measures=["isoscore", "participation_ratio"], store=None
        ),
        "comparison": compare(encoder, encoder, test.texts[:40], layers=[2, 6], measures=["isoscore"], store=None),
        "dissection": dissect(encoder, [STRANGE, test.texts[0]], 6, splits=["head", "attended"]),
        "uncertainty": Uncertainty(("a", "b"), chances, spread, spread / 2, spread / 2, 8),
    }


KINDS = (
    "fit", "scores", "explanation", "one explanation", "spaces", "overlap", "predictions", "data", "geometry", "doctor",
    "measures", "comparison", "dissection", "uncertainty",
)  # fmt: skip
