"""The main job from the shell: `spacetune fit` and `spacetune score` on SMA, default settings, seeds 0 to 4.

The first fit encodes the texts into an empty store; the others find them there. Seconds and peak memory are those of
the whole command, start of Python included. The defaults were chosen on dev (`sma.json`); test is scored once a seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import DATA, circumstances, write

SMA = DATA / "sma"


def main() -> None:
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        os.environ["SPACETUNE_CACHE"] = f"{place}/cache"
        for seed in range(5):
            model = Path(place) / f"m{seed}"
            dev = ["--dev", str(SMA / "dev.jsonl.gz")]
            began = time.perf_counter()
            peak = _run(
                "fit", str(SMA / "train.jsonl.gz"), *dev, "--out", str(model), "--seed", str(seed), "--no-baselines"
            )[1]
            seconds = time.perf_counter() - began
            scores = json.loads(_run("score", str(model), str(SMA / "test.jsonl.gz"), "--json")[0])
            told = json.loads((model / "config.json").read_text())
            size = sum(p.stat().st_size for p in model.iterdir())
            runs.append(
                {
                    "seed": seed,
                    "test": scores["scores"],
                    "ece": scores["ece"],
                    "dev": told["report"]["dev_scores"],
                    "command_seconds": round(seconds, 1),
                    "peak_mb": round(peak / 1e3),
                    "model_kb": round(size / 1e3),
                }
            )
            print(runs[-1], flush=True)
    mean = {k: float(np.mean([r["test"][k] for r in runs])) for k in ("accuracy", "macro_f1")}
    std = {k: float(np.std([r["test"][k] for r in runs], ddof=1)) for k in ("accuracy", "macro_f1")}
    published = {"what": "fine-tuned BERT-base, arXiv 2401.16638", "accuracy": 0.8309, "macro_f1": 0.8006}
    notes = scores["notes"]
    write(
        "sma_command",
        {"what": __doc__, "test_mean": mean, "test_std": std, "majority": scores["baseline"], "published": published,
         "notes": notes, "runs": runs, **circumstances()},
    )  # fmt: skip


def _run(*words: str) -> tuple[str, int]:
    """Run a command; return what it printed and its peak memory in KB."""
    process = subprocess.Popen([sys.executable, "-m", "spacetune", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"spacetune {' '.join(words)} failed")
    return out, usage.ru_maxrss


if __name__ == "__main__":
    main()
