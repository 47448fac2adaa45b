"""A fit of pairs: read apart where no method is named, beside the plain cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, LabelledTexts, LinearProbe
from spacetune.studies import demo_texts, fit_model, score_model
from spacetune.studies.fit.cosine import cosines

TEXTS = demo_texts("train").texts[:40]
OTHERS = TEXTS[1:] + TEXTS[:1]
PAIRS = LabelledTexts(TEXTS * 2, ["same"] * 40 + ["other"] * 40, pairs=TEXTS + OTHERS)
FRESH = demo_texts("test").texts[:10]
TEST = LabelledTexts(FRESH * 2, ["same"] * 10 + ["other"] * 10, pairs=FRESH + FRESH[1:] + FRESH[:1])


def settings(encoder: Encoder, **more: Any) -> dict[str, Any]:
    return {"encoder": encoder, "store": None, **more}


def test_pairs_are_read_apart_by_the_probe_and_the_cosine_stands_beside(tiny_encoder: Encoder) -> None:
    model, report = fit_model(PAIRS, test=TEST, settings=settings(tiny_encoder))
    assert isinstance(model, LinearProbe)
    assert report.method == "probe"
    rows = {(row["method"], row["split"]): row for row in report.table}
    assert {method for method, _ in rows} == {"majority", "tf-idf + linear", "cosine", "probe"}
    assert rows["probe", "test"]["accuracy"] == 1.0
    assert rows["cosine", "test"]["accuracy"] >= 0.8
    assert score_model(model, TEST).scores["accuracy"] == 1.0


def test_numbers_of_pairs(tiny_encoder: Encoder) -> None:
    data = LabelledTexts(PAIRS.texts, [1.5] * 40 + [0.25] * 40, pairs=PAIRS.pairs)
    _, report = fit_model(data, settings=settings(tiny_encoder))
    cosine = next(row for row in report.table if row["method"] == "cosine")
    assert cosine["pearson"] > 0.8


@pytest.mark.parametrize(
    ("given", "method"), [({"n_latent": 2, "n_epochs": 1}, "space"), ({"layers": -1}, "probe"), ({}, "probe")]
)
def test_a_setting_of_spaces_asks_for_spaces(given: dict[str, Any], method: str, tiny_encoder: Encoder) -> None:
    _, report = fit_model(PAIRS, settings=settings(tiny_encoder, **given), baselines=False)
    assert report.method == method


def test_single_texts_are_fitted_as_ever(tiny_encoder: Encoder) -> None:
    quick = settings(tiny_encoder, n_epochs=1, n_latent=2)
    del quick["n_latent"], quick["n_epochs"]
    data = demo_texts("train").take(range(40))
    _, report = fit_model(data, settings={**quick, "n_epochs": 1}, baselines=False)
    assert report.method == "space"


def test_cosines_are_those_of_mean_states(tiny_encoder: Encoder) -> None:
    reader = LinearProbe(tiny_encoder, layers=-1, pairs="apart", store=None)
    found = cosines(reader, TEST)
    means = [tiny_encoder.encode(texts).means()[:, 0].double().numpy() for texts in (TEST.texts, TEST.pairs)]
    expected = (means[0] * means[1]).sum(1) / np.prod([np.linalg.norm(m, axis=1) for m in means], axis=0)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(found[:10, 0], 1, atol=1e-5)
