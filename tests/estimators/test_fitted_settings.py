"""What a model predicts goes by what it was fitted with and on: not by settings of the next fit, nor by other rows."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.errors import DataError
from spacetune.estimators import load_estimator
from spacetune.studies import demo_pairs, demo_texts

TEXTS, PAIRS = demo_texts("train").take(range(40)), demo_pairs("train").take(range(40))
SINGLES, ROWS = [str(text) for text in TEXTS.texts], list(PAIRS.inputs)


@pytest.mark.parametrize(
    ("made", "changed"),
    [
        (LinearProbe(C=0.1), {"max_length": 4}),
        (LinearProbe(C=0.1), {"layers": [1], "inside": "top"}),
        (SpaceClassifier(n_epochs=1), {"n_latent": 3, "max_windows": 1}),
    ],
)
def test_settings_set_after_a_fit_count_for_the_next(
    tiny_encoder: Encoder, made: Any, changed: dict[str, Any], tmp_path: Path
) -> None:
    model = made.set_params(encoder=tiny_encoder, store=None).fit(SINGLES, TEXTS.labels, progress=False)
    before = model.predict_logits(SINGLES)
    model.set_params(**changed)
    again = pickle.loads(pickle.dumps(model))
    model.save_pretrained(tmp_path / "model")
    saved = load_estimator(tmp_path / "model", encoder=tiny_encoder)
    for each in (model, again, saved):
        np.testing.assert_allclose(each.predict_logits(SINGLES), before, atol=1e-6)
        assert each.explain(SINGLES[:2]).check() <= 1e-5
    assert {name: getattr(model, name) for name in changed} == changed
    assert {name: getattr(saved, name) for name in changed} != changed


def test_a_model_of_pairs_asks_for_pairs(tiny_encoder: Encoder) -> None:
    for how in ("apart", "together"):
        model = LinearProbe(tiny_encoder, pairs=how, store=None).fit(ROWS, PAIRS.labels, progress=False)
        for ask in (model.predict, model.explain, model.predict_proba, model.features):
            with pytest.raises(DataError, match=r"trained on pairs of texts, and was given single texts; give pairs"):
                ask(SINGLES)
        with pytest.raises(DataError, match="all single or all pairs"):
            model.predict([ROWS[0], SINGLES[0]])
        with pytest.raises(DataError, match="trained on pairs"):
            model.refit(SINGLES, TEXTS.labels)
        with pytest.raises(DataError, match="trained on pairs"):
            LinearProbe(tiny_encoder, store=None).fit(ROWS, PAIRS.labels, dev=(SINGLES, PAIRS.labels))


def test_a_class_that_is_called_as_a_column_has_one_of_its_own(tiny_encoder: Encoder) -> None:
    labels = ["start" if i % 2 else "token" for i in range(len(SINGLES))]
    model = LinearProbe(tiny_encoder, store=None).fit(SINGLES, labels, progress=False)
    row = model.explain(SINGLES[:1]).rows()[0]
    assert list(row) == ["text", "token", "start", "stop", "class start", "class token"]
    assert (row["text"], row["start"]) == (0, -1)  # a special token stands nowhere
