"""A folder of parts: files that one run writes one after the other, and another goes on from where it ended.

Every part is written whole or not at all. ``parts.json`` beside them says what the run was.
"""

# The types of PyArrow are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors

from spacetune.data.writing import write
from spacetune.errors import SpacetuneError, UsageError
from spacetune.files import Busy, clean_leftovers, lock

__all__ = ["MANIFEST", "Parts", "check_folder", "open_parts"]

MANIFEST, LOCK = "_parts.json", ".parts.lock"
"""Who reads a folder of Parquet files passes over names that begin with _ or a dot."""
BEFORE = "parts.json"
"""The manifest's name in folders of version 0.1."""
HIDDEN = ".part"
"""How the names of our own files that are no parts begin: the lock, and what killed runs left unfinished."""

log = logging.getLogger("spacetune")


@dataclasses.dataclass(frozen=True)
class Parts:
    """A folder held by this run, how many parts it will have, and how their names end."""

    folder: Path
    number: int
    ending: str

    def path(self, part: int) -> Path:
        """Return where a part goes; the first is 0."""
        return self.folder / f"part-{part:05}{self.ending}"

    @property
    def missing(self) -> list[int]:
        """The parts that are not there."""
        return [part for part in range(self.number) if not self.path(part).exists()]

    def to_write(self, sizes: Sequence[int] | None) -> list[int]:
        """Return the parts that are not there, or cannot be read whole: these are said.

        `sizes` are the rows of every part; None where they are not known beforehand.
        """
        found = [part for part in range(self.number) if self.path(part).exists()]
        damaged = [part for part in found if not _is_whole(self.path(part), None if sizes is None else sizes[part])]
        for part in damaged:
            log.warning("! %s cannot be read completely and is written again", self.path(part))
        return sorted([*self.missing, *damaged])

    def write(self, part: int, content: Iterable[bytes]) -> None:
        """Write a part."""
        write(self.path(part), content)


def _is_whole(path: Path, n_rows: int | None) -> bool:
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            found: int = pq.read_metadata(path).num_rows
            return n_rows is None or found == n_rows
        with safetensors.safe_open(path, "np"):
            return True
    except (OSError, ValueError, safetensors.SafetensorError):
        return False


def check_folder(folder: Path, resume: bool) -> None:
    """Refuse a folder that parts cannot go to; touch nothing.

    Raises
    ------
    UsageError
        If it holds something else, or parts that are not to be gone on from; if it lies in no folder, or is a file.
    """
    try:
        names = os.listdir(folder) if folder.exists() else []
    except NotADirectoryError:
        raise UsageError(f"parts go to a folder, and {folder} is a file; name another place") from None
    if not folder.parent.is_dir():
        raise UsageError(f"--out must lie in a folder that exists, and {folder.parent} does not")
    held = MANIFEST in names or BEFORE in names
    if held and not resume:
        raise UsageError(f"{folder} holds the parts of another run; continue it with --resume, or name another folder")
    if not held and not all(name.startswith(HIDDEN) for name in names):
        raise UsageError(f"--out must name a file, and {folder} is a folder that holds other things; name a new folder")


@contextlib.contextmanager
def open_parts(
    folder: Path, run: Mapping[str, Any], about: Mapping[str, Any], number: int, ending: str, *, resume: bool
) -> Generator[Parts]:
    """Hold a folder of parts while inside; it is made where there is none, and goes where no part was finished.

    Parameters
    ----------
    folder, ending
        The folder, and how the names of its parts end.
    run
        What makes the run what it is, by name: parts of a run that differs in any of it are never gone on from.
    about
        What ``_parts.json`` says besides.
    number
        How many parts there will be.
    resume
        Whether to go on from the parts that are there.

    Raises
    ------
    UsageError
        If `check_folder` refuses it, another run made its parts, or writes to it now.
    SpacetuneError
        If it cannot be written to.
    """
    check_folder(folder, resume)
    with contextlib.ExitStack() as held:
        try:
            if not folder.exists():
                folder.mkdir()
                held.callback(_remove_empty, folder)
            held.enter_context(lock(folder / LOCK))
        except Busy as error:
            raise UsageError(f"another run is writing to {folder}; wait for it, or name another folder") from error
        except OSError as error:
            raise SpacetuneError(f"{folder} cannot be written: {error.strerror}; name another folder") from error
        clean_leftovers(folder)
        manifest = folder / (BEFORE if (folder / BEFORE).exists() else MANIFEST)
        if manifest.exists():
            _refuse_another(manifest, run)
        else:
            if resume:
                log.warning("there are no parts in %s to continue from; this run starts from the beginning", folder)
            write(manifest, json.dumps({**about, "n_parts": number, "run": run}, indent=1).encode() + b"\n")
        parts = Parts(folder, number, ending)
        try:
            yield parts
        except BaseException:
            if not any(parts.path(part).exists() for part in range(number)):
                manifest.unlink(missing_ok=True)
            raise


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _refuse_another(manifest: Path, run: Mapping[str, Any]) -> None:
    try:
        made_by = dict[str, Any](json.loads(manifest.read_bytes())["run"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{manifest} cannot be read ({error!r:.80}); name another folder") from error
    mine = json.loads(json.dumps(run))
    other = [name for name in {**mine, **made_by} if mine.get(name) != made_by.get(name)]
    if other:
        raise UsageError(
            f"the parts in {manifest.parent} were made by another run: other {', '.join(other)}; go on with those they "
            "were made with, or name another folder"
        )
