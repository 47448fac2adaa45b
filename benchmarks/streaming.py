"""How much memory predictions of a large file take, and how fast they come.

    python -m benchmarks.streaming             # 200,000 rows
    python -m benchmarks.streaming 10000000    # as many as are asked for

A made Parquet file of five columns goes through ``spacetune predict`` into a folder of parts, with a model on a tiny
encoder: what is measured is the way of the rows, not the encoder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.tiny_encoder import save_tiny_encoder

from benchmarks.common import circumstances, write
from spacetune import LinearProbe, few_shot
from spacetune.studies import demo_texts

ROWS, BLOCK, SEED = 200_000, 10_000, 0
TOP = 3
WORDS = 6


def main(arguments: list[str] | None = None) -> None:
    n_rows = int((arguments or [str(ROWS)])[0])
    about = circumstances()
    folder = Path(tempfile.mkdtemp())
    try:
        data, model = _made(folder / "made.parquet", n_rows), _fitted(folder)
        small = _predicted(model, _made(folder / "small.parquet", BLOCK), folder / "small")
        large = _predicted(model, data, folder / "out")
        n_out = sum(pq.read_metadata(part).num_rows for part in (folder / "out").glob("part-*"))
        assert n_out == n_rows
        found = {"rows": n_rows, "columns": 5, "block": BLOCK, "words_a_text": WORDS, "file_mb": _mb(data)}
        result = {**about, **found, "one_block": small, "all": large | {"rows_per_s": round(n_rows / large["seconds"])}}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    write("streaming", result)


def _made(path: Path, n_rows: int) -> Path:
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
            "note": [f"{a:x}{b:x}" * 4 for a, b in draw.integers(1 << 62, size=(n, 2)).tolist()],
        })  # fmt: skip


def _fitted(folder: Path) -> Path:
    data = few_shot(demo_texts("train"), 64)
    encoder = str(save_tiny_encoder(folder / "tiny"))
    LinearProbe(encoder, store=None).fit(data.texts, data.labels).save_pretrained(folder / "model")
    return folder / "model"


def _predicted(model: Path, data: Path, out: Path) -> dict[str, Any]:
    """Run the command, and return its seconds and its peak of memory."""
    words = ["predict", model, data, "--out", out, "--top", TOP, "--block", BLOCK]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "spacetune", *map(str, words)])
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return {"seconds": round(time.perf_counter() - began, 1), "peak_mb": round(usage.ru_maxrss / 1024)}


def _mb(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 1)


if __name__ == "__main__":
    main(sys.argv[1:])
