"""Files written whole or not at all, locks that end with their process, and what killed runs leave behind.

A file is written under a name of the run's own beside its place, synced and renamed. While it is written the run holds
a lock on it, so whoever finds such a file without a holder knows that its run is dead, and may remove it.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import re
import time
import uuid
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, which locks bytes of files
    fcntl = None

__all__ = ["OPEN_FILES_STAY", "UNFINISHED", "Busy", "clean_leftovers", "lock", "patiently", "sync_folder", "write_file"]

OPEN_FILES_STAY = os.name == "nt"
"""Whether a file that is open or mapped can be neither renamed nor removed."""
BINARY = getattr(os, "O_BINARY", 0)
"""Windows changes the ends of lines in what is written otherwise."""
WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.3)
"""Seconds between tries where somebody may hold a file for a moment."""
LOCKED_BYTE = 1 << 30

UNFINISHED = ".tmp"
"""How the names of unfinished files end."""

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)


class Busy(OSError):  # noqa: N818 - reads as the state it is
    """Another process, or another part of this one, holds the lock."""


def write_file(path: Path, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Write a file whole or not at all: an unfinished sibling is synced to disk, then renamed over the place.

    The file gets the mode that the umask gives any new file. Unfinished siblings of killed runs are removed.

    Parameters
    ----------
    path
        The file; its folder must exist.
    data
        Its content, at once or in pieces.

    Raises
    ------
    OSError
        If it cannot be written; what stood there stands there still, and nothing is left beside it.
    """
    clean_leftovers(path.parent, path.name)
    unfinished = path.with_name(f".{path.name[:60]}.{uuid.uuid4().hex[:12]}{UNFINISHED}")
    descriptor = _locked(unfinished)
    try:
        try:
            for piece in (data,) if isinstance(data, bytes) else data:
                _write(descriptor, piece)
            os.fsync(descriptor)
            if OPEN_FILES_STAY:
                os.close(descriptor)
                descriptor = -1
            patiently(os.replace, unfinished, path)
        finally:
            if descriptor >= 0:
                os.close(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
    sync_folder(path.parent)


def patiently(act: Callable[..., object], *places: Path) -> None:
    """Rename or replace; where open files stay, again for a second while a reader or an indexer holds one.

    Raises `OSError` if it cannot be done.
    """
    for wait in WAITS if OPEN_FILES_STAY else ():
        try:
            act(*places)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    act(*places)


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def clean_leftovers(folder: Path, name: str | None = None) -> int:
    """Remove a folder's unfinished files (those of one file, or all) that no living run holds; return how many.

    What cannot be removed stays.
    """
    mark = re.compile(rf"\.{'.*' if name is None else re.escape(name[:60])}\.[0-9a-f]{{12}}{re.escape(UNFINISHED)}")
    gone = 0
    with contextlib.suppress(OSError):
        for path in [folder / found for found in os.listdir(folder) if mark.fullmatch(found)]:
            gone += _removed(path)
    return gone


def _removed(path: Path) -> bool:
    """Remove an unfinished file unless somebody holds it or it cannot go."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            _hold(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        _take_away(path, descriptor)
        return True
    return False


def _take_away(path: Path, descriptor: int) -> None:
    """Remove a file that is held, and close it: first the one, where an open file can go, else the other."""
    try:
        if not OPEN_FILES_STAY:
            os.unlink(path)
    finally:
        os.close(descriptor)
    if OPEN_FILES_STAY:
        os.unlink(path)


@contextlib.contextmanager
def lock(path: Path) -> Generator[None]:
    """Hold the lock at this path while inside; the file appears and goes with it.

    The lock is the process's: it ends with it, however that ends. Where a file system knows no locks there is none.

    Raises
    ------
    Busy
        If somebody else holds it.
    OSError
        If the file cannot be made.
    """
    descriptor = _locked(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # who has it open by now keeps it
            _take_away(path, descriptor)


def _locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | BINARY, 0o666)
        try:
            _hold(descriptor)
            if OPEN_FILES_STAY or _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the last holder removed the file between our opening and locking it


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _hold(descriptor: int) -> None:
    """Lock an open file; who closes it gives the lock back."""
    if fcntl is None:
        _hold_byte(descriptor)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Busy(error.errno, "another process holds the lock") from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


def _hold_byte(descriptor: int) -> None:
    """Lock a byte beyond the end of an open file, as Windows can."""
    try:
        msvcrt: Any = importlib.import_module("msvcrt")
    except ImportError:  # there are no locks
        return
    os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EDEADLK):
            raise Busy(error.errno, "another process holds the lock") from error
        raise
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def _write(descriptor: int, piece: bytes | memoryview) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]
