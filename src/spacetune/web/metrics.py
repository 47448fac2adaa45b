"""Counts and times for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from spacetune.errors import UsageError
from spacetune.memory import held_bytes

__all__ = ["Metrics"]

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What a server has done since it started: a registry of its own, so that two in one process stay apart."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        self._requests = Counter("spacetune_requests", "Answered requests.", ["path", "status"], registry=own)
        self._texts = Counter("spacetune_texts", "Texts of requests answered with 200.", ["path"], registry=own)
        self._seconds = Histogram(
            "spacetune_request_seconds", "From the first byte to the last.", ["path"], buckets=EDGES, registry=own
        )
        self._waiting = Gauge("spacetune_waiting_texts", "Texts in the queue.", registry=own)
        self._batch = Gauge("spacetune_batch_texts_mean", "Mean texts of the latest 1,000 batches.", registry=own)
        self._memory = Gauge("process_resident_memory_bytes", "Memory in use.", registry=own)

    def request(self, path: str, status: int, seconds: float, texts: int) -> None:
        """Count one answered request."""
        self._requests.labels(path, status).inc()
        self._texts.labels(path).inc(texts)
        self._seconds.labels(path).observe(seconds)

    def text(self, n_waiting: int, batch_sizes: Iterable[int]) -> bytes:
        """Return everything in the text format, with the texts in the queue and those of the latest batches."""
        sizes = list(batch_sizes)
        self._waiting.set(n_waiting)
        self._batch.set(sum(sizes) / len(sizes) if sizes else 0)
        self._memory.set(resident_bytes())
        return generate_latest(self._registry)


def resident_bytes() -> int:
    """Return the memory this process holds; 0 where the system does not say."""
    try:
        return held_bytes()
    except UsageError:
        return 0
