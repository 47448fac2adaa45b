"""Ray: blocks of texts worked on by several processes, on this machine or on a cluster (extra ``ray``).

Ray Data hands out the numbers of the blocks, starts workers anew that died, and tries their blocks again. A block is
worked on whole or not at all, with the same result whoever does it: nothing is lost, nothing counted twice. What is
read, and a folder that is written, must be reachable under the same path everywhere.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import pickle
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

from spacetune import errors
from spacetune.errors import SpacetuneError, UsageError

__all__ = ["by_engine", "by_ray", "check_engine"]

T = TypeVar("T")


class _Worker:
    """A process of its own, which keeps its model and its place in the texts from block to block."""

    def __init__(self, work: Callable[[int], object]) -> None:
        self.work = work

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        number = int(row["number"])
        try:
            made = pickle.dumps(self.work(number))
        except Exception as error:  # told as a result: Ray would wrap it in pages of its own
            known = isinstance(error, SpacetuneError)
            told = str(error) if known else f"a worker of Ray failed ({error!r}); what is written stays"
            return {"number": number, "made": b"", "kind": type(error).__name__ if known else "SpacetuneError",
                    "error": told}  # fmt: skip
        return {"number": number, "made": made, "kind": "", "error": ""}


def check_engine(engine: str, workers: int | None) -> None:
    """Raise `UsageError` unless `engine` is ``local`` or an address of Ray, and `workers` are given to Ray alone."""
    if engine != "local" and not engine.startswith("ray"):
        raise UsageError(f"engine must be 'local', 'ray' or an address that begins with ray://, got {engine!r}")
    if workers is not None and engine == "local":
        raise UsageError("workers are processes of Ray: take engine='ray' (--engine ray), or leave workers out")


def by_engine(
    work: Callable[[int], T], numbers: Sequence[int], engine: str = "local", workers: int | None = None
) -> Iterator[tuple[int, T]]:
    """Work on numbers, one after the other here where the engine is ``local``, else as `by_ray` has it done."""
    if engine == "local":
        return ((number, work(number)) for number in numbers)
    return by_ray(work, numbers, engine, workers)


def by_ray(
    work: Callable[[int], T], numbers: Sequence[int], engine: str = "ray", workers: int | None = None
) -> Iterator[tuple[int, T]]:
    """Have Ray's workers work on numbers, and yield each with what was made of it, in no certain order.

    Parameters
    ----------
    work
        Does it; it is pickled with what it holds, once for all workers of a machine, and so is what it returns.
    numbers
        The numbers, of blocks or parts.
    engine
        ``ray`` is the cluster of ``RAY_ADDRESS``, else one of this machine's CPUs for the time being; ``ray://…`` the
        cluster at this address. Where `ray.init` was called, it is that cluster.
    workers
        How many processes, of one CPU each; None takes all CPUs but one, which Ray needs to hand out work.

    Raises
    ------
    UsageError
        If Ray is not installed or has too few CPUs.
    SpacetuneError
        If it cannot be reached, or the work fails.
    """
    if not numbers:
        return
    ray: Any = _imported("ray")
    with contextlib.redirect_stdout(sys.stderr), _connected(ray, engine):  # Ray tells there of a worker that died
        number, share = _workers(int(ray.cluster_resources().get("CPU", 0)), workers)
        data: Any = _imported("ray.data")
        data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        rows = data.from_items([{"number": each} for each in numbers], override_num_blocks=len(numbers))
        done = rows.map(_Worker, fn_constructor_args=(work,), concurrency=number, num_cpus=share)
        try:
            for told in done.iter_rows():
                if told["kind"]:
                    raise getattr(errors, told["kind"])(told["error"])
                made = pickle.loads(told["made"])  # noqa: S301 - of workers of our own, as is all that Ray carries
                yield int(told["number"]), made
        except ray.exceptions.RayError as error:
            first = str(error).splitlines()[0]
            raise SpacetuneError(f"Ray gave up ({first}); what is written stays, and --resume goes on") from error


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError("Ray is not installed; pip install 'spacetune[ray]'") from error


@contextlib.contextmanager
def _connected(ray: Any, engine: str) -> Generator[None]:
    """Hold a connection to Ray, and end it unless it was there before."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of our own tells nobody of itself
    try:
        # without an address Ray would join whatever cluster somebody runs on this machine
        address = (None if "RAY_ADDRESS" in os.environ else "local") if engine == "ray" else engine
        own = address == "local"
        ray.init(address, log_to_driver=False, logging_level="error", include_dashboard=False if own else None)
    except Exception as error:  # of many libraries' kinds
        place = os.environ.get("RAY_ADDRESS", "this machine") if engine == "ray" else engine
        told = (str(error).splitlines() or [type(error).__name__])[0]
        raise SpacetuneError(f"Ray cannot be reached at {place}: {told}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _workers(cpus: int, wanted: int | None) -> tuple[int, float]:
    """Return how many workers there are, and each one's share of a CPU; one CPU stays free to hand out work.

    >>> _workers(8, None), _workers(8, 3), _workers(1, None)
    ((7, 1), (3, 1), (1, 0.5))
    """
    most = max(1, cpus - 1)
    if cpus < 1 or (wanted is not None and not 1 <= wanted <= most):
        raise UsageError(
            f"workers must be from 1 to {most}: Ray has {cpus} CPUs, one of them hands out work; got {wanted}"
        )
    return wanted or most, 1 if cpus > 1 else 0.5
