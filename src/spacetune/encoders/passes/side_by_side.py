"""Pieces of work in threads of their own, each with one thread of torch: no operation waits for the slowest core.

One pass with all of torch's threads meets at every operation: beside a busy process each of them waits for the core
that is shared. Pieces that are computed apart take what every core has left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

__all__ = ["side_by_side"]

MOST = 16
"""Pieces at a time, each of which needs memory of its own; further cores are shared among them."""

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], pieces: Iterable[T], n_pieces: int) -> Iterator[R]:
    """Yield what `work` gives for every piece, as it comes, computed in as many threads as torch has here, or `MOST`.

    Fewer pieces than threads are computed one after the other, each with all threads; so is everything on one thread.
    Whichever it is, a piece is computed alike: the number of threads does not change an encoder's states.

    Parameters
    ----------
    work
        Takes a piece; it must not touch what another piece touches.
    pieces
        What is to be done; drawn as threads come free, so that they may be made on the way.
    n_pieces
        How many there are.
    """
    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, MOST)
    if n_workers == 1 or n_pieces < n_workers:
        yield from map(work, pieces)
        return
    ready = threading.Barrier(n_workers + 1)

    def alone() -> None:
        torch.get_num_threads()  # a thread takes torch's number when it is first asked for: before it gets its own
        torch.set_num_threads(n_threads // n_workers)
        ready.wait()

    with ThreadPoolExecutor(n_workers) as pool:
        starts = [pool.submit(alone) for _ in range(n_workers)]
        ready.wait()
        torch.set_num_threads(n_threads)  # of this thread, and of those that are started later
        for start in starts:
            start.result()
        waiting: set[Future[R]] = set()
        try:
            for piece in pieces:
                if len(waiting) > n_workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (each.result() for each in done)
                waiting.add(pool.submit(work, piece))
            for each in waiting:
                yield each.result()
        finally:
            for each in waiting:
                each.cancel()
