"""A time limit on the fits inside: what chooses among methods gives each no more than is left of its budget."""

from __future__ import annotations

import contextlib
import contextvars
import math
import time
from collections.abc import Generator

from spacetune.errors import OutOfTime

__all__ = ["check_time", "time_limit"]

_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=math.inf)


@contextlib.contextmanager
def time_limit(seconds: float) -> Generator[None]:
    """Let training inside end with `OutOfTime` at the first step after so many seconds; limits nest.

    >>> with time_limit(60.0):
    ...     check_time()
    """
    token = _deadline.set(min(_deadline.get(), time.perf_counter() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def check_time() -> None:
    """Raise `OutOfTime` if the limit is over."""
    if time.perf_counter() > _deadline.get():
        raise OutOfTime("the time limit was reached before training had ended")
