"""Ray: the parts of a folder written by several processes, on this machine or on a cluster (extra ``ray``).

Ray Data hands out the numbers of the parts, starts workers anew that died, and tries their parts again. A part is
written whole or not at all and is the same whoever writes it: nothing is lost, nothing stands there twice. What is
read and the folder that is written must be reachable under the same path everywhere.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from spacetune import errors
from spacetune.errors import SpacetuneError, UsageError

__all__ = ["write_by_ray"]

Write = Callable[[int], tuple[int, int]]
"""Writes the part of this number; says how many rows it has, and how many of their texts were cut."""


class _Worker:
    """A process of its own, which keeps its model and its place in the texts from part to part."""

    def __init__(self, write: Write) -> None:
        self.write = write

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        try:
            rows, cut = self.write(int(row["part"]))
        except Exception as error:  # told as a result: Ray would wrap it in pages of its own
            known = isinstance(error, SpacetuneError)
            told = str(error) if known else f"a worker of Ray failed ({error!r}); what is written stays"
            return {"rows": 0, "cut": 0, "kind": type(error).__name__ if known else "SpacetuneError", "error": told}
        return {"rows": rows, "cut": cut, "kind": "", "error": ""}


def write_by_ray(
    write: Write, parts: Sequence[int], engine: str = "ray", workers: int | None = None
) -> Iterator[tuple[int, int]]:
    """Have Ray's workers write parts, and yield what `write` says of each, in no certain order.

    Parameters
    ----------
    write
        Writes a part; it is pickled with what it holds, once for all workers of a machine.
    parts
        The numbers of the parts.
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
        If it cannot be reached, or a part cannot be written.
    """
    if not parts:
        return
    ray: Any = _imported("ray")
    with _connected(ray, engine):
        number, share = _workers(int(ray.cluster_resources().get("CPU", 0)), workers)
        data: Any = _imported("ray.data")
        data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        rows = data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
        done = rows.map(_Worker, fn_constructor_args=(write,), concurrency=number, num_cpus=share)
        try:
            for told in done.iter_rows():
                if told["kind"]:
                    raise getattr(errors, told["kind"])(told["error"])
                yield int(told["rows"]), int(told["cut"])
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
        address = None if engine == "ray" else engine
        ray.init(address, log_to_driver=False, logging_level="error", include_dashboard=None if address else False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise SpacetuneError(f"Ray cannot be reached at {engine}: {str(error).splitlines()[0]}") from error
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
