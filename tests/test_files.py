"""Files are whole or not there, locks end with their holder, and what killed runs leave is cleaned."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from spacetune import files
from spacetune.files import Busy, clean_leftovers, lock, write_file


def killed_while_writing(path: Path, data: bytes) -> None:
    """Die in a child before the rename, as a killed run does."""
    if (child := os.fork()) == 0:
        files.os.replace = lambda *given: os._exit(9)  # type: ignore[assignment]
        write_file(path, data)
    os.waitpid(child, 0)


def test_a_file_has_the_content_and_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "a", b"one")
        write_file(tmp_path / "a", [b"two ", b"pieces"])
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == b"two pieces"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(files.os, failing, full)
    with pytest.raises(OSError, match="no space left"):
        write_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_the_next_write_cleans_what_a_killed_one_left(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "a[1]", b"half")
    (tmp_path / ".a[1].mine.tmp").touch()
    assert len(os.listdir(tmp_path)) == 2
    write_file(tmp_path / "a[1]", b"whole")
    assert sorted(os.listdir(tmp_path)) == [".a[1].mine.tmp", "a[1]"]


def test_a_file_that_is_being_written_is_no_leftover(tmp_path: Path) -> None:
    def pieces() -> object:
        yield b"one "
        assert clean_leftovers(tmp_path) == 0
        yield b"two"

    write_file(tmp_path / "a", pieces())  # type: ignore[arg-type]
    assert (tmp_path / "a").read_bytes() == b"one two"


def test_a_lock_is_held_once_and_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    with lock(place), pytest.raises(Busy), lock(place):
        pass
    assert not os.listdir(tmp_path)
    with lock(place):
        assert place.exists()


def test_a_killed_holder_gives_the_lock_back(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    if (child := os.fork()) == 0:
        held = lock(place)
        held.__enter__()
        os._exit(9)
    os.waitpid(child, 0)
    assert place.exists()
    with lock(place):
        pass
    assert not place.exists()
