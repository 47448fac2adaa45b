"""Features, fit, prediction and memory beside other ways to do the same, each with its floor.

All contestants get the same texts in turn, in an order that shifts every round; medians and spread are over rounds.
Run `python -m benchmarks speed` on a quiet machine; `--quick` only shows that it works and writes nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
import warnings
from pathlib import Path

import torch

from benchmarks import peers
from benchmarks.common import RESULTS, circumstances, split, write
from benchmarks.peer_worker import Worker
from benchmarks.speed.clock import Peaks, Result
from benchmarks.speed.features import features_of, shape_of, where_time_goes
from benchmarks.speed.fitting import fit
from benchmarks.speed.memory import memory, memory_of
from benchmarks.speed.plan import MAX_LENGTH, QUICK, Plan
from benchmarks.speed.predicting import predict
from spacetune import Encoder, SpaceClassifier
from spacetune.encoders.loading.machine import choose_dtype


def main(arguments: list[str] | None = None) -> None:
    warnings.simplefilter("ignore")
    options = parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if options.memory_of is not None:
        print(json.dumps(memory_of(options.memory_of)))
        return
    plan = QUICK if options.quick else Plan()
    given = {"rounds": options.rounds, "sizes": None if options.sizes is None else tuple(options.sizes)}
    plan = dataclasses.replace(plan, **{name: value for name, value in given.items() if value is not None})
    result = predict_again(plan) if options.predict else measure(plan, options.peers_python)
    if options.quick:
        print(json.dumps(result, indent=1))
    else:
        write("speed", result)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m benchmarks speed")
    found.add_argument("--quick", action="store_true", help="small sizes, nothing written: does it work?")
    found.add_argument("--rounds", type=int, help="how often every contestant runs")
    found.add_argument("--sizes", type=int, nargs="+", help="texts for the memory measurement")
    found.add_argument("--predict", action="store_true", help="measure prediction alone anew, and keep the rest")
    found.add_argument("--peers-python", help="a Python that has onnx, openvino and setfit")
    found.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    return found


def measure(plan: Plan, peers_python: str | None = None) -> Result:
    began, start = circumstances(), time.perf_counter()
    encoder = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH)
    exact = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH, dtype="float32")
    native = choose_dtype("auto", torch.device("cpu")) is torch.bfloat16
    worker = None if peers_python is None else Worker(peers_python)
    others, skipped = peers.encoders(Path(encoder.source.folder), MAX_LENGTH, bfloat16=native, worker=worker)
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
    result["fit"], model = fit(plan, encoder, peaks, skipped, worker)
    result["predict"] = predict(plan, model, encoder, short, peaks)
    result["memory"] = memory(plan)
    if worker is not None:
        result["versions_of_other_environment"] = worker.versions
        worker.close()
    result["peak"] = peaks.to_dict()
    result["load_at_end"] = round(os.getloadavg()[0], 2)
    result["seconds_in_all"] = round(time.perf_counter() - start, 1)
    return result


def predict_again(plan: Plan) -> Result:
    """Return the kept result with prediction measured anew, and when that was."""
    began = circumstances()
    encoder = Encoder.from_pretrained(device="cpu", max_length=MAX_LENGTH)
    data = split("sma", "train")
    model = SpaceClassifier(encoder, store=None).fit(data.texts, data.labels, progress=False)
    peaks = Peaks(encoder.dtype)
    found = predict(plan, model, encoder, text_sets(plan)[0], peaks)
    return json.loads((RESULTS / "speed.json").read_text()) | {"predict": found | {"measured": began}}


def text_sets(plan: Plan) -> tuple[list[str], list[str]]:
    """Return short and long texts, each text once: ours would encode an equal one only once."""
    short = list(dict.fromkeys(split("sma", "train").texts))[:: plan.short_every]
    long = list(dict.fromkeys(split("imdb", "test").texts[:: plan.long_every]))
    return short, long
