"""The folder of a saved model: ``config.json``, ``model.safetensors``, ``README.md``. Kilobytes; no pickle.

It is written beside its place, synced to disk and renamed, so what stands there is always whole.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacetune.errors import ModelFileError, UsageError

if TYPE_CHECKING:  # `free_place` answers before torch is loaded
    from torch import Tensor

__all__ = ["SavedModel", "atomic_folder", "free_place", "read_model", "write_model"]

SCHEMA = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """What a folder holds: settings and facts, tensors, and the card for people."""

    config: dict[str, Any]
    tensors: dict[str, Tensor]
    card: str = ""


def free_place(place: Path) -> Path:
    """Return the folder a model can be written to: a new or empty one, or a saved model's.

    Raises
    ------
    UsageError
        If something else is there, which would be lost, or a file stands where a folder must.
    """
    named = place.name not in ("", "..")
    whole = place.absolute() if named else place.resolve()
    file_above = next((folder for folder in whole.parents if folder.exists() and not folder.is_dir()), None)
    if file_above is not None:
        raise UsageError(f"a model is saved to a folder, and {file_above} above {place.name} is a file")
    foreign = whole.is_dir() and any(whole.iterdir()) and not (whole / CONFIG).is_file()
    if whole.is_file() or foreign or not whole.name:
        raise UsageError(f"{place} exists and is not a saved model; choose another place or remove it first")
    return place if named else whole


@contextmanager
def atomic_folder(place: Path) -> Generator[Path]:
    """Give a temporary sibling to fill; on success it is synced and takes the place, on failure it vanishes.

    Raises
    ------
    UsageError
        If it is no `free_place`.
    """
    place = free_place(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        yield unfinished
        for file in unfinished.rglob("*"):
            if file.is_file():
                _sync(file)
        _take_place(unfinished, place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _take_place(unfinished: Path, place: Path) -> None:
    os.chmod(unfinished, 0o755)  # noqa: S103 - as any new folder; mkdtemp makes it private
    if not place.exists():
        os.rename(unfinished, place)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{place.name}.old.", dir=place.parent))
    os.rename(place, old / "model")
    try:
        os.rename(unfinished, place)
    except OSError:
        os.rename(old / "model", place)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _sync(file: Path) -> None:
    with file.open("rb") as handle:
        os.fsync(handle.fileno())


def write_model(
    place: str | os.PathLike[str], model: SavedModel, extra: tuple[str, Callable[[Path], None]] | None = None
) -> None:
    """Write a model's folder, replacing an older model there.

    Parameters
    ----------
    place
        The folder.
    model
        What goes into it.
    extra
        Name of a folder inside it and what fills that: an encoder that was trained too.
    """
    import safetensors.torch

    with atomic_folder(Path(place)) as folder:
        config = {"schema": SCHEMA, **model.config}
        (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        safetensors.torch.save_file({k: v.contiguous() for k, v in model.tensors.items()}, folder / WEIGHTS)
        (folder / CARD).write_text(model.card, encoding="utf-8")
        if extra is not None:
            extra[1](folder / extra[0])


def read_model(place: str | os.PathLike[str]) -> SavedModel:
    """Read a model's folder.

    Raises
    ------
    ModelFileError
        If it is missing, incomplete, damaged, or written by a newer version; the message says which.
    """
    import safetensors.torch

    folder = Path(place)
    if not folder.is_dir():
        raise ModelFileError(f"{folder} is not a saved model: there is no such folder")
    for name in (CONFIG, WEIGHTS):
        file = folder / name
        if not file.is_file() or file.stat().st_size == 0:
            state = "is empty (0 bytes)" if file.is_file() else "is missing"
            raise ModelFileError(f"{folder} is not a whole saved model: {name} {state}; fit it again")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        tensors = safetensors.torch.load_file(folder / WEIGHTS)
    except (json.JSONDecodeError, UnicodeDecodeError, safetensors.SafetensorError) as error:
        raise ModelFileError(f"the saved model in {folder} is damaged: {error}; fit it again") from error
    if not isinstance(config, dict) or not isinstance(config.get("schema"), int):
        raise ModelFileError(f"{folder / CONFIG} has no schema number; was it written by spacetune?")
    if config["schema"] > SCHEMA:
        raise ModelFileError(
            f"{folder} has schema {config['schema']}, this spacetune reads up to {SCHEMA}; update spacetune"
        )
    return SavedModel(config, tensors)
