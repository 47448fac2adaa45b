"""How many of torch's threads a training step gets: all of them, or one where that is faster.

The operations of a small step are short, and every one of them waits for the slowest thread: beside a busy process two
threads take twice as long as one. Which wins is measured on the steps themselves, and again from time to time.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from statistics import median

import torch
from torch import Tensor

from spacetune.encoders.loading.machine import one_thread

__all__ = ["Threads"]

TRIED = 5
"""Steps by which a number of threads is judged."""
KEPT = 200
"""Steps after which they are judged again."""


class Threads:
    """Gives every step a number of threads; a context manager that leaves torch's own number behind.

    Only where one thread and all of them give the same gradients to the bit is there a choice: the number of threads
    must not change what is learnt.

    Parameters
    ----------
    gradients
        Computes the gradients of a step that is not taken.
    """

    def __init__(self, gradients: Callable[[], Sequence[Tensor]]) -> None:
        self.most = torch.get_num_threads()
        self._gradients = gradients
        self._seconds: dict[int, list[float]] = {}
        self._step = 0

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self.most)

    @functools.cached_property
    def choices(self) -> list[int]:
        """Numbers of threads to choose from; found out at the first step, so that a fit without one computes none."""
        if self.most == 1:
            return [1]
        by_all = self._gradients()
        with one_thread():
            by_one = self._gradients()
        return [self.most, 1] if all(map(torch.equal, by_all, by_one)) else [self.most]

    @contextmanager
    def step(self) -> Generator[None]:
        """Run a step with as many threads as it should have, and note how long it takes."""
        if len(self.choices) == 1:
            yield
            return
        if self._step % KEPT == 0:
            self._seconds = {number: [] for number in self.choices}
        number = self._number(self._step % KEPT)
        torch.set_num_threads(number)
        began = time.perf_counter()
        yield
        self._seconds[number].append(time.perf_counter() - began)
        self._step += 1

    def _number(self, step: int) -> int:
        if step < TRIED * len(self.choices):
            return self.choices[step % len(self.choices)]
        return min(self.choices, key=lambda number: median(self._seconds[number][:TRIED]))
