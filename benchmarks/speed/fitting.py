"""Raw text to a saved model, again on the same texts, and the fitting alone; beside the other ways to train."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import peers
from benchmarks.common import split
from benchmarks.peer_worker import Worker
from benchmarks.speed.clock import Peaks, Result, ratio, spread, timed
from benchmarks.speed.features import flops_of
from benchmarks.speed.plan import Plan
from spacetune import Encoder, SpaceClassifier
from spacetune.encoders import FeatureStore


def fit(
    plan: Plan, encoder: Encoder, peaks: Peaks, skipped: dict[str, str], worker: Worker | None
) -> tuple[Result, SpaceClassifier]:
    """From raw text to a saved model, again on the same texts, and the fitting alone; then the other ways."""
    data = split("sma", "train")
    texts, labels = data.texts[:: plan.fit_every], (data.labels or [])[:: plan.fit_every]
    rounds = [fit_round(texts, labels, encoder) for _ in range(plan.rounds)]
    model: SpaceClassifier = rounds[-1].pop("model")
    seconds = {name: [r["seconds"][name] for r in rounds] for name in rounds[0]["seconds"]}
    lengths = encoder.tokenize(list(dict.fromkeys(texts))).lengths
    epochs = len(model.history_.epochs)
    found: Result = {"what": "sma train, default settings, seed 0", "texts": len(texts), "epochs": epochs}
    found |= {"tokens": int(lengths.sum()), "layers": len(model.layers_ or ())}
    found["seconds"] = {name: spread(times) for name, times in seconds.items()}
    found["new_shards_in_second_fit"] = max(r["new_shards"] for r in rounds)
    found["second_fit_over_fitting_alone"] = ratio(seconds["second fit"], seconds["fitting alone"])
    found["fitting_alone_over_encoder_pass"] = ratio(seconds["fitting alone"], seconds["encoder pass"])
    found["floors"] = fit_floors(encoder, lengths, model, peaks)
    kept = int(len(texts) * 0.9)
    found["others"] = fit_others(plan, encoder, (texts[:kept], labels[:kept]), epochs, skipped, worker)
    ours = median(seconds["raw text to saved model"])
    for other in found["others"].values():
        other["times_spacetune"] = other["extrapolated_seconds"] / ours
    print("fit", {name: round(median(times), 2) for name, times in seconds.items()}, flush=True)
    return found, model


def fit_round(texts: list[str], labels: list[Any], encoder: Encoder) -> Result:
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(Path(folder) / "store")
        model = SpaceClassifier(encoder, store=store, seed=0)
        start = time.perf_counter()
        model.fit(texts, labels, progress=False)
        model.save_pretrained(Path(folder) / "model")
        seconds["raw text to saved model"] = time.perf_counter() - start
        before = store.summary().n_shards
        again = SpaceClassifier(encoder, store=store, seed=0)
        seconds["second fit"] = timed(lambda: again.fit(texts, labels, progress=False))
        new_shards = store.summary().n_shards - before
    start = time.perf_counter()
    features = encoder.encode(texts, layers=model.layers_ or -1, progress=False)
    seconds["encoder pass"] = time.perf_counter() - start
    alone = SpaceClassifier(encoder, store=None, seed=0)
    seconds["fitting alone"] = timed(lambda: alone.fit(features, labels, progress=False))
    return {"seconds": seconds, "new_shards": new_shards, "model": model}


def fit_floors(encoder: Encoder, lengths: np.ndarray, model: SpaceClassifier, peaks: Peaks) -> Result:
    """Say what the encoder pass and the fitting cannot do without on this machine."""
    epochs, tokens = len(model.history_.epochs), int(lengths.sum())
    n_layers, n_spaces, n_latent, width = model.space_head.spaces.operators.shape
    flops = 4.0 * tokens * n_layers * width * n_spaces * n_latent * epochs
    read = 2.0 * tokens * n_layers * width * encoder.dtype.itemsize * epochs
    return {
        "encoder pass": {
            "what": "its operations at the matrix-product peak",
            "seconds": flops_of(encoder, lengths) / peaks.rate(),
        },
        "fitting alone, operations": {
            "what": "forward products and weight gradients of all epochs at the matrix-product peak",
            "seconds": flops / peaks.rate(),
        },
        "fitting alone, memory": {
            "what": "reading the features twice an epoch at the measured rate of reading memory",
            "gigabytes_per_second": (rate := memory_rate()) / 1e9,
            "seconds": read / rate,
        },
    }


def memory_rate(size: int = 256 << 20) -> float:
    """Measure how many bytes a second a sum reads."""
    values = torch.ones(size // 4)
    return size / min(timed(values.sum) for _ in range(7))


def fit_others(
    plan: Plan,
    encoder: Encoder,
    data: tuple[list[str], list[Any]],
    epochs: int,
    skipped: dict[str, str],
    worker: Worker | None,
) -> dict[str, Result]:
    """Time some steps of the other ways to train, and extrapolate to whole runs."""
    folder, (texts, labels) = Path(encoder.source.folder), data
    found: dict[str, Result] = {}
    for batch, steps in plan.notebook:
        row = peers.notebook_loop(folder, texts, labels, batch_size=batch, n_steps=steps)
        found[f"notebook-like loop, batch {batch}"] = _extrapolated(row, row["steps_per_epoch"] * epochs, epochs)
    makers: dict[str, Callable[[], Result]] = {
        "PEFT prefix tuning": lambda: peers.prefix_tuning(folder, texts, labels, n_steps=5),
    }
    if worker is not None:
        asked = {"do": "setfit", "folder": str(folder), "texts": texts, "labels": labels, "n_steps": 10}
        makers["SetFit"] = lambda: worker.ask(**asked)
    for name, make in makers.items():
        try:
            row = make()
        except Exception as error:
            skipped[name] = peers.reason(error)
            continue
        once = "steps_by_default" in row
        steps = row["steps_by_default"] if once else row["steps_per_epoch"] * epochs
        found[name] = _extrapolated(row, steps, 1 if once else epochs)
    return found


def _extrapolated(row: Result, steps: int, epochs: int) -> Result:
    seconds = row["seconds_per_step"]["median"] * steps
    return {**row, "extrapolated_epochs": epochs, "extrapolated_steps": steps, "extrapolated_seconds": seconds}
