"""One cell: draw K texts, tune on their dev part, score the choice once on test."""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import split
from benchmarks.few_shot.methods import METHODS, REFITTED, Fitted
from spacetune import Encoder, LabelledTexts
from spacetune.data import few_shot_split
from spacetune.fitting import classification_scores

TEST_SPLIT = {"sst2": "dev", "cola": "dev", "rte": "dev"}
"""GLUE's published dev where test labels are not public; the others' published test."""
NO_SPLIT = {"subj": "all", "mr": "all", "qnli": "dev", "qqp": "train"}
"""Sets of one file: K texts are drawn from its first part, the test texts come from its last 2,000."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """What is run."""

    data: str
    K: int
    seed: int
    method: str

    @property
    def name(self) -> str:
        return f"{self.data}-{self.K}-{self.seed}-{self.method}"

    def file(self, folder: Path) -> Path:
        return folder / f"{self.name}.json"


def cells_of(config: dict[str, Any]) -> list[Cell]:
    """All cells, block after block, methods innermost: a run that stops early has whole comparisons."""
    cells = [
        Cell(data, K, seed, method)
        for block in config["blocks"]
        for K in block["K"]
        for seed in block["seeds"]
        for data in block["sets"]
        for method in block["methods"]
    ]
    return list(dict.fromkeys(cells))


@functools.lru_cache(maxsize=16)
def pools(data: str, n_test: int) -> tuple[LabelledTexts, LabelledTexts]:
    """Where the K texts are drawn from, and a fixed sample of test texts."""
    if data in NO_SPLIT:
        everything = split(data, NO_SPLIT[data])
        order = np.random.default_rng(0).permutation(len(everything)).tolist()
        pool, test = everything.take(order[:-2000]), everything.take(order[-2000:])
    else:
        pool, test = split(data, "train"), split(data, TEST_SPLIT.get(data, "test"))
    rows = np.random.default_rng(1).permutation(len(test))[:n_test]
    return pool, test.take(sorted(rows.tolist()))


def run_cell(cell: Cell, config: dict[str, Any], encoder: Encoder) -> dict[str, Any]:
    """Fit every setting of the method's grid, choose by dev accuracy (log loss breaks ties), score on test.

    A method that refits learns from all K texts with that choice; its dev scores are those from before.
    """
    pool, test = pools(cell.data, config["n_test"])
    train, dev = few_shot_split(pool, cell.K, dev_fraction=config["dev_fraction"], seed=cell.seed)
    method = METHODS[cell.method]
    tried: list[dict[str, Any]] = []
    best: tuple[tuple[float, float], Fitted, dict[str, Any]] | None = None
    for settings in config["grids"].get(cell.method.removesuffix(REFITTED), [{}]):
        started, spent = time.perf_counter(), time.process_time()
        fitted = method(encoder, train, dev, {**config["shared"], **settings}, cell.seed)
        clock, cpu = time.perf_counter() - started, time.process_time() - spent + fitted.cpu_elsewhere
        accuracy, loss = dev_scores(fitted.proba(dev.inputs), fitted.classes, dev)
        tried.append({"settings": settings, "dev_accuracy": accuracy, "dev_log_loss": loss,
                      "seconds": round(clock, 2), "cpu_seconds": round(cpu, 2)})  # fmt: skip
        if best is None or (accuracy, -loss) > best[0]:
            best = (accuracy, -loss), fitted, settings
    assert best is not None
    _, fitted, settings = best
    if fitted.refit is not None:
        started, spent = time.perf_counter(), time.process_time()
        fitted.refit()
        tried[-1]["seconds"] += round(time.perf_counter() - started, 2)
        tried[-1]["cpu_seconds"] += round(time.process_time() - spent, 2)
    number = {name: i for i, name in enumerate(fitted.classes)}
    truth = np.array([number.get(label, -1) for label in test.labels or []])
    scores = classification_scores(truth, fitted.proba(test.inputs).argmax(1))
    return {
        **dataclasses.asdict(cell), "n_train": len(train), "n_dev": len(dev), "n_test": len(test),
        "tried": tried, "chosen": settings, "test": scores,
        **{name: round(sum(one[name] for one in tried), 2) for name in ("seconds", "cpu_seconds")},
    }  # fmt: skip


def dev_scores(p: np.ndarray, classes: list[Any], dev: LabelledTexts) -> tuple[float, float]:
    number = {name: i for i, name in enumerate(classes)}
    truth = np.array([number[label] for label in dev.labels or []])
    loss = -np.log(np.clip(p[np.arange(len(truth)), truth], 1e-9, 1)).mean()
    return float(np.mean(p.argmax(1) == truth)), float(loss)
