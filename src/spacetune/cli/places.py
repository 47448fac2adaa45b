"""Places to write to, found out before the work and not after it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spacetune.errors import SpacetuneError, UsageError
from spacetune.model_folder import model_of
from spacetune.reports import ENDINGS

__all__ = ["NAMED", "write_folder", "write_place"]

NAMED = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"


def write_place(out: Path | None, *, inputs: Sequence[str | Path | None] = (), option: str = "--out") -> Path | None:
    """Return the file to write, or say that nothing can be written there, before the work and not after it.

    `inputs` are what the command reads, which is never written over; `option` is where the file was named. Raises
    `UsageError` if it is a folder or a device, lies in no folder, has another ending than a report, is one of the
    inputs or a part of a saved model; `SpacetuneError` if the folder takes no new file.
    """
    if out is None:
        return None
    if out.is_dir():
        raise UsageError(f"{option} must name a file, and {out} is a folder")
    if out.suffix not in ENDINGS:
        raise UsageError(f"{option} must end in {' or '.join(ENDINGS)}, got {out.name}")
    place = out.resolve() if out.is_symlink() else out
    if not place.parent.is_dir():
        raise UsageError(f"{option} must lie in a folder that exists, and {place.parent} does not")
    if os.path.exists(place):
        _refuse_to_lose(place, inputs, option)
    if (model := model_of(place)) is not None:
        raise UsageError(f"{option} would write over a part of the model saved at {model}; choose another place")
    _try_to_write(place, place.parent, out, option)
    return place


def write_folder(out: Path, *, inputs: Sequence[str | Path | None] = (), resume: bool = False) -> Path:
    """Return the folder to write parts to, or say that nothing can be written there, before the work and not after it.

    Raises `UsageError` if it holds something else than parts to go on from, or lies in what the command reads;
    `SpacetuneError` if it takes no new file.
    """
    from spacetune.data.parts import check_folder

    check_folder(out, resume)
    _refuse_inputs(out, inputs, "--out")
    _try_to_write(out, out if out.exists() else out.parent, out, "--out")
    return out


def _try_to_write(place: Path, folder: Path, out: Path, option: str) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            place.stat()
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SpacetuneError(
            f"{out} cannot be written: {error.strerror}; choose another place with {option}"
        ) from error


def _refuse_to_lose(place: Path, inputs: Sequence[str | Path | None], option: str) -> None:
    """Raise where the file that would be replaced is no file, or is read by the same command."""
    if not place.is_file():
        raise UsageError(f"{option} must name a file, and {place} is a device")
    _refuse_inputs(place, inputs, option)


def _refuse_inputs(place: Path, inputs: Sequence[str | Path | None], option: str) -> None:
    for given in inputs:
        if given is None or not os.path.exists(given):
            continue
        above = (folder for folder in (place, *place.resolve().parents) if folder.exists())
        if any(os.path.samefile(given, folder) for folder in above):
            raise UsageError(f"{option} would write over {place}, which this command reads; choose another place")
