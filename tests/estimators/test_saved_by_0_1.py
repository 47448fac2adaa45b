"""Models that version 0.1 saved, one of each kind: they load, after a warning, and predict what they did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spacetune import Encoder
from spacetune.estimators import load_estimator
from spacetune.model_folder import read_model

FOLDER = Path(__file__).parents[1] / "saved_by_0_1"
TOLD = json.loads((FOLDER / "logits.json").read_text())


@pytest.mark.parametrize("name", sorted(TOLD["logits"]))
def test_they_predict_the_same_and_are_saved_anew(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(FOLDER / name, tmp_path / name)
    own = name == "trained-encoder"

    def encoder(of: str) -> Encoder:  # in float32, which they were fitted in
        place = tmp_path / of / "encoder" if own else FOLDER / "encoder"
        return Encoder.from_pretrained(place, max_length=32, max_windows=16, dtype="float32")

    model = load_estimator(tmp_path / name, encoder=encoder(name))
    assert sum("0.1" in record.message for record in caplog.records) == 1
    np.testing.assert_allclose(model.predict_logits(TOLD["texts"]), TOLD["logits"][name], atol=1e-5)
    assert model.explain(TOLD["texts"]).check() < 1e-5
    model.save_pretrained(tmp_path / "anew")
    told = model.predict(TOLD["texts"])
    caplog.clear()
    again = load_estimator(tmp_path / "anew", encoder=encoder("anew"))
    assert not caplog.records
    np.testing.assert_allclose(again.predict_logits(TOLD["texts"]), TOLD["logits"][name], atol=1e-5)
    assert np.array_equal(again.predict(TOLD["texts"]), told)
    assert not again.fitted_.pairs
    if name.endswith("numbers"):  # ten characters or so a text
        assert 5 < np.mean(told) < 15
    card = (tmp_path / "anew" / "README.md").read_text()
    assert ("is part of this folder" in card) == own
    assert read_model(tmp_path / name).tensors.keys() == read_model(tmp_path / "anew").tensors.keys()
