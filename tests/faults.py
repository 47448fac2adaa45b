"""Faults at every call to the system in turn, as a database is tested: a full disk, an I/O error, a kill.

`spacetune.files` and the room of the saved model call the system through ``os``; here each such call is counted, and
the nth fails. A kill happens in a forked child, which ends at once: nothing is tidied by its own hand.
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
    def __init__(self, at: int | None, fault: Callable[[], None]) -> None:
        self.at, self.fault, self.n = at, fault, 0

    def wrapped(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.n += 1
            if self.n - 1 == self.at:
                self.fault()
            return call(*given, **named)

        return counted


@contextlib.contextmanager
def _counting(at: int | None, fault: Callable[[], None]) -> Generator[_Counter]:
    counter = _Counter(at, fault)
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


def killed_at(n: int, work: Callable[[], object]) -> None:
    """Do a piece of work in a child that is killed at its nth call to the system."""
    if (child := os.fork()) == 0:
        try:
            with _counting(n, lambda: os._exit(9)):
                work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
