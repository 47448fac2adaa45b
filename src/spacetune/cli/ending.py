"""SIGTERM and SIGHUP, as schedulers, containers and closed terminals send them: a fit ends by them as by Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType

from spacetune.errors import Terminated

__all__ = ["TERMINATED", "heeding_sigterm"]

TERMINATED = 128 + int(signal.SIGTERM)
"""Exit code of a command that SIGTERM ended."""


@contextlib.contextmanager
def heeding_sigterm() -> Generator[list[str]]:
    """Raise `Terminated` where such a signal comes; give the list of the names of those that came.

    A signal that is ignored (``nohup``) stays ignored. Outside the main thread, where Python gives no signals, nothing
    changes.
    """
    came: list[str] = []

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(signal.Signals(number).name)
        raise Terminated(came[-1])

    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield came
    finally:
        for number in numbers:
            signal.signal(number, before[number])
