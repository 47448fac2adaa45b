"""Tokens a processor second of a pass with gradients: the encoder's layers packed beside the padded float32 pass.

    python -m benchmarks.gradients

Forward and back through all layers of the default encoder, one thread, batches of 32 texts of social media attributions
as they come and of 8 reviews of IMDB cut at 256 tokens; no step is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.common import circumstances, split, write
from spacetune import Encoder
from spacetune.encoders.adapters.layers import UpperLayers
from spacetune.encoders.loading.machine import choose_dtype
from spacetune.encoders.passes.trainable import TrainableEncoder

SETS = {"short": ("sma", "train", 32), "long": ("imdb", "test", 8)}
N_BATCHES, ROUNDS, DROPOUT = 4, 3, 0.1


def main(arguments: list[str] | None = None) -> None:
    torch.set_num_threads(1)
    about = circumstances()
    native = choose_dtype("auto", torch.device("cpu")) is torch.bfloat16
    dtypes = ["float32", *(["bfloat16"] if native else [])]
    encoders = {dtype: Encoder.from_pretrained(max_length=256, max_windows=1, dtype=dtype) for dtype in dtypes}
    found = {name: _rates(_batches(*each), encoders) for name, each in SETS.items()}
    write("gradients", {**about, "dropout": DROPOUT, "batches": N_BATCHES, "tokens_per_cpu_second": found})


def _batches(name: str, part: str, size: int) -> list[list[Any]]:
    texts, rng = split(name, part).texts, np.random.default_rng(0)
    return [[texts[i] for i in rng.choice(len(texts), size, replace=False)] for _ in range(N_BATCHES)]


def _rates(batches: list[list[Any]], encoders: dict[str, Encoder]) -> dict[str, dict[str, float]]:
    padded = TrainableEncoder(encoders["float32"], (encoders["float32"].n_layers,), 0).train()
    runs: dict[str, tuple[Any, Sequence[Any]]] = {"padded, float32": (padded, batches)}
    for dtype, encoder in encoders.items():
        upper = UpperLayers(encoder, 0, DROPOUT).train()
        below = [encoder.encode(texts, layers=[0, encoder.n_layers], progress=False) for texts in batches]
        runs[f"packed, {dtype}"] = (upper, below)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, (module, given) in runs.items():
            rate = _rate(module, given)
            if turn:  # the first makes the kernels
                times[name].append(rate)
    middle = {name: float(np.median(rates)) for name, rates in times.items()}
    return {
        name: {"rate": round(rate, 1), "times_padded": round(rate / middle["padded, float32"], 2)}
        for name, rate in middle.items()
    }


def _rate(module: Callable[[Any], Any], given: Sequence[Any]) -> float:
    n_tokens, began = 0, time.process_time()
    for batch in given:
        module.reseed(torch.Generator().manual_seed(0))  # type: ignore[attr-defined]
        values = module(batch).values
        values[:, -1].square().mean().backward()
        module.zero_grad()  # type: ignore[attr-defined]
        n_tokens += len(values)
    return n_tokens / (time.process_time() - began)


if __name__ == "__main__":
    main()
