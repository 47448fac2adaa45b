"""Do the promises hold? Bits flipped in what was saved, fits killed at any moment, inputs of every kind spoilt.

    python -m benchmarks promises      # all; python -m benchmarks.promises flipped (or killed, or fuzzed) for one

Flipped and killed on a tiny encoder, where a fit takes a fraction of a second. A flipped bit must be found or change
nothing. A killed fit must leave the old model or the new one, and nothing else once the next one has ended. Whatever is
read, typed, loaded or asked ends in order: no traceback, and nothing over 10 s but learning itself.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.fuzz import commands, models, reader, server
from tests.tiny_encoder import save_tiny_encoder
from tqdm import tqdm

from benchmarks.common import circumstances, write
from spacetune import SpaceClassifier, few_shot
from spacetune.encoders import Encoder, FeatureStore
from spacetune.errors import SpacetuneError
from spacetune.estimators import load_estimator
from spacetune.studies import demo_texts, fit_model

FLIPS, KILLS, FUZZED, SEED = 10_000, 1_000, 20_000, 0
DATA = few_shot(demo_texts("train"), 64)
FRESH = demo_texts("test").texts[:8]
SETTINGS: dict[str, Any] = {"n_epochs": 3, "n_latent": 2, "store": None}


def flips(folder: Path, n: int) -> dict[str, dict[str, int]]:
    """Flip n bits, one at a time, shared out over the kinds of what is saved; count what came of them."""
    encoder = str(save_tiny_encoder(folder / "tiny"))
    found: dict[str, dict[str, int]] = {}
    for name, trained in (("model", False), ("model with its encoder", True)):
        place = folder / name.replace(" ", "_")
        SpaceClassifier(encoder, train_encoder=trained, **SETTINGS).fit(DATA.texts, DATA.labels).save_pretrained(place)
        files = [file for file in sorted(place.rglob("*")) if file.is_file() and file.name != "README.md"]
        found[name] = _flipped(files, n // 4, lambda place=place: load_estimator(place).predict_logits(FRESH))
    found["checkpoint"] = _flipped_checkpoint(folder, encoder, n // 4)
    found["shards"] = _flipped_shards(folder, encoder, n // 4)
    return found


def _flipped(files: list[Path], n: int, answer: Callable[[], np.ndarray]) -> dict[str, int]:
    expected, counts, draw = answer(), Counter[str](), random.Random(SEED)
    whole = {file: file.read_bytes() for file in files}
    for _ in range(n):
        (file,) = draw.choices(files, [len(whole[file]) for file in files])
        content = bytearray(whole[file])
        bit = draw.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        counts[_outcome(answer, expected)] += 1
        for each in files:
            each.write_bytes(whole[each])
    return dict(counts)


def _outcome(answer: Callable[[], np.ndarray], expected: np.ndarray) -> str:
    try:
        return "same answer" if np.array_equal(answer(), expected) else "other answer"
    except SpacetuneError:
        return "found"
    except Exception as error:
        return f"traceback: {type(error).__name__}"


def _flipped_checkpoint(folder: Path, encoder: str, n: int) -> dict[str, int]:
    file = folder / "checkpoint"

    def fit(n_epochs: int = 3) -> np.ndarray:
        model = SpaceClassifier(encoder, **SETTINGS).fit(DATA.texts, DATA.labels, checkpoint=file)
        return model.predict_logits(FRESH)

    fit()
    return _flipped([file], n, fit)


def _flipped_shards(folder: Path, encoder: str, n: int) -> dict[str, int]:
    reader = Encoder.from_pretrained(encoder, dtype="float32")

    def encode() -> np.ndarray:
        store = FeatureStore(folder / "store")
        features = store.encode(reader, DATA.texts, layers="all")
        return features.take(torch.arange(len(features))).values.numpy()

    encode()
    return _flipped(sorted((folder / "store").rglob("*.safetensors")), n, encode)


def kills(folder: Path, n: int) -> dict[str, int]:
    """Kill n fits over an older model at a random moment; count what stood there then."""
    encoder, place, draw = str(save_tiny_encoder(folder / "tiny")), folder / "m", random.Random(SEED)

    def fit(seed: int, resume: bool = False) -> None:
        fit_model(
            DATA, settings={"encoder": encoder, **SETTINGS}, seed=seed, baselines=False, save_to=place, resume=resume
        )

    began = time.perf_counter()
    for seed in (0, 1):
        fit(seed)
    span = (time.perf_counter() - began) / 2
    answers = {}
    for seed in (0, 1):
        fit(seed)
        answers[seed] = load_estimator(place).predict_logits(FRESH)
    counts: Counter[str] = Counter()
    old = 1
    for done in range(n):
        if done % 50 == 0:
            print(f"{done:,} of {n:,} fits killed: {dict(counts)}", flush=True)
        _killed_after(draw.uniform(0, 1.1 * span), lambda old=old: fit(1 - old))
        found = load_estimator(place).predict_logits(FRESH)
        which = next((seed for seed in (0, 1) if np.array_equal(found, answers[seed])), None)
        counts["neither model" if which is None else "old model" if which == old else "new model"] += 1
        if any(folder.rglob("checkpoint.safetensors")):
            try:
                fit(old, resume=True)  # the checkpoint is of the other seed
                counts["another run's state taken"] += 1
            except SpacetuneError:
                counts["another run's state refused"] += 1
        old = draw.randrange(2)
        fit(old)
        counts["litter"] += sorted(os.listdir(place)) != ["README.md", "config.json", "model.safetensors"]
        counts["litter"] += sorted(os.listdir(folder)) != ["m", "tiny"]
    return dict(counts)


def _killed_after(seconds: float, work: Callable[[], object]) -> None:
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def fuzzed(_: Path, n: int) -> dict[str, dict[str, int]]:
    """Spoil n inputs, shared out over the four ways in; count those that did not end in order."""
    ways = {"files read": (reader, 0.4), "commands typed": (commands, 0.1), "models loaded": (models, 0.25),
            "requests served": (server, 0.25)}  # fmt: skip
    return {
        name: {"tried": round(share * n), "in trouble": way.main(round(share * n), SEED)}
        for name, (way, share) in ways.items()
    }


def main(names: Sequence[str] = ()) -> None:
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # its usual lock is shared with forks: one killed while it holds it stops us too
    logging.getLogger("spacetune").setLevel(logging.CRITICAL)
    about = circumstances()
    for name, measure, n in (("flipped", flips, FLIPS), ("killed", kills, KILLS), ("fuzzed", fuzzed, FUZZED)):
        if names and name not in names:
            continue
        folder = Path(tempfile.mkdtemp())
        began = time.perf_counter()
        try:
            found = measure(folder, n)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        seconds = round(time.perf_counter() - began)
        write(f"promises_{name}", {**about, "number": n, "seed": SEED, "seconds": seconds, "came_of_them": found})


if __name__ == "__main__":
    main(sys.argv[1:])
