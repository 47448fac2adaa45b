"""`read_model`: a saved model's folder, checked against its digests. One flipped bit is an error, never an answer."""

# The types of torch and safetensors are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacetune.errors import ModelFileError
from spacetune.model_folder.saved_model import (
    CONFIG,
    ENCODER,
    LARGEST_CONFIG,
    SCHEMA,
    WEIGHTS,
    config_digest,
    file_digest,
    not_whole,
)
from spacetune.model_folder.writing import part

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Stored", "read_model"]

log = logging.getLogger("spacetune")

TRIES = 5
"""How often a folder is read that another run replaces meanwhile; what looks damaged is looked at twice."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """What was read: the config, the tensors, and the folder of the encoder that was trained too, if one was."""

    config: dict[str, Any]
    tensors: dict[str, Tensor]
    encoder: Path | None = None


def read_model(place: str | os.PathLike[str]) -> Stored:
    """Read a model's folder and check every part that an answer depends on.

    A model of version 0.1 has no digests: it is read with one warning.

    Raises `ModelFileError` if it is missing, incomplete, damaged, changed by hand, or written by a newer version; the
    message says which.
    """
    if not str(place).strip():
        raise ModelFileError("a model's name must not be empty; give the folder it was saved to")
    folder = Path(place)
    if not folder.is_dir():
        raise ModelFileError(f"{folder} is not a saved model: there is no such folder")
    for again in range(TRIES):
        before = _content(folder, CONFIG, folder / CONFIG)
        try:
            return _read(folder, before)
        except ModelFileError:
            if again and _content(folder, CONFIG, folder / CONFIG) == before:
                raise
        except OSError as error:
            if again and _content(folder, CONFIG, folder / CONFIG) == before:
                raise ModelFileError(f"{folder} cannot be read: {error.strerror or error}") from error
    raise ModelFileError(f"{folder} is replaced again and again while it is read; try again")


def _read(folder: Path, content: bytes) -> Stored:
    import safetensors
    import safetensors.torch

    config = _config(folder, content)
    digest = None if config["schema"] == 1 else config["digest"]
    weights = _content(folder, WEIGHTS, part(folder, WEIGHTS, digest))
    if digest is None:
        log.warning("%s was saved by version 0.1, without digests: damage would go unnoticed; save it again", folder)
    else:
        _check_digests(folder, config, weights)
    try:
        tensors = safetensors.torch.load(weights)
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise not_whole(folder, str(error)) from error
    own = (config["settings"].get("train_encoder") is True) if digest is None else bool(_encoder_files(config))
    return Stored(config, tensors, part(folder, ENCODER, digest) if own else None)


def _content(folder: Path, name: str, file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST_CONFIG and name == CONFIG:
            raise ModelFileError(f"{file} is too large for a model's config ({file.stat().st_size:,} bytes)")
        content = file.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"{folder} is not a whole saved model: {name} is missing; {_advice(name)}") from None
    except OSError as error:
        raise ModelFileError(f"{folder} cannot be read: {name}: {error.strerror or error}") from error
    if not content:
        raise ModelFileError(f"{folder} is not a whole saved model: {name} is empty (0 bytes); {_advice(name)}")
    return content


def _config(folder: Path, content: bytes) -> dict[str, Any]:
    try:
        config = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise not_whole(folder, f"{CONFIG}: {error}") from error
    schema = config.get("schema") if isinstance(config, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise ModelFileError(f"{folder / CONFIG} has no schema number; was it written by spacetune?")
    if schema > SCHEMA:
        raise ModelFileError(f"{folder} has schema {schema}, this spacetune reads up to {SCHEMA}; update spacetune")
    if schema == 1 and ("digest" in config or "files" in config):
        raise not_whole(folder, "its schema number is not its own")
    if schema > 1 and config.get("digest") != config_digest(config):
        by_hand = f"damaged, or its {CONFIG} was changed by hand"
        raise not_whole(folder, "its digest is not that of its content", by_hand)
    files = config.get("files") if schema > 1 else {}
    if not isinstance(files, dict) or not all(isinstance(told, str) for told in files.values()):
        raise not_whole(folder, f"{CONFIG} lists no files", "incomplete")
    if not isinstance(config.get("settings"), dict):
        raise not_whole(folder, f"{CONFIG} holds no settings", "incomplete")
    return config


def _encoder_files(config: dict[str, Any]) -> dict[str, str]:
    return {name: told for name, told in config["files"].items() if name.startswith(f"{ENCODER}/")}


def _check_digests(folder: Path, config: dict[str, Any], weights: bytes) -> None:
    """Compare every part but the card with its digest; the trained encoder has no other files than its own."""
    if hashlib.sha256(weights).hexdigest() != config["files"].get(WEIGHTS):
        raise not_whole(folder, f"{WEIGHTS} is not what was saved")
    told = _encoder_files(config)
    home = part(folder, ENCODER, config["digest"])
    here = {f"{ENCODER}/{f.relative_to(home).as_posix()}": f for f in home.rglob("*") if f.is_file()} if told else {}
    if here.keys() != told.keys():
        name = sorted(here.keys() ^ told.keys())[0]
        what = "is missing" if name in told else "was not saved with it"
        raise not_whole(folder, f"{name} {what}")
    for name, file in here.items():
        if file_digest(file) != told[name]:
            raise not_whole(folder, f"{name} is not what was saved")


def _advice(missing: str) -> str:
    """Say what to do: a folder without its config is no model that a fit would replace."""
    return "fit it into another folder, or remove this one first" if missing == CONFIG else "fit it again"
