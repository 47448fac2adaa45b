"""Windows' rules for files on this system: what is open or mapped stays, text mode, locks of bytes, slow clocks."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spacetune import files
from spacetune.encoders.store import shard_files

BINARY = 1 << 29
"""Stands for ``O_BINARY``, which this system lacks."""


def held_paths() -> set[str]:
    """Return the files that this process has open or mapped."""
    held = set[str]()
    for number in os.listdir("/proc/self/fd"):
        try:
            held.add(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return held | {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if line.count("/")}


def refuse_held(path: Any, folder: int | None) -> None:
    """Raise as Windows does where a file, or anything in a folder, is open or mapped."""
    base = os.readlink(f"/proc/self/fd/{folder}") if folder is not None else os.getcwd()
    whole = os.path.join(
        os.path.realpath(os.path.join(base, os.fsdecode(os.path.dirname(path)))), os.path.basename(path)
    )
    for held in held_paths():
        if held == whole or held.startswith(f"{whole}/"):
            raise PermissionError(errno.EACCES, f"in use: {held}", str(path))


def strict(act: Callable[..., None], n_paths: int) -> Callable[..., None]:
    def checked(*given: Any, **named: Any) -> None:
        folder = named.get("dir_fd", named.get("src_dir_fd"))
        for path in given[:n_paths]:
            refuse_held(path, folder)
        act(*given, **named)

    return checked


def byte_locks() -> types.ModuleType:
    """Return a stand-in for ``msvcrt`` that locks whole files for a descriptor."""
    found: Any = types.ModuleType("msvcrt")
    found.LK_NBLCK = 2

    def locking(descriptor: int, mode: int, n_bytes: int) -> None:
        assert (mode, n_bytes, os.lseek(descriptor, 0, os.SEEK_CUR)) == (2, 1, files.LOCKED_BYTE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(errno.EACCES, "Permission denied") from error

    found.locking = locking
    return found


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files behave as on Windows."""
    binary, opening, writing = set[int](), os.open, os.write

    def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
        descriptor = opening(path, flags & ~BINARY, *more, **named)
        (binary.add if flags & BINARY else binary.discard)(descriptor)
        return descriptor

    def written(descriptor: int, content: Any) -> int:
        whole = bytes(content)
        translated = whole if descriptor in binary else whole.replace(b"\n", b"\r\n")
        while translated:
            translated = translated[writing(descriptor, translated) :]
        return len(whole)

    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.setattr(files, "BINARY", BINARY)
    monkeypatch.setattr(files, "WAITS", (0.0, 0.0))
    for module in (files, shard_files):
        monkeypatch.setattr(module, "OPEN_FILES_STAY", True)
    monkeypatch.setitem(sys.modules, "msvcrt", byte_locks())
    for name, n_paths in (("rename", 2), ("replace", 2), ("unlink", 1), ("remove", 1), ("rmdir", 1)):
        monkeypatch.setattr(os, name, strict(getattr(os, name), n_paths))
    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "write", written)


def everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
