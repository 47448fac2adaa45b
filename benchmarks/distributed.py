"""What a small Ray cluster writes and measures while it is being killed, and how fast one of its workers is.

    python -m benchmarks.distributed           # all of it, with 200,000 rows or as many as are named after it
    python -m benchmarks.distributed --rate    # the rate of a worker alone

Three nodes of one CPU each run on this machine (Ray's cluster utility); commands find them by RAY_ADDRESS. A made file
is encoded, predicted and measured with a tiny encoder, here and there. There a worker is killed on the way, and then
the process that began it: `--resume` goes on with parts, a measurement begins anew. Everything must equal what one
process gives without Ray, bit for bit. Then one worker of one thread and one process of one thread encode the same
texts with the default encoder, in turn: rows a second from the first part that is there to the last.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq

from benchmarks.common import circumstances, write
from benchmarks.streaming import fitted, in_a_folder, made_file

ROWS, BLOCK = 200_000, 5_000
TIMED, TIMED_BLOCK, ROUNDS = 24_000, 2_000, 3
NODES = 3
MEASURES = "eee,isoscore,average_cosine,uniformity,prompt_entropy,pq_re,pq_pp"
"""What streams, what a sample is enough for, and what takes a second pass over all tokens."""


def main(arguments: list[str] | None = None) -> None:
    with _cluster() as address:
        if arguments != ["--rate"]:
            about, n_rows = circumstances(), int((*(arguments or ()), ROWS)[0])
            killed = in_a_folder(lambda folder: _killed(folder, n_rows, address))
            write("distributed", {**about, "nodes": NODES, "rows": n_rows, "block": BLOCK, "killed": killed})
        about = circumstances()
        write("distributed_rate", {**about, **in_a_folder(lambda folder: _timed(folder, address))})


@contextlib.contextmanager
def _cluster() -> Iterator[str]:
    from ray.cluster_utils import Cluster

    made: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(NODES - 1):
        made.add_node(num_cpus=1)
    try:
        yield made.address
    finally:
        made.shutdown()


def _killed(folder: Path, n_rows: int, address: str) -> dict[str, Any]:
    data, model = made_file(folder / "made.parquet", n_rows), fitted(folder, tiny=True)
    encoder, block = ["--encoder", folder / "tiny"], ["--block", BLOCK]
    return {
        "encode": _parts(folder / "encoded", ["encode", data, *encoder, *block], address),
        "predict": _parts(folder / "predicted", ["predict", model, data, *block], address),
        "measure": _table(["measure", data, *encoder, *block, "--measures", MEASURES, "--json"], address),
    }


def _parts(out: Path, words: list[Any], address: str) -> dict[str, Any]:
    """Write parts here and there; kill a worker when a quarter is there, the driver when half is, and go on."""
    out.mkdir()
    here, there = out / "here", out / "there"
    seconds = _ended(_start([*words, "--out", here]))[0]
    number = len(_files(here))
    driver = _start([*words, "--out", there, "--engine", "ray"], address)
    _until(lambda: len(_files(there)) >= number // 4, driver)
    _kill_a_worker()
    _until(lambda: len(_files(there)) >= number // 2, driver)
    driver.kill()
    driver.wait()
    kept = len(_files(there))
    _ended(_start([*words, "--out", there, "--engine", "ray", "--resume"], address))
    assert [file.name for file in _files(there)] == [file.name for file in _files(here)]
    for one, other in zip(_files(here), _files(there), strict=True):
        assert pq.read_table(one).equals(pq.read_table(other)), f"{one.name} is not the same"
    return {"parts": number, "parts_when_the_driver_was_killed": kept, "seconds_here": round(seconds, 1)}


def _table(words: list[Any], address: str) -> dict[str, Any]:
    """Measure here, and there: once until the driver is killed, once with a worker killed, to the end."""
    seconds, whole = _ended(_start(words))
    driver = _start([*words, "--engine", "ray"], address)
    _until(_workers, driver)
    time.sleep(seconds / 4)
    driver.kill()
    driver.wait()
    _until(lambda: not _workers())
    driver = _start([*words, "--engine", "ray"], address)
    _until(_workers, driver)
    time.sleep(seconds / 4)
    _kill_a_worker()
    expected = json.loads(whole)
    assert json.loads(_ended(driver)[1]) == expected, "not the same"
    return {"values": len(expected["values"]), "tokens": expected["n_tokens"], "seconds_here": round(seconds, 1)}


def _timed(folder: Path, address: str) -> dict[str, Any]:
    data = made_file(folder / "made.parquet", TIMED)
    words = ["encode", data, "--block", TIMED_BLOCK, "--out"]
    rates: dict[str, list[float]] = {"process": [], "worker": []}
    for turn in range(ROUNDS):
        for name, how in (("process", []), ("worker", ["--engine", "ray", "--workers", 1])):
            out = folder / f"{name} {turn}"
            _ended(_start([*words, out, *how], address))
            times = sorted(file.stat().st_mtime for file in _files(out))
            rates[name].append((TIMED - TIMED_BLOCK) / (times[-1] - times[0]))
    ratios = [there / here for here, there in zip(rates["process"], rates["worker"], strict=True)]
    print(rates, ratios, flush=True)
    return {"rows": TIMED, "rows_per_s": rates, "worker_over_process": {"each": ratios, "median": median(ratios)}}


def _start(words: list[Any], address: str | None = None) -> subprocess.Popen[str]:
    where = {} if address is None else {"RAY_ADDRESS": address}
    return subprocess.Popen(
        [sys.executable, "-m", "spacetune", *map(str, words)],
        env=os.environ | where | {"OMP_NUM_THREADS": "1", "SPACETUNE_CACHE": "off"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _ended(process: subprocess.Popen[str]) -> tuple[float, str]:
    began = time.perf_counter()
    out, _ = process.communicate()
    assert process.returncode == 0, process.args
    return time.perf_counter() - began, out


def _until(ready: Callable[[], Any], driver: subprocess.Popen[str] | None = None) -> None:
    while not ready():
        assert driver is None or driver.poll() is None, "the driver has ended"
        time.sleep(0.05)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*"))


def _workers() -> list[int]:
    """Return the processes of Ray that work on blocks."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and b"_Worker" in (entry / "cmdline").read_bytes()[:200]:
                found.append(int(entry.name))
    return found


def _kill_a_worker() -> None:
    os.kill(_workers()[0], signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
