"""Encode many long texts in a process of their own: peak memory, and the cost of a text."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common import HERE, split
from benchmarks.speed.clock import Result
from benchmarks.speed.plan import MAX_LENGTH, Plan
from spacetune import Encoder


def memory(plan: Plan) -> Result:
    """Encode many long texts in a process of their own, discarding the features."""
    rows = []
    for size in plan.sizes:
        command = [sys.executable, "-m", "benchmarks.speed", "--memory-of", str(size)]
        done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
        print("memory", rows[-1], flush=True)
    return {
        "what": "imdb texts (train, then test) through Encoder.encode_runs, last layer, features discarded",
        "floor": "before: encoder and texts in memory; largest_window_mb: the features handed out at a time",
        "rows": rows,
        "seconds_per_text_last_over_first": rows[-1]["seconds_per_text"] / rows[0]["seconds_per_text"],
        "seconds_per_token_last_over_first": rows[0]["tokens_per_second"] / rows[-1]["tokens_per_second"],
    }


def memory_of(size: int) -> Result:
    texts = split("imdb", "train").texts[:size]
    if len(texts) < size:
        texts = (texts + split("imdb", "test").texts)[:size]
    encoder = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH)
    encoder.encode(texts[:8], progress=False)
    before, largest, tokens = peak_megabytes(), 0.0, 0
    start = time.perf_counter()
    for part in encoder.encode_runs(texts, progress=False):
        largest = max(largest, part.values.nbytes / 2**20)
        tokens += len(part.values)
    seconds = time.perf_counter() - start
    return {
        "texts": len(texts),
        "tokens": tokens,
        "peak_mb": round(peak_megabytes(), 1),
        "before_mb": round(before, 1),
        "largest_window_mb": round(largest, 1),
        "seconds": seconds,
        "seconds_per_text": seconds / len(texts),
        "tokens_per_second": tokens / seconds,
    }


def peak_megabytes() -> float:
    """Return the most memory this process has had; getrusage may still count its parent's, so /proc goes first."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
