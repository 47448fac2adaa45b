"""A model of one's own on disk: what was changed, damaged or swapped is named; models of before are read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.base import clone
from tests.tiny_encoder import save_tiny_encoder

from spacetune import LinearProbe, PrefixSimplexClassifier, SpaceClassifier, few_shot
from spacetune.errors import EncoderError, ModelFileError, UsageError
from spacetune.estimators import load_estimator
from spacetune.fitting import Checkpoint
from spacetune.model_folder.saved_model import config_digest, file_digest
from spacetune.studies import demo_texts

DEMO = few_shot(demo_texts("train"), 48)
FRESH = demo_texts("test").texts[:8]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an encoder, a space model, a probe, and a space model with its encoder trained."""
    folder = tmp_path_factory.mktemp("models")
    encoder = str(save_tiny_encoder(folder / "tiny"))
    settings: dict[str, Any] = {"n_epochs": 1, "n_latent": 2, "store": None}
    for name, model in (
        ("space", SpaceClassifier(encoder, **settings)),
        ("trained", SpaceClassifier(encoder, train_encoder=True, **settings)),
        ("probe", LinearProbe(encoder, store=None)),
    ):
        model.fit(DEMO.texts, DEMO.labels).save_pretrained(folder / name)
    pairs = list(zip(DEMO.texts, DEMO.texts[1:] + DEMO.texts[:1], strict=True))
    LinearProbe(encoder, layers=[1, 2], store=None).fit(pairs, ["a", "b"] * 24).save_pretrained(folder / "pairs")
    return folder


@pytest.fixture(params=["space", "probe", "trained"])
def saved(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Path:
    """Return a copy of a saved model that a test may spoil."""
    return Path(shutil.copytree(home / request.param, tmp_path / "m"))


def respelled(place: Path, name: str, value: Any) -> None:
    """Change a value as somebody would who makes the digest anew."""
    config = json.loads((place / "config.json").read_text())
    *above, last = name.split(".")
    inner = config
    for key in above:
        inner = inner[key]
    inner[last] = value
    config["digest"] = config_digest(config)
    (place / "config.json").write_text(json.dumps(config))


def with_tensors(place: Path, **changed: torch.Tensor) -> None:
    file = place / "model.safetensors"
    safetensors.torch.save_file(safetensors.torch.load_file(file) | changed, file)
    config = json.loads((place / "config.json").read_text())
    respelled(place, "files", config["files"] | {"model.safetensors": file_digest(file)})


def as_of_before(place: Path) -> None:
    """Turn a model into what version 0.1 wrote."""
    config = json.loads((place / "config.json").read_text())
    del config["digest"], config["files"]
    (place / "config.json").write_text(json.dumps(config | {"schema": 1}))


def test_a_model_of_before_predicts_the_same_after_one_warning(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = load_estimator(saved).predict_logits(FRESH)
    as_of_before(saved)
    found = load_estimator(saved)
    assert [record.message.count("without digests") for record in caplog.records] == [1]
    np.testing.assert_array_equal(found.predict_logits(FRESH), expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learned.temperature", -1.0, "temperature must be a finite number above 0"),
        ("learned.classes", ["a"] * 8, "classes must be different"),
        ("model", "Oracle", "kind 'Oracle'; this spacetune knows"),
        ("settings.n_sides", 4, "n_sides"),
        ("encoder.layers", [1, 2, 9], "incomplete|does not fit its encoder"),
        ("learned", {}, "incomplete"),
        ("learned.classes", ["a", "b"], "incomplete"),
    ],
)
def test_values_that_do_not_go_together_are_named(saved: Path, name: str, value: Any, message: str) -> None:
    respelled(saved, name, value)
    with pytest.raises(ModelFileError, match=message):
        load_estimator(saved)


def test_weights_that_are_no_numbers_are_named(saved: Path) -> None:
    tensors = safetensors.torch.load_file(saved / "model.safetensors")
    name = next(n for n in sorted(tensors) if tensors[n].is_floating_point())
    with_tensors(saved, **{name: torch.full_like(tensors[name], float("nan"))})
    with pytest.raises(ModelFileError, match="not finite"):
        load_estimator(saved)


OUTPUTS, LAYERS, DIM, SPACES, LATENT = 2, 2, 16, 3, 4
MEETING, OTHERS = "pairs.meetings.0.", "pairs.meetings.1."
OF_SPACES = {
    "weight": (3, OUTPUTS, LAYERS, SPACES * LATENT),
    "text_mean.mean": (LAYERS, SPACES * LATENT),
    "text_mean.spaces.operators": (LAYERS, SPACES, LATENT, DIM),
    "text_mean.spaces.mean": (LAYERS, DIM),
    "text_mean.spaces.scale": (LAYERS, DIM),
}
"""A second meeting, of centroids in spaces, that goes with a pair model's first."""


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"pairs.bias": (5,)}, "needs meetings, each of 5 outputs"),
        ({MEETING + "weight": (3, OUTPUTS, 1, DIM)}, r"weights \(3, output, layer, width\) with \(2, 16\) last"),
        ({MEETING + "weight": (3, OUTPUTS, 2, 7), MEETING + "text_mean.mean": (2, 7)}, r"reads states .* \(2, 7\)"),
        (
            {MEETING + "weight": (3, OUTPUTS, 1, DIM), MEETING + "text_mean.mean": (1, DIM)},
            r"reads states .* \(1, 16\)",
        ),
        (
            {"pairs.bias": (1,), MEETING + "weight": (3, 1, 2, DIM), OTHERS + "weight": (3, 1, 2, SPACES * LATENT)},
            "1 outputs for 2 classes",
        ),
        ({OTHERS + "text_mean.mean": (LAYERS, 7)}, r"mean of centroids must be \(2, 12\) as its spaces are"),
        ({OTHERS + "text_mean.spaces.operators": (1, SPACES, LATENT, DIM)}, "operators have 1 layers"),
        ({OTHERS + "text_mean.spaces.operators": (LAYERS, SPACES, LATENT, 7)}, "size mismatch"),
        ({OTHERS + "text_mean.spaces.operators": (SPACES, LATENT, DIM)}, "not enough values to unpack"),
    ],
)
def test_sizes_of_a_model_of_pairs_that_do_not_fit_are_named(
    home: Path, tmp_path: Path, shapes: dict[str, tuple[int, ...]], message: str
) -> None:
    place = Path(shutil.copytree(home / "pairs", tmp_path / "m"))
    whole = {OTHERS + name: torch.ones(shape) for name, shape in OF_SPACES.items()}
    with_tensors(place, **whole)
    load_estimator(place).predict([("one text", "another")])
    with_tensors(place, **{name: torch.ones(shape) for name, shape in shapes.items()})
    with pytest.raises(ModelFileError, match=message):
        load_estimator(place)


def test_another_encoder_put_beside_changes_nothing(home: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(home / "space", tmp_path / "m"))
    expected = load_estimator(place).predict_logits(FRESH)
    save_tiny_encoder(place / "encoder", seed=1)
    np.testing.assert_array_equal(load_estimator(place).predict_logits(FRESH), expected)


def test_another_encoder_in_place_of_the_trained_one_is_named(home: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(home / "trained", tmp_path / "m"))
    save_tiny_encoder(place / "encoder", seed=1)
    with pytest.raises(ModelFileError, match=r"encoder/.* is not what was saved|was not saved with it"):
        load_estimator(place)


def test_a_name_in_a_folder_is_no_leave_to_ask_the_hub(home: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(home / "space", tmp_path / "m"))
    respelled(place, "encoder.encoder", "nobody/nowhere")
    with pytest.raises(EncoderError, match="pass encoder='nobody/nowhere' to let it be downloaded"):
        load_estimator(place)
    assert load_estimator(place, encoder=home / "tiny").predict(FRESH).shape == (8,)


def test_a_model_with_its_own_encoder_takes_no_other(home: Path) -> None:
    with pytest.raises(UsageError, match="leave encoder out"):
        load_estimator(home / "trained", encoder=home / "tiny")


@pytest.mark.parametrize("more", [{}, {"train_encoder": True}, {"n_vertices": 2}])
def test_a_resumed_fit_equals_an_uninterrupted_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    settings: dict[str, Any] = {"n_epochs": 4, "n_latent": 2, "store": None, **more}
    model = SpaceClassifier(str(home / "tiny"), **settings)
    expected = clone(model).fit(DEMO.texts, DEMO.labels).predict_logits(FRESH)
    save = Checkpoint.save

    def save_and_stop(self: Checkpoint, candidates: Any) -> None:
        save(self, candidates)
        if len(candidates[0].epochs) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_and_stop)
        stopped = clone(model).fit(DEMO.texts, DEMO.labels, checkpoint=tmp_path / "c")
    assert stopped.history_.ended == "interrupted"
    saved: list[object] = []
    monkeypatch.setattr(Checkpoint, "save", lambda *given: saved.append(given))
    resumed = clone(model).fit(DEMO.texts, DEMO.labels, checkpoint=tmp_path / "c")
    assert len(saved) == 4 - stopped.history_.epochs[-1].epoch < 4
    assert resumed.history_.epochs[-1].epoch == 4
    np.testing.assert_array_equal(resumed.predict_logits(FRESH), expected)


@pytest.mark.parametrize(("name", "value"), [("pooling", None), ("inside", {"a": 1}), ("dropout", "much")])
def test_settings_that_no_fit_would_take_are_refused(name: str, value: Any, home: Path, tmp_path: Path) -> None:
    kind = PrefixSimplexClassifier if name == "pooling" else SpaceClassifier
    model = kind(str(home / "tiny"), n_epochs=1).fit(DEMO.texts[:32], (DEMO.labels or [])[:32])
    model.save_pretrained(tmp_path / "m")
    config = json.loads((tmp_path / "m/config.json").read_text())
    config["settings"][name] = value
    config["digest"] = config_digest(config)
    (tmp_path / "m/config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match=f"is damaged: its settings: {name} must be "):
        load_estimator(tmp_path / "m")


def test_settings_of_numpy_numbers_and_names_of_half_characters_are_saved(home: Path, tmp_path: Path) -> None:
    labels = [f"\ud800{label}" for label in DEMO.labels or []]
    model = LinearProbe(str(home / "tiny"), C=np.float64(0.5), seed=np.int64(3), store=None)
    model.fit(DEMO.texts, labels).save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m")
    assert again.predict(FRESH).tolist() == model.predict(FRESH).tolist()
