"""Time contestants in turn, and know what this machine can do at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from spacetune.encoders.loading.machine import linear_rate
from spacetune.encoders.passes.linear import Affine

Result = dict[str, Any]
Run = Callable[[], Any]
Clock = Callable[[], float]
PEAK_ROWS = 2048


def contest(
    contestants: dict[str, Run], rounds: int, before: Run | None = None, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Time every contestant once a round, starting with another one each round."""
    names, seconds = list(contestants), {name: [] for name in contestants}
    for i in range(rounds):
        if before is not None:
            before()
        for name in names[i % len(names) :] + names[: i % len(names)]:
            seconds[name].append(timed(contestants[name], clock))
    return seconds


class Peaks:
    """The matrix-product rates of this machine, measured again in every round: a machine's clock drifts."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.dtypes = {dtype, torch.float32}
        self.rates: dict[str, list[float]] = {}

    def measure(self) -> None:
        for dtype in self.dtypes:
            self.rates.setdefault(name_of(dtype), []).append(linear_rate(dtype, PEAK_ROWS, repeats=20))
        self.rates.setdefault("laid_out", []).append(laid_out_rate(self.dtype))

    def rate(self, dtype: torch.dtype | None = None) -> float:
        """Return operations a second: the median over the rounds so far."""
        if not self.rates:
            self.measure()
        return median(self.rates[name_of(self.dtype if dtype is None else dtype)])

    def to_dict(self) -> Result:
        what = f"best of 22 linear layers 384 to 1536 at {PEAK_ROWS} rows, median over rounds, in GFLOP/s"
        laid_out = f"the same in {name_of(self.dtype)} with weights laid out once"
        rows = {name: spread([rate / 1e9 for rate in rates]) for name, rates in self.rates.items()}
        return {"what": what, "laid_out_is": laid_out, **rows}


def laid_out_rate(dtype: torch.dtype, rows: int = PEAK_ROWS, repeats: int = 22) -> float:
    """Measure the same product with weights in the order the matrix unit wants."""
    linear = torch.nn.Linear(384, 1536)
    affine, x = Affine([linear], dtype), torch.zeros(rows, 384, dtype=dtype)
    with torch.inference_mode():
        best = min(timed(lambda: affine(x)) for _ in range(repeats))
    return 2 * rows * 384 * 1536 / best


def timed(run: Run, clock: Clock = time.perf_counter) -> float:
    start = clock()
    run()
    return clock() - start


def spread(values: list[float]) -> Result:
    return {"median": median(values), "min": min(values), "max": max(values)}


def ratio(above: list[float], below: list[float]) -> float:
    """Return the median over rounds of the ratio within a round: both sides saw the same machine."""
    return median(a / b for a, b in zip(above, below, strict=True))


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
