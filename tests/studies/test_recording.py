"""What a fit found is kept in its model and told by its card: the table, warnings, and how its spaces overlap."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from spacetune import Encoder, LabelledTexts
from spacetune.errors import UsageError
from spacetune.estimators import load_estimator
from spacetune.estimators.card import model_card
from spacetune.model_folder import Claim, SavedModel
from spacetune.studies import compare_models, fit_model

WORDS = {"a `good` <one>": ("lovely", "fine", "nice"), "bad": ("awful", "poor", "nasty")}
DATA = LabelledTexts(
    [f"{word} thing {i}" for i in range(6) for words in WORDS.values() for word in words],
    [name for _ in range(6) for name, words in WORDS.items() for _ in words],
)
TEST = LabelledTexts(["a lovely day", "an awful day"], list(WORDS))


def settings(encoder: Encoder, **more: Any) -> dict[str, Any]:
    return {"encoder": encoder, "layers": [1, 2], "n_latent": 2, "n_epochs": 1, "lexicon": False, **more}


def test_the_card_shows_the_table_the_warnings_and_the_spaces(tiny_encoder: Encoder, tmp_path: Path) -> None:
    place = tmp_path / "m"
    model, report = fit_model(DATA, test=TEST, settings=settings(tiny_encoder), save_to=place)
    card = (place / "README.md").read_text()
    for row in report.table:
        assert f"| {row['method']} | {row['n']} of {row['split']} | {row['accuracy']:.4f}" in card
    assert "Test texts chose nothing." in card
    assert "2 classes: `a 'good' <one>`, `bad`.\n" in card  # no mark of the data ends the code
    assert all(f"- {' '.join(note.split())}" in card for note in report.notes)
    overlap = model.report_["space_overlap"]
    assert overlap == pytest.approx(float(model.spaces().operator_overlap[0, 1]))
    assert f"overlap by {overlap:.3f}" in card
    loaded = load_estimator(place, encoder=tiny_encoder)
    assert loaded.report_ == json.loads(json.dumps(model.report_))
    assert [row["split"] for row in loaded.report_["table"]] == [row["split"] for row in report.table]
    assert not any("seconds" in row for row in loaded.report_["table"])


def test_without_test_texts_the_card_says_that_dev_flatters(tiny_encoder: Encoder, tmp_path: Path) -> None:
    fit_model(DATA, settings=settings(tiny_encoder), save_to=tmp_path / "m", baselines=False)
    assert "dev chose the model, so its scores flatter" in (tmp_path / "m" / "README.md").read_text()


def test_equal_fits_are_equal_files(tiny_encoder: Encoder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        fit_model(DATA, test=TEST, settings=settings(tiny_encoder), save_to=tmp_path / name)
    for file in ("README.md", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_table_that_cannot_be_added_leaves_the_model_that_was_saved(
    tiny_encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write, written = Claim.write, []

    def full(self: Claim, model: SavedModel) -> None:
        if written:
            raise UsageError("a model cannot be saved to m: No space left on device") from OSError(errno.ENOSPC, "")
        write(self, model)
        written.append(model)

    monkeypatch.setattr(Claim, "write", full)
    model, _ = fit_model(DATA, settings=settings(tiny_encoder), save_to=tmp_path / "m", baselines=False)
    assert "its table could not be added to it: a model cannot be saved to m: No space left" in caplog.text
    loaded = load_estimator(tmp_path / "m", encoder=tiny_encoder)
    assert loaded.predict(TEST.texts).tolist() == model.predict(TEST.texts).tolist()
    assert "table" not in loaded.report_


def test_many_classes_and_warnings_are_not_all_listed(tiny_encoder: Encoder) -> None:
    model, _ = fit_model(DATA, settings=settings(tiny_encoder), baselines=False)
    config = model.to_save().config
    config["learned"]["classes"] = [f"class {i}" for i in range(25)]
    config["report"]["notes"] = [f"note\n{i}" for i in range(23)]
    card = model_card(config, 256)
    assert "`class 19`, …" in card
    assert "class 20" not in card
    assert "- note 19\n- and 3 warnings more\n" in card
    assert "note 20" not in card


def test_how_far_a_model_is_ahead_is_that_of_two_models_on_the_same_texts(tiny_encoder: Encoder) -> None:
    rows = [(f"{word} thing {i}", name) for i in range(20) for name, words in WORDS.items() for word in words[:2]]
    noisy = LabelledTexts([t for t, _ in rows], [c if i % 5 else next(iter(WORDS)) for i, (_, c) in enumerate(rows)])
    model, report = fit_model(noisy, test=noisy, settings=settings(tiny_encoder))
    probe, _ = fit_model(noisy, method="probe", settings={"encoder": tiny_encoder, "layers": [1, 2]}, baselines=False)
    ahead = {row["method"]: row["ahead"] for row in report.table if row["split"] == "test" and "ahead" in row}
    assert set(ahead) == {"tf-idf + linear", "linear probe"}
    found = compare_models(model, probe, noisy).intervals
    assert ahead["linear probe"] == {name: pytest.approx(ends) for name, ends in found.items()}
    assert not any("decided" in row for row in report.table)
    assert "decided" not in report.scored["test"].to_dict()
