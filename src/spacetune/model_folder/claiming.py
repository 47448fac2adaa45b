"""`claim`: an output folder held by one run, found writable before the work, and freed of what killed runs left.

A run works in a folder of its own, ``.model.spacetune`` beside a new place or ``.spacetune`` inside one that exists. It
holds the lock, the checkpoint, and the model while it is written.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

from spacetune.errors import UsageError
from spacetune.files import Busy, clean_leftovers, lock
from spacetune.model_folder.saved_model import CARD, CONFIG, ENCODER, WEIGHTS, SavedModel, is_model
from spacetune.model_folder.writing import fill, settle, take_place

__all__ = ["Claim", "claim", "free_place"]

WORK = ".spacetune"
OURS = re.compile(rf"{WORK}|\.({CONFIG}|{WEIGHTS}|{CARD}|{ENCODER})\.[0-9a-f]{{12,16}}\.(new|tmp)")


def free_place(place: Path) -> Path:
    """Return the folder a model can be written to, links followed: a new or empty one, or a saved model's.

    Raises `UsageError` if something else is there, which would be lost, or a file stands where a folder must.
    """
    try:
        whole = place.resolve()
        file_above = next((folder for folder in whole.parents if folder.exists() and not folder.is_dir()), None)
        names = os.listdir(whole) if whole.is_dir() else []
        other = not whole.name or (whole.exists() and not whole.is_dir())
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        raise UsageError(f"{place} cannot be looked into: {error}; choose another place") from error
    if file_above is not None:
        raise UsageError(f"a model is saved to a folder, and {file_above} above {place.name} is a file")
    foreign = any(not OURS.fullmatch(name) for name in names) and not is_model(whole)
    if other or foreign:
        raise UsageError(f"{place} exists and is not a saved model; choose another place or remove it first")
    return whole


class Claim:
    """An output folder that this run holds: the place itself, and the run's own folder to `work` in.

    `written` says whether this run has written a model.
    """

    def __init__(self, place: Path, work: Path) -> None:
        self.place = place
        self.work = work
        self.written = False

    @property
    def checkpoint(self) -> Path:
        """Where this run's state after an epoch goes; it outlives a run that is killed or interrupted."""
        return self.work / "checkpoint.safetensors"

    def write(self, model: SavedModel) -> None:
        """Write the model; an older one stands until this one is whole, and is replaced in one step.

        Raises `UsageError` if the folder cannot be written, or has become something else meanwhile.
        """
        try:
            staging = (self.place / WORK if self.place.is_dir() else self.work) / "new"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            short = fill(staging, model)
            free_place(self.place)
            take_place(staging, self.place, short)
            self.written = True
        except OSError as error:
            raise _unwritable(self.place, error) from error


@contextlib.contextmanager
def claim(place: str | os.PathLike[str]) -> Generator[Claim]:
    """Hold an output folder while inside. What killed runs left is cleaned; only a checkpoint stays, for `--resume`.

    Raises `UsageError` if it is no `free_place`, cannot be written to, or another run holds it.
    """
    whole = free_place(Path(place))
    with contextlib.ExitStack() as after, contextlib.ExitStack() as held:
        try:
            claimed, made = _take(whole, held)
        except Busy as error:
            raise UsageError(f"another run is writing to {place}; wait for it, or choose another place") from error
        except OSError as error:
            raise _unwritable(whole, error) from error
        after.callback(_leave, claimed, made)
        held.callback(_clean, claimed)
        _clean(claimed)
        yield claimed


def _take(whole: Path, held: contextlib.ExitStack) -> tuple[Claim, list[Path]]:
    """Make and lock the work folder; return the claim, and the folders made for it, innermost first."""
    beside = whole.with_name(f".{whole.name}{WORK}")
    for attempt in range(10):
        work = whole / WORK if whole.is_dir() and not beside.is_dir() else beside
        made = [folder for folder in (work, *work.parents) if not folder.exists()]
        try:
            work.mkdir(parents=True, exist_ok=True)
            held.enter_context(lock(work / "lock"))
        except FileNotFoundError:  # the run before took its folder away in between
            if attempt == 9:
                raise
        else:
            return Claim(whole, work), made
    raise AssertionError


def _clean(claimed: Claim) -> None:
    """Remove what unfinished runs left, but for the checkpoint; finish what was replaced and not tidied."""
    for folder in {claimed.work, claimed.place / WORK}:
        shutil.rmtree(folder / "new", ignore_errors=True)
        if folder.is_dir():
            clean_leftovers(folder)
    if claimed.place.is_dir():
        settle(claimed.place)


def _leave(claimed: Claim, made: list[Path]) -> None:
    """Take the work folder away unless something is in it, and the folders that were made for nothing."""
    for folder in (claimed.place / WORK, claimed.work, *made):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _unwritable(place: Path, error: OSError) -> UsageError:
    return UsageError(f"a model cannot be saved to {place}: {error.strerror or error}; choose another place")
