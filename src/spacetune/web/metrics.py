"""Counts and times in Prometheus' text format."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable

from spacetune.errors import UsageError
from spacetune.memory import held_bytes

__all__ = ["Metrics"]

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What a server has done since it started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._texts: defaultdict[str, int] = defaultdict(int)
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(EDGES) + 1))
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def request(self, path: str, status: int, seconds: float, texts: int) -> None:
        """Count one answered request."""
        place = next((i for i, edge in enumerate(EDGES) if seconds <= edge), len(EDGES))
        with self._lock:
            self._requests[path, status] += 1
            self._texts[path] += texts
            self._buckets[path][place] += 1
            self._seconds[path] += seconds

    def text(self, n_waiting: int, batch_sizes: Iterable[int]) -> str:
        """Return everything in the text format, with the texts in the queue and those of the latest batches."""
        sizes = list(batch_sizes)
        with self._lock:
            lines = [
                *_named("spacetune_requests_total", "counter", "Answered requests."),
                *(f'spacetune_requests_total{{path="{p}",status="{s}"}} {n}' for (p, s), n in self._requests.items()),
                *_named("spacetune_texts_total", "counter", "Texts of requests answered with 200."),
                *(f'spacetune_texts_total{{path="{p}"}} {n}' for p, n in self._texts.items()),
                *_named("spacetune_request_seconds", "histogram", "From the first byte to the last."),
                *(line for path in self._buckets for line in self._histogram(path)),
            ]
        mean = sum(sizes) / len(sizes) if sizes else 0
        lines += [
            *_named("spacetune_waiting_texts", "gauge", "Texts in the queue."),
            f"spacetune_waiting_texts {n_waiting}",
            *_named("spacetune_batch_texts_mean", "gauge", "Mean texts of the latest 1,000 batches."),
            f"spacetune_batch_texts_mean {mean:.3f}",
            *_named("process_resident_memory_bytes", "gauge", "Memory in use."),
            f"process_resident_memory_bytes {resident_bytes()}",
        ]
        return "\n".join(lines) + "\n"

    def _histogram(self, path: str) -> Iterable[str]:
        total = 0
        for edge, count in zip((*EDGES, "+Inf"), self._buckets[path], strict=True):
            total += count
            yield f'spacetune_request_seconds_bucket{{path="{path}",le="{edge}"}} {total}'
        yield f'spacetune_request_seconds_sum{{path="{path}"}} {self._seconds[path]:.6f}'
        yield f'spacetune_request_seconds_count{{path="{path}"}} {total}'


def _named(name: str, kind: str, purpose: str) -> tuple[str, str]:
    return f"# HELP {name} {purpose}", f"# TYPE {name} {kind}"


def resident_bytes() -> int:
    """Return the memory this process holds; 0 where the system does not say."""
    try:
        return held_bytes()
    except UsageError:
        return 0
