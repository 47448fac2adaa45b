"""What a dissection costs: beside a plain forward pass, and beside one backward-free pass a sentence and head.

Runs alternate, so that whatever else the machine does falls on all of them; figures are medians.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacetune import Encoder
from spacetune.dissection import dissect

from .common import circumstances, split, write
from .official_dissection import OfficialDissection, available

SENTENCES = 1000
ROUNDS = 5
OFFICIAL_SECONDS = 1.2
"""A sentence of 7 to 17 tokens through the official fine-grained pass (bert-splat, 2 cores), as reported with it."""


def alternating(runs: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Return median and least seconds of every run; the first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, call in runs.items():
            start = time.process_time()
            call()
            taken[name].append(time.process_time() - start)
    return {name: {"median": statistics.median(values[1:]), "least": min(values[1:])} for name, values in taken.items()}


def beside_a_forward_pass() -> dict[str, Any]:
    """Time the four terms of 1,000 sentences beside plain passes that keep all hidden states."""
    texts = split("sst2", "dev").texts[:SENTENCES] + split("sst2", "train").texts[: SENTENCES - 872]
    exact, usual = Encoder.from_pretrained(dtype="float32"), Encoder.from_pretrained()
    runs: dict[str, Callable[[], Any]] = {
        "forward, all states, float32": lambda: exact.encode(texts, layers="all"),
        f"forward, all states, {str(usual.dtype).removeprefix('torch.')} (default)": lambda: usual.encode(
            texts, layers="all"
        ),
        "four terms, last layer": lambda: dissect(exact, texts),
        "four terms, all layers": lambda: dissect(exact, texts, "all"),
        "four terms and heads, last layer": lambda: dissect(exact, texts, splits=["head"]),
    }
    seconds = alternating(runs, 3)
    plain = seconds["forward, all states, float32"]["median"]
    return {
        "n_texts": len(texts),
        "n_tokens": sum(exact.count_tokens(texts)),
        "cpu seconds": seconds,
        "over the float32 forward pass": {name: round(s["median"] / plain, 2) for name, s in seconds.items()},
    }


def heads_one_by_one() -> dict[str, Any]:
    """Time single sentences of 7 to 17 tokens with the importance of every layer, head and attended token.

    Where the official script is at hand (see `official_dissection`), it takes its turn in every round.
    """
    encoder = Encoder.from_pretrained(dtype="float32")
    texts = [t for t in split("sst2", "dev").texts if 7 <= encoder.count_tokens([t])[0] <= 17][:20]
    runs: dict[str, Callable[[], Any]] = {
        "one sentence": lambda: [dissect(encoder, [text], splits=["head", "attended"]) for text in texts],
        "one sentence, vectors of heads kept": lambda: [
            dissect(encoder, [text], splits=["head"], vectors=True) for text in texts
        ],
        "together": lambda: dissect(encoder, texts, splits=["head", "attended"]),
    }
    official = OfficialDissection(Path(encoder.source.folder)) if available() else None
    theirs: list[dict[str, float]] = []
    if official:
        runs["official"] = lambda: theirs.append(official.seconds(texts))
    found = {name: s["median"] / len(texts) for name, s in alternating(runs).items() if name != "official"}
    rows = {"n_texts": len(texts), "cpu seconds a sentence": found}
    if not official:
        return rows | {"official seconds a sentence, as reported": OFFICIAL_SECONDS}
    official.close()
    medians = {name: statistics.median(t[name] for t in theirs[1:]) / len(texts) for name in theirs[0]}
    return rows | {
        "official, cpu seconds a sentence, in this run": medians,
        "official, versions": official.versions,
        "times faster": {
            ours: {name: round(seconds / value, 1) for name, seconds in medians.items()}
            for ours, value in found.items()
        },
    }


LONG = """
import json, re
from spacetune import Encoder
from spacetune.dissection import dissect
encoder = Encoder.from_pretrained(dtype="float32", max_length=512)
found = dissect(encoder, ["word " * 600], splits=["head", "attended"], vectors=False)
found = dissect(encoder, ["word " * 600], splits=["layer", "head", "bias"], vectors=True)
peak = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])  # ru_maxrss counts the parent's
print(json.dumps([int(found.offsets[-1]), peak / 1e6]))
"""


def a_long_text() -> dict[str, Any]:
    """Return the most memory a process takes for 512 tokens with head-level splits."""
    out = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=True).stdout
    n_tokens, peak = json.loads(out)
    return {"n_tokens": n_tokens, "peak GB": round(peak, 2)}


def the_command() -> dict[str, Any]:
    """Time the command as a process of its own, files in the page cache."""
    words = [sys.executable, "-m", "spacetune", "dissect", "The bank raised its rates."]
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(ROUNDS):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(words, capture_output=True, check=True, env=os.environ)
        wall.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"wall seconds, median": statistics.median(wall), "wall seconds, least": min(wall), "cpu seconds": min(cpu)}


def main() -> None:
    """Measure and write the result."""
    result: dict[str, Any] = {"circumstances": circumstances()}
    result["beside a forward pass"] = beside_a_forward_pass()
    result["heads"] = heads_one_by_one()
    result["a text of 512 tokens"] = a_long_text()
    result["the command"] = the_command()
    write("dissection", result)


if __name__ == "__main__":
    main()
