"""Requests that arrive together go through the model together: one worker thread, one bounded queue."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from spacetune.encoders import TextInput
from spacetune.web.limits import Limits, Refused

__all__ = ["Batcher"]

Run = Callable[[list[TextInput]], Sequence[Any]]


class Job:
    """One request's texts, waiting for one kind of work."""

    def __init__(self, key: object, run: Run, texts: list[TextInput], begun: bool) -> None:
        self.key, self.run, self.texts, self.begun = key, run, texts, begun
        self.future: Future[Sequence[Any]] = Future()
        self.since = time.monotonic()


class Batcher:
    """A queue in front of the model; of the limits `max_waiting`, `max_seconds` and `batch_texts` are used.

    The worker takes the oldest job and every later one of the same kind that still fits, runs their texts as one list,
    and deals the answers out. The model is only ever touched by this one thread.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.n_waiting = 0
        self.sizes: deque[int] = deque(maxlen=1000)
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._rate = 100.0
        self._thread = threading.Thread(target=self._work, name="spacetune-model", daemon=True)
        self._thread.start()

    def submit(self, key: object, run: Run, texts: list[TextInput], *, begun: bool = False) -> Future[Sequence[Any]]:
        """Put texts in the queue, for `run` to make one answer a text of; jobs with equal keys may run together.

        What has `begun` is a further part of a request that was let in: it is not refused halfway. Raises `Refused`
        with 429 where too many texts wait already, with 503 while the server is stopping.
        """
        with self._changed:
            if self._closing:
                raise Refused(503, "the server is stopping", 5.0)
            if self.n_waiting and not begun and self.n_waiting + len(texts) > self.limits.max_waiting:
                wait = self.n_waiting / self._rate
                raise Refused(429, f"{self.n_waiting} texts are waiting already; try again in a moment", wait)
            job = Job(key, run, texts, begun)
            self._jobs.append(job)
            self.n_waiting += len(texts)
            self._changed.notify()
        return job.future

    def close(self, seconds: float = 5.0) -> None:
        """Take no more, finish what waits, and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    @property
    def alive(self) -> bool:
        """Whether the worker runs and takes jobs."""
        return self._thread.is_alive() and not self._closing

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._closing:
                    self._changed.wait()
                if not self._jobs:
                    return
                batch = self._next_batch()
            self._answer(batch)

    def _next_batch(self) -> list[Job]:
        """Take the oldest job and those of its kind that fit beside it; called with the lock held."""
        first = self._jobs.popleft()
        batch, size, others = [first], len(first.texts), deque[Job]()
        while self._jobs and size < self.limits.batch_texts:
            job = self._jobs.popleft()
            if job.key == first.key and size + len(job.texts) <= self.limits.batch_texts:
                batch.append(job)
                size += len(job.texts)
            else:
                others.append(job)
        self._jobs.extendleft(reversed(others))
        self.n_waiting -= size
        return batch

    def _answer(self, batch: list[Job]) -> None:
        late = time.monotonic() - self.limits.max_seconds
        batch = [job for job in batch if job.future.set_running_or_notify_cancel()]
        refused = [job for job in batch if job.since < late and not job.begun]
        for job in refused:
            job.future.set_exception(self.limits.waited())
        batch = [job for job in batch if job not in refused]
        texts = [text for job in batch for text in job.texts]
        if not texts:
            return
        began = time.monotonic()
        try:
            answers = batch[0].run(texts)
        except Exception as error:
            for job in batch:
                job.future.set_exception(error)
            return
        self.sizes.append(len(texts))
        self._rate = 0.9 * self._rate + 0.1 * len(texts) / max(time.monotonic() - began, 1e-4)
        at = 0
        for job in batch:
            job.future.set_result(answers[at : at + len(job.texts)])
            at += len(job.texts)
