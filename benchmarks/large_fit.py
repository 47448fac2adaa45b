"""How much memory and disk it takes to learn from a million texts.

    python -m benchmarks.large_fit             # 1,000,000 made texts of 20 tokens, or as many as are named after it
    python -m benchmarks.large_fit 1000000 tiny

A made CSV file of texts and labels goes through ``spacetune fit --layers=-1 --no-baselines`` with the default encoder,
or with a tiny one. The file is made, so what it can learn is not of interest: a label is that of most of its words.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from tests.tiny_encoder import save_tiny_encoder

from benchmarks.common import circumstances, write
from benchmarks.streaming import in_a_folder, peak_mb
from spacetune.studies import demo_texts

ROWS, WORDS, SEED = 1_000_000, 15, 0
"""Rows; words of a text, some 18 wordpieces and the two special tokens."""


def main(arguments: list[str] | None = None) -> None:
    given = [*(arguments or ())]
    n_rows, tiny = int(given[0]) if given else ROWS, given[1:] == ["tiny"]
    about = circumstances()
    found = in_a_folder(lambda folder: _fitted(folder, n_rows, tiny=tiny))
    print(found)
    if not tiny:
        write("large_fit", {**about, **found})


def _fitted(folder: Path, n_rows: int, *, tiny: bool) -> dict[str, Any]:
    data, cache = _made(folder / "made.csv", n_rows), folder / "cache"
    more = ["--encoder", str(save_tiny_encoder(folder / "tiny"))] if tiny else []
    words = ["fit", str(data), "--out", str(folder / "model"), "--layers=-1", "--no-baselines", *more]
    env = os.environ | {"SPACETUNE_CACHE": str(cache), "SPACETUNE_CACHE_GB": "100"}
    began, trace = time.perf_counter(), list[tuple[float, int]]()
    process = subprocess.Popen([sys.executable, "-m", "spacetune", *words], env=env, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        trace.append((time.perf_counter() - began, peak_mb(process.pid)))
        time.sleep(1)
    said = (process.communicate()[1] or "").strip()
    assert process.returncode == 0, said
    stated = [float(size) for size in re.findall(r"will take about ([\d.]+) GB", said)]  # of train, and of dev
    return {
        "rows": n_rows,
        "file_mb": round(data.stat().st_size / 1e6, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": max(peak for _, peak in trace),
        "store_gb": round(sum(file.stat().st_size for file in cache.rglob("*") if file.is_file()) / 1e9, 2),
        "stated_gb": round(sum(stated), 2),
        "said": said.splitlines()[-6:],
        "peak_mb_by_minute": [peak for second, peak in trace if second % 60 < 1],
    }


def _made(path: Path, n_rows: int) -> Path:
    draw = np.random.default_rng(SEED)
    known = np.array(sorted({word for text in demo_texts("train").texts for word in re.findall("[a-z]+", text)}))
    classes = draw.integers(3, size=len(known))
    with path.open("w") as file:
        file.write("text,label\n")
        for start in range(0, n_rows, 10_000):
            words = draw.integers(len(known), size=(min(10_000, n_rows - start), WORDS))
            for row in words:
                label = np.bincount(classes[row], minlength=3).argmax()
                file.write(f"{' '.join(known[row])},class {label}\n")
    return path


if __name__ == "__main__":
    main(sys.argv[1:])
