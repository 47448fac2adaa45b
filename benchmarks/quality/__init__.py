"""Every method on every data set of the suite: `python -m benchmarks quality`, or some sets and methods by name.

One JSON file a cell (set, method, seed) under `benchmarks/results/quality`; cells that are there are not run again,
so an interrupted run goes on where it stopped. `benchmarks/results/quality.json` and `docs/quality.md` are drawn from
the cells.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
import warnings
from typing import Any

from benchmarks.common import HERE, RESULTS, circumstances
from benchmarks.fine_tuning import CHOSEN, FINE_TUNED
from benchmarks.quality.methods import Cell, fine_tuned, fine_tuned_by_dev, ours, tfidf_svm
from benchmarks.quality.sets import Parts, parts
from benchmarks.quality.summary import REFIT, SECOND, summarise
from benchmarks.second_encoder import VARIABLE, second_encoder
from spacetune import Encoder
from spacetune.data import label_kind
from spacetune.encoders.store.shards import Form
from spacetune.fitting.tasks import MultiLabel, Regression, SingleLabel, Task

CONFIG = HERE / "quality" / "config.json"
CELLS = RESULTS / "quality"
LARGE = ("20newsgroups", "imdb")
"""Sets whose features of the second encoder are kept in the store's int8 form: in full they take 20 to 70 GB."""


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, then sum up."""
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    config = json.loads(CONFIG.read_text())
    named = sys.argv[1:] if arguments is None else arguments
    wanted, known = ([n for n in config[kind] if n in named] or config[kind] for kind in ("sets", "methods"))
    if unknown := set(named) - set(config["sets"]) - set(config["methods"]):
        raise SystemExit(f"neither sets nor methods: {', '.join(sorted(unknown))}")
    encoder = Encoder.from_pretrained()
    CELLS.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        methods = [m for m in known if name in config["only"].get(m, [name])]
        todo = [(m, s) for m in methods for s in seeds(name, m, config) if not place(name, m, s).exists()]
        if todo:
            run_set(name, config["sets"][name], todo, encoder)
    summarise(CELLS, config)


def seeds(name: str, method: str, config: dict[str, Any]) -> list[int]:
    """Return the seeds of a method on a set: one of its own number, else one for all sets, else all."""
    few = config["seeds"][:1] if method in config["once"] else config["seeds"]
    return list(range(config["n_seeds"].get(f"{name}.{method}", len(few))))


def place(name: str, method: str, seed: int) -> Any:
    return CELLS / f"{name}.{method}.{seed}.json"


def run_set(name: str, about: dict[str, Any], todo: list[tuple[str, int]], encoder: Encoder) -> None:
    data = parts(name, about)
    sizes = {"n_train": len(data.train), "n_dev": len(data.dev), "n_test": len(data.test)}
    for method, seed in todo:
        cell = run_cell(name, method, data, encoder, seed)
        facts = {"set": name, "method": method, "seed": seed, **sizes, **cell, "circumstances": circumstances()}
        place(name, method, seed).write_text(json.dumps(facts, indent=1) + "\n")
        shown = {k: round(v, 4) for k, v in cell["test"].items()}
        print(name, method, seed, shown, f"{cell['fit_seconds']:.1f} s", flush=True)


def run_cell(name: str, method: str, data: Parts, encoder: Encoder, seed: int) -> Cell:
    if method == "tfidf_svm":
        return tfidf_svm(data, task_of(data))
    if method == FINE_TUNED:
        return fine_tuned(data, encoder, task_of(data), seed)
    if method == CHOSEN:
        usual = json.loads(place(name, FINE_TUNED, seed).read_text())
        return fine_tuned_by_dev(data, encoder, task_of(data), seed, usual)
    form: Form = "full"
    if method.endswith(SECOND):
        encoder, method, form = _second(), method.removesuffix(SECOND), "int8" if name in LARGE else "full"
    return ours(method.removesuffix(REFIT), data, encoder, seed, refit=method.endswith(REFIT), form=form)


@functools.cache
def _second() -> Encoder:
    folder = second_encoder()
    if folder is None:
        raise SystemExit(f"methods that end in {SECOND} need {VARIABLE}: see benchmarks/second_encoder.py")
    return Encoder.from_pretrained(folder)


@functools.cache
def _kinds() -> dict[str, Any]:
    return {"single": SingleLabel, "multi": MultiLabel, "regression": Regression}


def task_of(data: Parts) -> Task:
    labels = data.train.labels or []
    kind = label_kind(labels)
    if kind == "regression":
        return Regression.of(labels)
    names = {label for row in labels for label in row} if kind == "multi" else set(labels)
    return _kinds()[kind](sorted(names))
