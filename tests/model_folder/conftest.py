"""A small model to be saved, and how a folder is read: nothing here needs an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from spacetune.model_folder import SavedModel, claim, read_model


def model_of(number: int, encoder: bool = False) -> SavedModel:
    """Return a model that is told by its number."""

    def save_encoder(folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "weights.bin").write_bytes(bytes([number]) * 64)

    config: dict[str, Any] = {"spacetune": "0", "model": "M", "settings": {}, "number": number}
    return SavedModel(
        config, {"n": torch.full((3,), float(number))}, f"card {number}\n", save_encoder if encoder else None
    )


def write(place: Path, number: int, encoder: bool = False) -> None:
    with claim(place) as claimed:
        claimed.write(model_of(number, encoder))


def number_at(place: Path) -> int:
    """Return which model stands in a place; its parts must be of one model."""
    stored = read_model(place)
    number = stored.config["number"]
    assert stored.tensors["n"].tolist() == [float(number)] * 3
    if stored.encoder is not None:
        assert (stored.encoder / "weights.bin").read_bytes() == bytes([number]) * 64
    return number


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "m"
