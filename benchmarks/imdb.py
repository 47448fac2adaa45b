"""IMDB at full size: 50,000 reviews into the feature store, then a fit that reads them from disk. `--step` runs one.

Each step is a process of its own, so that its peak memory is its own (VmHWM, which counts mapped pages too). The store
is the folder named by SPACETUNE_CACHE; without one a temporary folder is used, which needs 30 GB of disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.common import HERE, circumstances, split, write
from benchmarks.speed.memory import peak_megabytes
from benchmarks.speed.plan import MAX_LENGTH
from spacetune import Encoder, LabelledTexts, SpaceClassifier
from spacetune.encoders.store import FeatureStore

LAYERS = (2, 4, 6)
SIZES = (1_000, 4_000, 50_000)


def main() -> None:
    """Run the steps and write the result."""
    result: dict[str, Any] = {"what": __doc__, "circumstances": circumstances()}
    with tempfile.TemporaryDirectory() as place:
        kept = os.environ.get("SPACETUNE_CACHE", f"{place}/whole")
        rows = [_step("encode", size, f"{place}/{size}" if size != SIZES[-1] else kept) for size in SIZES]
        result["encoding"] = {
            "rows": rows,
            "seconds per text, largest size over smallest": rows[-1]["seconds per text"] / rows[0]["seconds per text"],
            "seconds per token, largest size over smallest": rows[0]["tokens/s"] / rows[-1]["tokens/s"],
        }
        result["fitting"] = _step("fit", SIZES[-1], kept)
    write("imdb", result)


def _step(name: str, size: int, store: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.imdb", "--step", name, str(size)]
    environment = os.environ | {"SPACETUNE_CACHE": store}
    done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    print(name, found, flush=True)
    return found


def reviews(size: int) -> LabelledTexts:
    """Return texts of train, then test, every n-th, so that a small size has the lengths of the whole."""
    train, test = split("imdb", "train"), split("imdb", "test")
    texts, labels = train.texts + test.texts, (train.labels or []) + (test.labels or [])
    every = len(texts) // size
    return LabelledTexts(texts[::every], labels[::every])


def encode(size: int) -> dict[str, Any]:
    """Encode reviews into the store, three layers in one pass."""
    texts = reviews(size).texts
    encoder = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH)
    encoder.encode(texts[:8], progress=False)
    store, before, start, begun = FeatureStore(), peak_megabytes(), time.perf_counter(), time.process_time()
    n_tokens = int(store.encode(encoder, texts, layers=LAYERS, progress=False).lengths.sum())
    seconds, worked = time.perf_counter() - start, time.process_time() - begun
    return {
        "texts": size, "tokens": n_tokens, "peak MB": round(peak_megabytes()), "MB before": round(before),
        "seconds": seconds, "cpu seconds": worked, "seconds per text": seconds / size, "tokens/s": n_tokens / seconds,
        "store GB": store.summary().n_bytes / 1e9,
    }  # fmt: skip


def fit(size: int) -> dict[str, Any]:
    """Fit with default settings from the store; a tenth of the reviews chooses the epoch."""
    data = reviews(size)
    encoder = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH)
    start, begun = time.perf_counter(), time.process_time()
    model = SpaceClassifier(encoder).fit(data.texts, data.labels)
    return {
        "texts": size, "peak MB": round(peak_megabytes()), "seconds": time.perf_counter() - start,
        "cpu seconds": time.process_time() - begun, "layers": list(model.layers_), "history": str(model.history_),
        "lexicon": getattr(model, "lexicon_", None) is not None,
    }  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps({"encode": encode, "fit": fit}[sys.argv[2]](int(sys.argv[3]))))
    else:
        main()
