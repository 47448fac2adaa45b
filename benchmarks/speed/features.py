"""Texts to token features: ours beside the other ways, and where our time goes."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import peers
from benchmarks.speed.clock import Peaks, Result, Run, contest, name_of, ratio, spread
from spacetune import Encoder
from spacetune.encoders.batching import token_batches
from spacetune.encoders.passes.frozen import TOKEN_BUDGET
from spacetune.encoders.passes.layout import lay_out
from spacetune.encoders.passes.packed import PackedBatch

REFERENCE = "sentence-transformers"


def features_of(
    texts: list[str],
    encoder: Encoder,
    exact: Encoder,
    others: dict[str, peers.Encode],
    peaks: Peaks,
    rounds: int,
) -> Result:
    lengths = encoder.tokenize(texts).lengths
    tokens, flops = int(lengths.sum()), flops_of(encoder, lengths)
    contestants: dict[str, Run] = {
        "spacetune": lambda: encoder.encode(texts, progress=False),
        "spacetune, all layers kept": lambda: encoder.encode(texts, layers="all", progress=False),
        "spacetune, float32": lambda: exact.encode(texts, progress=False),
        **{name: (lambda encode=encode: encode(texts)) for name, encode in others.items()},
    }
    for run in (lambda: encoder.encode(texts[:32]), lambda: exact.encode(texts[:32])):
        run()
    seconds = contest(contestants, rounds, peaks.measure)
    rows = {}
    for name, times in seconds.items():
        rate, dtype = tokens / median(times), _dtype_of(name, encoder.dtype)
        rows[name] = {"dtype": name_of(dtype), "seconds": spread(times), "tokens_per_second": rate}
        rows[name]["share_of_peak"] = flops / median(times) / peaks.rate(dtype)
        if REFERENCE in seconds:
            rows[name]["times_sentence_transformers"] = ratio(seconds[REFERENCE], times)
    found: Result = {"texts": len(texts), "tokens": tokens, "gflop": flops / 1e9}
    found["floor"] = {
        "what": "all operations at the matrix-product peak",
        **{name_of(dtype): {"tokens_per_second": tokens * peaks.rate(dtype) / flops} for dtype in sorted_of(peaks)},
    }
    print(f"features: {tokens} tokens", {n: round(r["tokens_per_second"]) for n, r in rows.items()}, flush=True)
    return {**found, "contestants": rows}


def sorted_of(peaks: Peaks) -> list[torch.dtype]:
    return sorted(peaks.dtypes, key=str)


def _dtype_of(name: str, own: torch.dtype) -> torch.dtype:
    if name.endswith("bfloat16"):
        return torch.bfloat16
    return own if name in ("spacetune", "spacetune, all layers kept") else torch.float32


def where_time_goes(texts: list[str], encoder: Encoder, rounds: int) -> Result:
    """Time parts of our pass by themselves: tokenising, the forward passes, and only their linear layers."""
    tokenized = encoder.tokenize(texts)
    parts = list(token_batches(tokenized.lengths, TOKEN_BUDGET, mixed=encoder.loaded.packed))
    edges = np.concatenate([[0], np.cumsum(tokenized.lengths)])
    batches = [packed_batch(tokenized, edges, rows) for rows in parts]
    runner, last = encoder.loaded.runner, (encoder.n_layers,)
    rows = [lay_out(np.asarray(batch.lengths)).n_rows for batch in batches]
    tokens = int(tokenized.lengths.sum())

    def forward() -> None:
        for batch in batches:
            runner.hidden_states(batch, last)

    contestants: dict[str, Run] = {
        "whole": lambda: encoder.encode(texts, progress=False),
        "tokenising alone": lambda: encoder.tokenize(texts),
        "forward passes": forward,
    }
    if hasattr(runner, "_layers"):
        contestants["their linear layers"] = lambda: products(runner._layers, rows, encoder)
    with torch.inference_mode():
        seconds = contest(contestants, max(rounds, 3))
    whole = median(seconds["whole"])
    return {
        "tokens": tokens,
        "batches": len(batches),
        "rows_more_than_tokens": sum(rows) / tokens - 1,
        "parts": {
            name: {"seconds": spread(times), "share_of_whole": median(times) / whole} for name, times in seconds.items()
        },
    }


def products(layers: Any, rows: list[int], encoder: Encoder) -> None:
    """Run the linear layers of a pass, with what is fused into them, and nothing between them."""
    for n in rows:
        x = torch.zeros(n, encoder.dim, dtype=encoder.dtype)
        for layer in layers:
            layer.qkv(x)
            y = layer.attention_out.plus(x, x)
            layer.ff_out.plus(layer.ff_in.activated(y, layer.activation, layer.activation_name), y)


def packed_batch(tokenized: Any, edges: np.ndarray, texts: np.ndarray) -> PackedBatch:
    rows = np.concatenate([np.arange(edges[i], edges[i + 1]) for i in texts])
    return PackedBatch(
        token_ids=torch.from_numpy(tokenized.token_ids[rows]),
        segment_ids=torch.from_numpy(tokenized.segment_ids[rows]).long(),
        lengths=tokenized.lengths[texts].tolist(),
    )


def shape_of(encoder: Encoder) -> Result:
    return {
        "name": encoder.name,
        "dtype": str(encoder.dtype).removeprefix("torch."),
        "layers": encoder.n_layers,
        "width": encoder.dim,
        "feed_forward_width": feed_forward_width(encoder),
        "max_length": encoder.max_length,
    }


def feed_forward_width(encoder: Encoder) -> int:
    config = json.loads((Path(encoder.source.folder) / "config.json").read_text())
    return int(config["intermediate_size"])


def flops_of(encoder: Encoder, lengths: np.ndarray) -> float:
    """Count the encoder's operations: linear layers for every token, attention for every pair within a text."""
    d, inner, n = encoder.dim, feed_forward_width(encoder), lengths.astype(np.float64)
    linear = 2 * (4 * d * d + 2 * d * inner) * n.sum()
    return float(encoder.n_layers * (linear + 4 * d * (n * n).sum()))
