"""How much memory predictions of a large file take, how fast they come, and what is left of it when runs are killed.

    python -m benchmarks.streaming             # 200,000 rows with a tiny encoder
    python -m benchmarks.streaming --killed    # 10,000,000 rows (5 GB) with it, or as many as are named after it,
                                               # and 200,000 with the default one
    python -m benchmarks.streaming --classes   # 1,000,000 rows by a model of 500 classes, the five likeliest of each

A made Parquet file of five columns goes through ``spacetune predict`` into a folder of parts. With a tiny encoder what
is measured is the way of the rows, not the encoder. ``--killed`` predicts a file once without a break and once with ten
kills at random moments, each followed by ``--resume``, and holds every row of the two to each other. It needs 20 GB of
disk and an hour.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.tiny_encoder import save_tiny_encoder

from benchmarks.common import circumstances, write
from spacetune import LinearProbe, few_shot
from spacetune.studies import demo_texts

ROWS, ROWS_KILLED, BLOCK, SEED = 200_000, 10_000_000, 10_000, 0
ROWS_CLASSES, CLASSES = 1_000_000, 500
KILLS = 10
TOP = 3
WORDS, NOTE = 6, 440
"""Words of a text, characters of a note that nothing reads."""


def main(arguments: list[str] | None = None) -> None:
    if arguments and arguments[0] == "--killed":
        about, found, rows = circumstances(), dict[str, Any](), int((*arguments, ROWS_KILLED)[1])
        for name, n_rows, tiny in (("default encoder", ROWS, False), ("tiny encoder", rows, True)):
            found[name] = in_a_folder(lambda folder, n=n_rows, tiny=tiny: _killed(folder, n, tiny=tiny))
            print(name, found[name], flush=True)
            write("streaming_killed", {**about, "runs": found})
    elif arguments == ["--classes"]:
        about = circumstances()
        write("streaming_classes", {**about, **in_a_folder(_many_classes)})
    else:
        about = circumstances()
        write("streaming", {**about, **in_a_folder(lambda folder: _measured(folder, ROWS))})


def in_a_folder(run: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp())
    try:
        return run(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path, n_rows: int) -> dict[str, Any]:
    data, model = made_file(folder / "made.parquet", n_rows), fitted(folder, tiny=True)
    small = _predicted(model, made_file(folder / "small.parquet", BLOCK), folder / "small")
    large = _predicted(model, data, folder / "out")
    assert _rows_in(folder / "out") == n_rows
    found = {"rows": n_rows, "columns": 5, "block": BLOCK, "words_a_text": WORDS, "file_mb": _mb(data)}
    return {**found, "one_block": small, "all": large | {"rows_per_s": round(n_rows / large["seconds"])}}


def _many_classes(folder: Path) -> dict[str, Any]:
    """Predict a tenth of the rows and all of them by a model of many classes."""
    encoder = str(save_tiny_encoder(folder / "tiny"))
    texts = demo_texts("train").texts * 2
    labels = [f"class {i % CLASSES}" for i in range(len(texts))]
    LinearProbe(encoder, store=None).fit(texts, labels).save_pretrained(folder / "model")
    found: dict[str, Any] = {"classes": CLASSES, "block": BLOCK, "top": 5, "runs": {}}
    for n_rows in (ROWS_CLASSES // 10, ROWS_CLASSES):
        data = made_file(folder / "made.parquet", n_rows)
        found["runs"][n_rows] = _predicted(folder / "model", data, folder / f"out {n_rows}", "--top", 5)
        assert _rows_in(folder / f"out {n_rows}") == n_rows
    return found


def _killed(folder: Path, n_rows: int, *, tiny: bool) -> dict[str, Any]:
    """Predict a file without a break, and again with kills; every part of the second must be that of the first."""
    data, model = made_file(folder / "made.parquet", n_rows), fitted(folder, tiny=tiny)
    whole = _predicted(model, data, folder / "whole")
    draw, moments, peak = random.Random(SEED), list[float](), 0
    while len(moments) < KILLS:
        seconds = draw.uniform(0, 1.6 * whole["seconds"] / KILLS)
        _, status, used = _run(model, data, folder / "killed", "--resume", kill_after=seconds)
        peak = max(peak, used)
        if status == 0:
            raise SystemExit(f"it ended before it was killed {KILLS} times")
        moments.append(round(seconds, 1))
    seconds, status, used = _run(model, data, folder / "killed", "--resume")
    assert status == 0
    parts = sorted(path.name for path in (folder / "whole").glob("part-*"))
    assert parts == sorted(path.name for path in (folder / "killed").glob("part-*"))
    for part in parts:
        one, other = (pq.read_table(folder / place / part) for place in ("whole", "killed"))
        assert one.equals(other), f"{part} is not the same"
    assert _rows_in(folder / "killed") == n_rows
    assert set(pq.read_schema(folder / "killed" / parts[0]).names) > {"id", "text", "value", "group", "note"}
    return {
        "rows": n_rows,
        "file_mb": _mb(data),
        "without_a_break": whole,
        "killed_after_seconds": moments,
        "peak_mb": max(peak, used),
        "seconds_of_the_last_run": round(seconds, 1),
        "parts_compared": len(parts),
    }


def _rows_in(folder: Path) -> int:
    return sum(pq.read_metadata(part).num_rows for part in folder.glob("part-*"))


def made_file(path: Path, n_rows: int) -> Path:
    tables = _tables(n_rows)
    first = next(tables)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return path


def _tables(n_rows: int) -> Iterator[Any]:
    """Yield rows of words drawn from the demo's texts, beside four other columns."""
    draw = np.random.default_rng(SEED)
    words = np.array(sorted({word for text in demo_texts("train").texts for word in text.split()}))
    for start in range(0, n_rows, 100_000):
        n = min(100_000, n_rows - start)
        yield pa.table({
            "id": np.arange(start, start + n),
            "text": [" ".join(row) for row in words[draw.integers(len(words), size=(n, WORDS))]],
            "value": draw.random(n),
            "group": [f"group {g}" for g in draw.integers(50, size=n)],
            "note": [draw.bytes(NOTE // 2).hex() for _ in range(n)],
        })  # fmt: skip


def fitted(folder: Path, *, tiny: bool) -> Path:
    data = few_shot(demo_texts("train"), 64)
    encoder = str(save_tiny_encoder(folder / "tiny")) if tiny else None
    LinearProbe(encoder, store=None).fit(data.texts, data.labels).save_pretrained(folder / "model")
    return folder / "model"


def _predicted(model: Path, data: Path, out: Path, *more: object) -> dict[str, Any]:
    """Run the command, and return its seconds and its peak of memory."""
    seconds, status, peak = _run(model, data, out, *more)
    assert status == 0
    return {"seconds": round(seconds, 1), "peak_mb": peak}


def _run(model: Path, data: Path, out: Path, *more: object, kill_after: float | None = None) -> tuple[float, int, int]:
    """Run the command, and kill it after so many seconds; return its seconds, its status and its peak in MB."""
    words = ["predict", model, data, "--out", out, "--top", TOP, "--block", BLOCK, *more]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "spacetune", *map(str, words)])
    if kill_after is not None:
        threading.Timer(kill_after, process.kill).start()
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_mb(process.pid))
        time.sleep(0.1)
    return time.perf_counter() - began, process.returncode, peak


def peak_mb(pid: int) -> int:
    """Return the most memory that a process has had; of one that ended 0.

    The usage that `wait4` tells begins with the memory of whoever started the process, which has made the file.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def _mb(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 1)


if __name__ == "__main__":
    main(sys.argv[1:])
