"""Real results of every kind, made once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, PrefixSimplexClassifier, SpaceClassifier, few_shot
from spacetune.data import check_texts
from spacetune.dissection import dissect
from spacetune.geometry import compute
from spacetune.results import Result
from spacetune.studies import (
    check_explanations,
    class_geometry,
    compare,
    demo_texts,
    diagnose,
    find_counterfactual,
    fit_model,
    map_spaces,
    measure,
    measure_ladder,
    predict_texts,
    score_model,
    score_simplex,
    summarise,
    word_reach,
)

STRANGE = "<script>alert(1)</script> 🧥 zip | مرحبا & 'co' <img src=x onerror=alert(2)>"


@pytest.fixture(scope="session")
def fitted(shallow: Encoder) -> tuple[SpaceClassifier, Result]:
    train = few_shot(demo_texts("train"), 160)
    settings: dict[str, Any] = {"encoder": shallow.single_pass, "n_epochs": 6, "n_latent": 4}
    model, report = fit_model(train, dev=demo_texts("dev"), test=demo_texts("test"), settings=settings)
    assert isinstance(model, SpaceClassifier)
    return model, report


@pytest.fixture(scope="session")
def prefixed(tiny_encoder: Encoder) -> tuple[PrefixSimplexClassifier, Result]:
    settings: dict[str, Any] = {
        "encoder": tiny_encoder,
        "n_vertices": 3,
        "prefix_length": 2,
        "n_epochs": 2,
        "layers": 1,
    }
    parts = few_shot(demo_texts("train"), 64), few_shot(demo_texts("dev"), 40)
    model, report = fit_model(parts[0], dev=parts[1], method="prefix-simplex", settings=settings, baselines=False)
    assert isinstance(model, PrefixSimplexClassifier)
    return model, report


@pytest.fixture(scope="session")
def results(
    fitted: tuple[SpaceClassifier, Result],
    prefixed: tuple[PrefixSimplexClassifier, Result],
    encoder: Encoder,
    narrow: Encoder,
) -> dict[str, Result]:
    model, report = fitted
    few: dict[str, Any] = {"measures": ["isoscore", "participation_ratio"], "store": None}
    some = few_shot(demo_texts("test"), 24)
    test = demo_texts("test")
    explanation = model.explain([STRANGE, "word " * 600, "", test.texts[0]])
    return {
        "fit": report,
        "scores": score_model(model, test),
        "explanation": explanation,
        "one explanation": explanation[0],
        "check": check_explanations(model, test.texts, n_texts=20),
        "counterfactual": find_counterfactual(model, test.texts[0]),
        "reach": word_reach(model, test.texts[0]),
        "summary": summarise(model.explain(test.texts[:60]), test.labels[:60]),
        "spaces": map_spaces(model, test),
        "overlap": model.spaces(),
        "predictions": predict_texts(model, [STRANGE, *test.texts]),
        "data": check_texts(test),
        "geometry": compute(np.random.default_rng(0).standard_normal((400, 6)), ["isoscore", "participation_ratio"]),
        "doctor": diagnose(),
        "measures": measure(narrow, test.texts[:40], intervals=True, **few),
        "measures of one layer": measure(narrow, some.texts, layers=-1, **few),
        "class geometry": class_geometry(model, some),
        "ladder": measure_ladder(narrow, some.texts, alphas=[1, 8], seeds=[0, 1], measures=["isoscore"]),
        "comparison": compare(narrow, narrow, test.texts[:40], layers=[2, 6], measures=["isoscore"], store=None),
        "comparison of one layer": compare(narrow, narrow, some.texts, layers=6, measures=["isoscore"], store=None),
        "dissection": dissect(encoder, [STRANGE, test.texts[0]], 6, splits=["layer", "head", "attended", "bias"]),
        "dissection over layers": dissect(encoder, [STRANGE], "all"),
        "uncertainty": prefixed[0].uncertainty(some.texts, n_samples=3),
        "prefix fit": prefixed[1],
        "simplex": score_simplex(prefixed[0], some, n_points=4),
    }


KINDS = (
    "fit", "scores", "explanation", "one explanation", "check", "counterfactual", "reach", "summary",
    "spaces", "overlap", "predictions", "data", "geometry", "doctor",
    "measures", "measures of one layer", "class geometry", "ladder", "comparison", "comparison of one layer",
    "dissection", "dissection over layers", "uncertainty", "prefix fit", "simplex",
)  # fmt: skip
