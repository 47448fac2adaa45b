"""A model whose encoder has moved is used with ``--encoder``, and only with the same weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from spacetune import Encoder

from .conftest import FAST, Place, run


@pytest.fixture(scope="module")
def moved(place: Place, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model fitted on ``./enc``, which is called ``there`` now."""
    folder = tmp_path_factory.mktemp("moved")
    shutil.copytree(encoder.source.folder, folder / "enc")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ("fit", place.train, "--out", "m", *FAST, "--encoder", "./enc", "--max-length", "32", "--n-latent", "2")
        assert run(*words).code == 0
    (folder / "enc").rename(folder / "there")
    return folder


def calls(moved: Path, place: Place) -> dict[str, tuple[Any, ...]]:
    return {
        "predict": ("predict", moved / "m", "where is my parcel"),
        "explain": ("explain", moved / "m", "where is my parcel"),
        "score": ("score", moved / "m", place.test),
        "spaces": ("spaces", moved / "m", place.test),
        "terms use": ("terms", "use", moved / "m", "where is my parcel"),
        "measure": ("measure", place.test, "--model", moved / "m"),
    }


@pytest.mark.parametrize("name", ["predict", "explain", "score", "spaces", "terms use", "measure"])
def test_a_moved_encoder_is_named(name: str, moved: Path, place: Place) -> None:
    words = calls(moved, place)[name]
    if name == "predict":
        lost = run(*words)
        assert (lost.code, lost.out) == (1, "")
        assert "if the model's encoder has moved, say where it is with --encoder" in lost.err
    found = run(*words, "--encoder", moved / "there", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)


def test_the_encoder_reads_as_many_tokens_as_in_training(moved: Path) -> None:
    answer = run("predict", moved / "m", "where is it " * 40, "--encoder", moved / "there", "--json")
    assert json.loads(answer.out)["notes"] == ["1 text cut at 32 tokens"]


def test_an_encoder_with_other_weights_is_refused(moved: Path, tmp_path: Path) -> None:
    import safetensors.torch

    shutil.copytree(moved / "there", tmp_path / "other")
    weights = safetensors.torch.load_file(tmp_path / "other" / "model.safetensors")
    next(iter(weights.values())).view(-1)[0] += 1
    safetensors.torch.save_file(weights, tmp_path / "other" / "model.safetensors", {"format": "pt"})
    answer = run("predict", moved / "m", "where", "--encoder", tmp_path / "other")
    assert (answer.code, answer.out) == (1, "")
    assert "weights" in answer.err
