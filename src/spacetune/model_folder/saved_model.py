"""What a model's folder holds, its names, and the digests by which every part is known."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacetune.errors import ModelFileError

if TYPE_CHECKING:  # `free_place` answers before torch is loaded
    from torch import Tensor

__all__ = [
    "CARD",
    "CONFIG",
    "ENCODER",
    "LARGEST_CONFIG",
    "SCHEMA",
    "WEIGHTS",
    "SavedModel",
    "config_digest",
    "file_digest",
    "is_model",
    "model_of",
    "not_whole",
]

SCHEMA = 2
"""1 is that of version 0.1, which wrote no digests."""

CONFIG, WEIGHTS, CARD, ENCODER = "config.json", "model.safetensors", "README.md", "encoder"
LARGEST_CONFIG = 1 << 28


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """A model to be saved: settings and facts, tensors, the card for people.

    Parameters
    ----------
    config
        Plain values.
    tensors
        By name.
    card
        Markdown.
    save_encoder
        Fills a folder with the encoder, where that was trained too.
    """

    config: dict[str, Any]
    tensors: dict[str, Tensor]
    card: str = ""
    save_encoder: Callable[[Path], None] | None = None


def config_digest(config: dict[str, Any]) -> str:
    """Return the SHA-256 of a config's values, itself left out; spaces and order do not count."""
    rest = {name: value for name, value in config.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def is_model(folder: Path) -> bool:
    """Tell whether a folder carries our mark: a config that only spacetune writes."""
    file = folder / CONFIG
    try:
        if file.stat().st_size > LARGEST_CONFIG:
            return False
        config = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and all(
        isinstance(config.get(name), kind) for name, kind in (("schema", int), ("spacetune", str), ("model", str))
    )


def model_of(file: Path) -> Path | None:
    """Return the saved model a file is a part of, or would be by its name; None where it is of none."""
    parts = {CONFIG, WEIGHTS, CARD}
    if file.name in parts and is_model(file.parent):
        return file.parent
    return next((above.parent for above in file.parents if above.name == ENCODER and is_model(above.parent)), None)


def not_whole(folder: object, what: str, state: str = "damaged") -> ModelFileError:
    """Return the error that says what is wrong with a saved model."""
    return ModelFileError(f"the saved model in {folder} is {state}: {what}; fit it again")
