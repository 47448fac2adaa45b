"""Features, fit, prediction and memory beside other ways to do the same, each with its floor.

All contestants get the same texts in turn, in an order that shifts every round; medians and spread are over rounds.
Run `python -m benchmarks speed` on a quiet machine; `--quick` only shows that it works and writes nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import peers
from benchmarks.common import HERE, circumstances, split, write
from spacetune import Encoder, SpaceClassifier
from spacetune.encoders import FeatureStore
from spacetune.encoders.batching import token_batches
from spacetune.encoders.encoder import TOKEN_BUDGET
from spacetune.encoders.layout import lay_out
from spacetune.encoders.linear import Affine
from spacetune.encoders.machine import choose_dtype, linear_rate
from spacetune.encoders.packed import PackedBatch

Result = dict[str, Any]
Run = Callable[[], Any]
MAX_LENGTH = 256
PEAK_ROWS = 2048
REFERENCE = "sentence-transformers"


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 3
    short_every: int = 4
    long_every: int = 60
    fit_every: int = 1
    notebook: tuple[tuple[int, int], ...] = ((32, 6), (256, 2))
    calls: int = 200
    sizes: tuple[int, ...] = (1000, 4000)


QUICK = Plan(rounds=2, short_every=60, long_every=1250, fit_every=12, notebook=((32, 1),), calls=20, sizes=(100, 300))


def main(arguments: list[str] | None = None) -> None:
    warnings.simplefilter("ignore")
    options = parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if options.memory_of is not None:
        print(json.dumps(memory_of(options.memory_of)))
        return
    plan = QUICK if options.quick else Plan()
    given = {"rounds": options.rounds, "sizes": None if options.sizes is None else tuple(options.sizes)}
    plan = dataclasses.replace(plan, **{name: value for name, value in given.items() if value is not None})
    result = measure(plan)
    if options.quick:
        print(json.dumps(result, indent=1))
    else:
        write("speed", result)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m benchmarks speed")
    found.add_argument("--quick", action="store_true", help="small sizes, nothing written: does it work?")
    found.add_argument("--rounds", type=int, help="how often every contestant runs")
    found.add_argument("--sizes", type=int, nargs="+", help="texts for the memory measurement")
    found.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    return found


def measure(plan: Plan) -> Result:
    began, start = circumstances(), time.perf_counter()
    encoder = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH)
    exact = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH, dtype="float32")
    native = choose_dtype("auto", torch.device("cpu")) is torch.bfloat16
    others, skipped = peers.encoders(Path(encoder.source.folder), MAX_LENGTH, bfloat16=native)
    peaks = Peaks(encoder.dtype)
    short, long = text_sets(plan)
    mix = short[::2] + long[::4]
    sets = {
        "short": (short, f"every {plan.short_every}th text of sma train"),
        "long": (long, f"every {plan.long_every}th review of imdb test, cut at {MAX_LENGTH} tokens"),
        "mix": (mix, "half of the short and a quarter of the long texts"),
    }
    features = {}
    for name, (texts, what) in sets.items():
        features[name] = {"what": what, **features_of(texts, encoder, exact, others, peaks, plan.rounds)}
    result: Result = {"what": __doc__, **began, "plan": dataclasses.asdict(plan)}
    result |= {"encoder": shape_of(encoder), "skipped": skipped, "features": features}
    result["where_time_goes"] = where_time_goes(mix, encoder, plan.rounds)
    result["fit"], model = fit(plan, encoder, peaks, skipped)
    result["predict"] = predict(plan, model, encoder, short, peaks)
    result["memory"] = memory(plan)
    result["peak"] = peaks.to_dict()
    result["load_at_end"] = round(os.getloadavg()[0], 2)
    result["seconds_in_all"] = round(time.perf_counter() - start, 1)
    return result


def text_sets(plan: Plan) -> tuple[list[str], list[str]]:
    """Return short and long texts, each text once: ours would encode an equal one only once."""
    short = list(dict.fromkeys(split("sma", "train").texts))[:: plan.short_every]
    long = list(dict.fromkeys(split("imdb", "test").texts[:: plan.long_every]))
    return short, long


def shape_of(encoder: Encoder) -> Result:
    return {
        "name": encoder.name,
        "dtype": str(encoder.dtype).removeprefix("torch."),
        "layers": encoder.n_layers,
        "width": encoder.dim,
        "feed_forward_width": _feed_forward_width(encoder),
        "max_length": encoder.max_length,
    }


def _feed_forward_width(encoder: Encoder) -> int:
    config = json.loads((Path(encoder.source.folder) / "config.json").read_text())
    return int(config["intermediate_size"])


def flops_of(encoder: Encoder, lengths: np.ndarray) -> float:
    """Count the encoder's operations: linear layers for every token, attention for every pair within a text."""
    d, inner, n = encoder.dim, _feed_forward_width(encoder), lengths.astype(np.float64)
    linear = 2 * (4 * d * d + 2 * d * inner) * n.sum()
    return float(encoder.n_layers * (linear + 4 * d * (n * n).sum()))


class Peaks:
    """The matrix-product rates of this machine, measured again in every round: a machine's clock drifts."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.dtypes = {dtype, torch.float32}
        self.rates: dict[str, list[float]] = {}

    def measure(self) -> None:
        for dtype in self.dtypes:
            self.rates.setdefault(_name(dtype), []).append(linear_rate(dtype, PEAK_ROWS, repeats=20))
        self.rates.setdefault("laid_out", []).append(laid_out_rate(self.dtype))

    def rate(self, dtype: torch.dtype | None = None) -> float:
        """Return operations a second: the median over the rounds so far."""
        if not self.rates:
            self.measure()
        return median(self.rates[_name(self.dtype if dtype is None else dtype)])

    def to_dict(self) -> Result:
        what = f"best of 22 linear layers 384 to 1536 at {PEAK_ROWS} rows, median over rounds, in GFLOP/s"
        laid_out = f"the same in {_name(self.dtype)} with weights laid out once"
        rows = {name: _spread([rate / 1e9 for rate in rates]) for name, rates in self.rates.items()}
        return {"what": what, "laid_out_is": laid_out, **rows}


def laid_out_rate(dtype: torch.dtype, rows: int = PEAK_ROWS, repeats: int = 22) -> float:
    """Measure the same product with weights in the order the matrix unit wants."""
    linear = torch.nn.Linear(384, 1536)
    affine, x = Affine([linear], dtype), torch.zeros(rows, 384, dtype=dtype)
    with torch.inference_mode():
        best = min(_timed(lambda: affine(x)) for _ in range(repeats))
    return 2 * rows * 384 * 1536 / best


def contest(contestants: dict[str, Run], rounds: int, before: Run | None = None) -> dict[str, list[float]]:
    """Time every contestant once a round, starting with another one each round."""
    names, seconds = list(contestants), {name: [] for name in contestants}
    for i in range(rounds):
        if before is not None:
            before()
        for name in names[i % len(names) :] + names[: i % len(names)]:
            seconds[name].append(_timed(contestants[name]))
    return seconds


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
        rows[name] = {"dtype": _name(dtype), "seconds": _spread(times), "tokens_per_second": rate}
        rows[name]["share_of_peak"] = flops / median(times) / peaks.rate(dtype)
        if REFERENCE in seconds:
            rows[name]["times_sentence_transformers"] = _ratio(seconds[REFERENCE], times)
    found: Result = {"texts": len(texts), "tokens": tokens, "gflop": flops / 1e9}
    found["floor"] = {
        "what": "all operations at the matrix-product peak",
        **{_name(dtype): {"tokens_per_second": tokens * peaks.rate(dtype) / flops} for dtype in sorted_of(peaks)},
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
    parts = list(token_batches(tokenized.lengths, TOKEN_BUDGET, mixed=encoder._loaded.packed))
    edges = np.concatenate([[0], np.cumsum(tokenized.lengths)])
    batches = [_batch(tokenized, edges, rows) for rows in parts]
    runner, last = encoder._loaded.runner, (encoder.n_layers,)
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
            name: {"seconds": _spread(times), "share_of_whole": median(times) / whole}
            for name, times in seconds.items()
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


def _batch(tokenized: Any, edges: np.ndarray, texts: np.ndarray) -> PackedBatch:
    rows = np.concatenate([np.arange(edges[i], edges[i + 1]) for i in texts])
    return PackedBatch(
        token_ids=torch.from_numpy(tokenized.token_ids[rows]),
        segment_ids=torch.from_numpy(tokenized.segment_ids[rows]).long(),
        lengths=tokenized.lengths[texts].tolist(),
    )


def fit(plan: Plan, encoder: Encoder, peaks: Peaks, skipped: dict[str, str]) -> tuple[Result, SpaceClassifier]:
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
    found["seconds"] = {name: _spread(times) for name, times in seconds.items()}
    found["new_shards_in_second_fit"] = max(r["new_shards"] for r in rounds)
    found["second_fit_over_fitting_alone"] = _ratio(seconds["second fit"], seconds["fitting alone"])
    found["fitting_alone_over_encoder_pass"] = _ratio(seconds["fitting alone"], seconds["encoder pass"])
    found["floors"] = fit_floors(encoder, lengths, model, peaks)
    kept = int(len(texts) * 0.9)
    found["others"] = fit_others(plan, encoder, (texts[:kept], labels[:kept]), epochs, skipped)
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
        seconds["second fit"] = _timed(lambda: again.fit(texts, labels, progress=False))
        new_shards = store.summary().n_shards - before
    start = time.perf_counter()
    features = encoder.encode(texts, layers=model.layers_ or -1, progress=False)
    seconds["encoder pass"] = time.perf_counter() - start
    alone = SpaceClassifier(encoder, store=None, seed=0)
    seconds["fitting alone"] = _timed(lambda: alone.fit(features, labels, progress=False))
    return {"seconds": seconds, "new_shards": new_shards, "model": model}


def fit_floors(encoder: Encoder, lengths: np.ndarray, model: SpaceClassifier, peaks: Peaks) -> Result:
    """Say what the encoder pass and the fitting cannot do without on this machine."""
    epochs, tokens = len(model.history_.epochs), int(lengths.sum())
    n_layers, n_spaces, n_latent, width = model.head_.spaces.operators.shape
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
    return size / min(_timed(values.sum) for _ in range(7))


def fit_others(
    plan: Plan, encoder: Encoder, data: tuple[list[str], list[Any]], epochs: int, skipped: dict[str, str]
) -> dict[str, Result]:
    """Time some steps of the other ways to train, and extrapolate to whole runs."""
    folder, (texts, labels) = Path(encoder.source.folder), data
    found: dict[str, Result] = {}
    for batch, steps in plan.notebook:
        row = peers.notebook_loop(folder, texts, labels, batch_size=batch, n_steps=steps)
        found[f"notebook-like loop, batch {batch}"] = _extrapolated(row, row["steps_per_epoch"] * epochs, epochs)
    makers: dict[str, Callable[[], Result]] = {
        "SetFit": lambda: peers.setfit(folder, texts, labels, n_steps=10),
        "PEFT prefix tuning": lambda: peers.prefix_tuning(folder, texts, labels, n_steps=5),
    }
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


def predict(plan: Plan, model: SpaceClassifier, encoder: Encoder, texts: list[str], peaks: Peaks) -> Result:
    return {
        "one_text": predict_one(plan, model, encoder, texts, peaks),
        "bulk": predict_bulk(plan, model, encoder, texts, peaks),
    }


def predict_one(plan: Plan, model: SpaceClassifier, encoder: Encoder, texts: list[str], peaks: Peaks) -> Result:
    """Time one text of median length against the bare forward pass of its tokens."""
    lengths = encoder.tokenize(texts).lengths
    text = texts[int(np.argsort(lengths, kind="stable")[len(texts) // 2])]
    tokenized, last = encoder.tokenize([text]), (encoder.n_layers,)
    batch = _batch(tokenized, np.array([0, int(tokenized.lengths[0])]), np.array([0]))
    runner = encoder._loaded.runner
    contestants: dict[str, Run] = {
        "predict": lambda: model.predict([text]),
        "bare forward": lambda: runner.hidden_states(batch, last),
    }
    with torch.inference_mode():
        contest(contestants, 5)
        seconds = contest(contestants, plan.calls)
    p50 = {name: float(np.percentile(times, 50)) for name, times in seconds.items()}
    return {
        "tokens": int(tokenized.lengths[0]),
        "calls": plan.calls,
        "milliseconds": {
            name: {"p50": 1e3 * p50[name], "p95": 1e3 * float(np.percentile(times, 95))}
            for name, times in seconds.items()
        },
        "predict_over_bare_forward": p50["predict"] / p50["bare forward"],
        "floor": {
            "what": "its operations at the matrix-product peak of large batches",
            "milliseconds": 1e3 * flops_of(encoder, tokenized.lengths) / peaks.rate(),
        },
    }


def predict_bulk(plan: Plan, model: SpaceClassifier, encoder: Encoder, texts: list[str], peaks: Peaks) -> Result:
    lengths = encoder.tokenize(texts).lengths
    tokens = int(lengths.sum())
    contestants: dict[str, Run] = {
        "predict": lambda: model.predict(texts),
        "features of the model's layers": lambda: encoder.encode(texts, layers=model.layers_ or -1, progress=False),
        "features of the last layer": lambda: encoder.encode(texts, progress=False),
    }
    seconds = contest(contestants, max(plan.rounds, 3))
    return {
        "texts": len(texts),
        "tokens": tokens,
        "rows": {
            name: {
                "seconds": _spread(times),
                "tokens_per_second": tokens / median(times),
                "share_of_last_layer_rate": _ratio(seconds["features of the last layer"], times),
            }
            for name, times in seconds.items()
        },
        "floor": {
            "what": "all operations of the encoder at the matrix-product peak",
            "tokens_per_second": tokens * peaks.rate() / flops_of(encoder, lengths),
        },
    }


def memory(plan: Plan) -> Result:
    """Encode many long texts in a process of their own, discarding the features."""
    rows = []
    for size in plan.sizes:
        command = [sys.executable, "-m", "benchmarks.speed", "--memory-of", str(size)]
        done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
        print("memory", rows[-1], flush=True)
    return {
        "what": "imdb texts (train, then test) through Encoder.encode_windows, last layer, features discarded",
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
    for part in encoder.encode_windows(texts, progress=False):
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


def _timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _spread(values: list[float]) -> Result:
    return {"median": median(values), "min": min(values), "max": max(values)}


def _ratio(above: list[float], below: list[float]) -> float:
    """Return the median over rounds of the ratio within a round: both sides saw the same machine."""
    return median(a / b for a, b in zip(above, below, strict=True))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


if __name__ == "__main__":
    main()
