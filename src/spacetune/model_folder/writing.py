"""A model's files, written to a folder of the run's own; then put in place so that one whole model stands at any time.

A new place is taken by one rename. Where a folder stands (an older model, a mounted volume, an empty folder), the new
parts come in beside the old ones, under names that carry the new config's digest; renaming the config over the old
one makes them the model; then they get their plain names. A reader takes a part under its digest's name where there is
one. So a run killed at any point leaves the old model or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

from spacetune.errors import UsageError
from spacetune.files import patiently, sync_folder, write_file
from spacetune.model_folder.saved_model import (
    CARD,
    CONFIG,
    ENCODER,
    SCHEMA,
    WEIGHTS,
    SavedModel,
    config_digest,
    file_digest,
)

__all__ = ["digest_of", "fill", "part", "settle", "sync_all", "take_place"]

PARTS = (WEIGHTS, ENCODER, CARD)
CARD_START = b"---\nlibrary_name: spacetune\n"


def part(folder: Path, name: str, digest: str | None) -> Path:
    """Return where a part of the model with this config digest lies: under its pending name, or its plain one."""
    pending = folder / _pending(name, digest or "")
    return pending if digest and pending.exists() else folder / name


def fill(folder: Path, model: SavedModel) -> str:
    """Write all files of a model into an empty folder; return the config's digest."""
    import safetensors.torch

    write_file(folder / WEIGHTS, safetensors.torch.save({k: v.contiguous() for k, v in model.tensors.items()}))
    write_file(folder / CARD, model.card.encode("utf-8", "replace"))
    if model.save_encoder is not None:
        model.save_encoder(folder / ENCODER)
        sync_all(folder / ENCODER, mode=(folder / CARD).stat().st_mode)
    files = {str(file.relative_to(folder).as_posix()): file_digest(file) for file in _files(folder)}
    config = json.loads(json.dumps({"schema": SCHEMA, **model.config, "files": files}, default=_plain))
    config["digest"] = config_digest(config)
    write_file(folder / CONFIG, _written(config))
    return config["digest"]


def digest_of(model: SavedModel) -> str:
    """Return the digest that the model's config would have, saved."""
    with tempfile.TemporaryDirectory() as folder:
        return fill(Path(folder), model)


def _plain(value: object) -> object:
    """Return NumPy's numbers and arrays, and paths, as JSON has them."""
    tolist = getattr(value, "tolist", None)
    return str(value) if tolist is None else tolist()


def _written(config: dict[str, Any]) -> bytes:
    for ascii_only in (False, True):  # half a character, which UTF-8 cannot hold, is escaped
        with contextlib.suppress(UnicodeEncodeError):
            return (json.dumps(config, indent=2, ensure_ascii=ascii_only) + "\n").encode()
    raise AssertionError


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def sync_all(folder: Path, mode: int) -> None:
    """Sync a folder's files to disk, with the mode that new files get here."""
    for file in _files(folder):
        os.chmod(file, mode & 0o777)
        descriptor = os.open(file, os.O_RDWR if os.name == "nt" else os.O_RDONLY)  # Windows syncs what it may write
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def take_place(staging: Path, place: Path, digest: str) -> None:
    """Put a filled folder in a place: by one rename where nothing stands there, else part by part."""
    if not place.exists():
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            patiently(os.rename, staging, place)
            sync_folder(place.parent)
            return
    stale_encoder = _lists_encoder(place)
    if (place / ENCODER).exists() and not stale_encoder and (staging / ENCODER).exists():
        raise UsageError(f"{place / ENCODER} is no part of the model there and would be replaced; move it first")
    try:
        for name in PARTS:
            if (staging / name).exists():
                patiently(os.replace, staging / name, place / _pending(name, digest))
        _keep_changed_card(place)
        sync_folder(place)
        patiently(os.replace, staging / CONFIG, place / CONFIG)
    except BaseException:
        for name in PARTS:
            _remove(place / _pending(name, digest))
        raise
    sync_folder(place)
    if stale_encoder and not (place / _pending(ENCODER, digest)).exists():
        _remove(place / ENCODER)
    settle(place)


def settle(place: Path) -> None:
    """Give the parts of the model that stands here their plain names, and remove those of models that never did.

    What cannot be done now is done by the next run; readers find the parts either way.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError):
        digest = str(_config(place).get("digest", "")) if (place / CONFIG).exists() else ""
        for name in PARTS:
            pending, plain = place / _pending(name, digest), place / name
            if digest and pending.exists():
                if plain.is_dir():
                    patiently(os.rename, plain, place / _pending(name, "0" * 16))
                patiently(os.replace, pending, plain)
        for name in os.listdir(place):
            if re.fullmatch(rf"\.({'|'.join(map(re.escape, PARTS))})\.[0-9a-f]{{16}}\.new", name):
                _remove(place / name)


def _lists_encoder(place: Path) -> bool:
    """Tell whether the model that stands here has an encoder of its own."""
    config = _config(place) if (place / CONFIG).exists() else {}
    listed = any(str(name).startswith(f"{ENCODER}/") for name in config.get("files") or ())
    return listed or bool(config.get("settings", {}).get("train_encoder"))


def _keep_changed_card(place: Path) -> None:
    """Keep a copy of a card that somebody has written into since it was saved."""
    card = place / CARD
    if not card.is_file() or not (place / CONFIG).exists():
        return
    files: Any = _config(place).get("files")
    told = cast("dict[str, Any]", files).get(CARD) if isinstance(files, dict) else None
    content = card.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != told and not (told is None and content.startswith(CARD_START)):
        write_file(place / f"README.before-{found[:8]}.md", content)


def _config(place: Path) -> dict[str, Any]:
    return json.loads((place / CONFIG).read_bytes())


def _pending(name: str, digest: str) -> str:
    return f".{name}.{digest[:16]}.new"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
