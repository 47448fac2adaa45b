"""Faults at every call to the system in turn, as a database is tested: a full disk, an I/O error, a kill.

`spacetune.files` and the room of the saved model call the system through ``os``; here each such call is counted, and
the nth fails. From a kill on every call fails, with what nobody catches: so nothing is tidied, as in a process that is
gone, and only what the system itself takes back (open files, locks) goes.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Generator
from typing import Any

import pytest

__all__ = ["failing_at", "killed_at", "n_calls"]

CALLS = ("open", "write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "listdir", "chmod")


class _Counter:
    def __init__(self, at: int | None, fault: Callable[[], None], for_good: bool) -> None:
        self.at, self.fault, self.for_good, self.n = at, fault, for_good, 0

    def wrapped(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.n += 1
            if self.at is not None and (self.n - 1 == self.at or (self.n > self.at and self.for_good)):
                self.fault()
            return call(*given, **named)

        return counted


@contextlib.contextmanager
def _counting(at: int | None, fault: Callable[[], None], for_good: bool = False) -> Generator[_Counter]:
    counter = _Counter(at, fault, for_good)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, counter.wrapped(getattr(os, name), name))
        yield counter


def n_calls(work: Callable[[], object]) -> int:
    """Return how many calls to the system a piece of work makes."""
    with _counting(None, lambda: None) as counter:
        work()
    return counter.n


@contextlib.contextmanager
def failing_at(n: int, number: int = errno.ENOSPC) -> Generator[None]:
    """Let the nth call to the system fail while inside."""

    def fault() -> None:
        raise OSError(number, os.strerror(number))

    with _counting(n, fault):
        yield


class Killed(BaseException):
    """The process is gone."""


def killed_at(n: int, work: Callable[[], object]) -> None:
    """Do a piece of work that is killed at its nth call to the system."""

    def fault() -> None:
        raise Killed

    with _counting(n, fault, for_good=True), contextlib.suppress(Killed):
        work()
