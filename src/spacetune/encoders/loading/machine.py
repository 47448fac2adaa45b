"""What this machine computes fast: the device, and the dtype to run a frozen encoder in."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import torch

from spacetune.errors import UsageError

__all__ = [
    "choose_device",
    "choose_dtype",
    "cpu_quota",
    "describe_machine",
    "heed_quota",
    "linear_rate",
    "one_thread",
    "unaltered",
]

log = logging.getLogger("spacetune")

if hasattr(os, "register_at_fork"):
    # a forked child has none of its parent's threads, and would wait for them for ever at the first large product
    os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))

CGROUP = Path("/sys/fs/cgroup")

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


def choose_device(device: str) -> torch.device:
    """Return the device of that name, with threads within a container's quota; ``auto`` is a GPU or else the CPU."""
    heed_quota()
    if device != "auto":
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the dtype of that name; ``auto`` is bfloat16 where the device has it natively and it wins.

    A CPU that only emulates bfloat16 is about a hundred times slower in it, so the CPU's flags are read first;
    a short product in both dtypes then has a veto. It goes by the processor's time of one thread, so that the choice,
    by which features are kept and models answer, is the same beside other work.

    Raises
    ------
    UsageError
        If the name is not known.
    """
    if dtype != "auto":
        if dtype not in DTYPES:
            raise UsageError(f"dtype must be auto, {', '.join(DTYPES)}, got {dtype!r}")
        if device.type == "mps" and dtype == "float64":
            raise UsageError("dtype float64 cannot be computed on the device mps; take float32, or device='cpu'")
        return DTYPES[dtype]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and _native_bfloat16() and not _bfloat16_crawls():
        return torch.bfloat16
    return torch.float32


def _native_bfloat16() -> bool:
    capable = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capable.get("avx512_bf16") or capable.get("amx_bf16") or capable.get("bf16"))


@functools.cache
def _bfloat16_crawls() -> bool:
    clock = time.perf_counter if sys.platform == "win32" else time.thread_time  # which ticks every 16 ms there
    with one_thread():
        half, full = (linear_rate(dtype, 256, clock=clock) for dtype in (torch.bfloat16, torch.float32))
    return half < 0.5 * full


@contextlib.contextmanager
def unaltered(*, gradients: bool = False) -> Generator[None]:
    """Run torch as this library means it, whatever the caller set as its defaults.

    That is float32 on the CPU where nothing else is said, without autocast, and with gradients where asked.
    """
    before = torch.get_default_dtype()
    with contextlib.ExitStack() as stack:
        if before != torch.float32:
            stack.callback(torch.set_default_dtype, before)
            torch.set_default_dtype(torch.float32)
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.autocast("cpu", enabled=False))
        if gradients:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
        yield


@contextlib.contextmanager
def one_thread() -> Generator[None]:
    """Let torch compute in one thread meanwhile."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def linear_rate(
    dtype: torch.dtype,
    rows: int,
    width: int = 384,
    out: int = 1536,
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Measure a linear layer on this CPU, in floating-point operations a second (the best of a few tries)."""
    x, weight = torch.zeros(rows, width, dtype=dtype), torch.zeros(out, width, dtype=dtype)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(repeats + 2):
            start = clock()
            torch.nn.functional.linear(x, weight)
            best = min(best, clock() - start)
    return 2 * rows * width * out / max(best, 1e-9)


def describe_machine() -> dict[str, object]:
    """Say what the default device is, what it computes in, and how fast its matrix products are."""
    device = choose_device("auto")
    dtype = choose_dtype("auto", device)
    rates = {
        name: round(linear_rate(number, 4096) / 1e9)
        for name, number in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
        if number is dtype or number is torch.float32
    }
    return {
        "device": device.type,
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "linear_gflops": rates,
    }


def cpu_quota(cgroup: Path = CGROUP) -> float:
    """Return how many CPUs a container may use at a time (control groups 2 and 1); infinity where nothing bounds it."""
    for read in (_quota, _quota_of_old):
        with contextlib.suppress(OSError, ValueError):
            allowed, period = read(cgroup)
            if allowed > 0 and period > 0:
                return allowed / period
    return math.inf


def _quota(cgroup: Path) -> tuple[int, int]:
    allowed, period = (cgroup / "cpu.max").read_text().split()
    return int(allowed), int(period)  # "max" is no number: no bound


def _quota_of_old(cgroup: Path) -> tuple[int, int]:
    allowed, period = ((cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    return int(allowed), int(period)


@functools.cache
def heed_quota(cgroup: Path = CGROUP) -> int:
    """Compute with no more threads than a container has CPUs: torch counts those of the host.

    Threads above the quota are stopped in turn, and each makes the others wait. ``OMP_NUM_THREADS`` and
    `torch.set_num_threads` below the quota are left as they are.

    Returns
    -------
    int
        The number of threads.
    """
    there, allowed = torch.get_num_threads(), cpu_quota(cgroup)
    if allowed < there and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, math.floor(allowed)))
        log.info("computing with %d threads, as many CPUs as this container has; torch had chosen %d",
                 torch.get_num_threads(), there)  # fmt: skip
    return torch.get_num_threads()
