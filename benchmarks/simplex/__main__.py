"""Compare simplexes with the plain thing: `python -m benchmarks.simplex heads`, `adapters`, `full`.

Every draw (set, K, seed) is one JSON file in `cells/`; one that is there is not run again. `--minutes 30` stops before
the first draw that starts later than that; `--merge` only writes the summary, which every run does at its end.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax

from benchmarks.common import RESULTS, circumstances, take_up, write_cell
from benchmarks.simplex.draws import Draw, Drawn, texts_of
from benchmarks.simplex.page import draw_page
from benchmarks.simplex.scores import error_auroc, scores_of
from benchmarks.simplex.summary import summarise
from benchmarks.simplex.variants import VARIANTS, Variant
from spacetune import Encoder
from spacetune.estimators.uncertainty import uncertainty_of
from spacetune.fitting import fit_temperature

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simplex", description=__doc__)
    parser.add_argument("of", choices=sorted(VARIANTS), help="what the simplexes are made of")
    parser.add_argument("--minutes", type=float, help="start no draw after so many minutes")
    parser.add_argument("--merge", action="store_true", help="run nothing, write the summary of what is there")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    config = json.loads((HERE / "config.json").read_text())
    its = config[options.of]
    folder = HERE / "cells" / options.of
    folder.mkdir(parents=True, exist_ok=True)
    draws = draws_of(its)
    result = RESULTS / f"simplex_{options.of}.json"
    kept = json.loads(result.read_text())["draws"] if result.exists() else []
    take_up({file_of(Draw(each["data"], each["K"], each["seed"]), folder): each for each in kept})
    if not options.merge:
        run(draws, options.of, config, folder, options.minutes)
    done = [json.loads(file_of(draw, folder).read_text()) for draw in draws if file_of(draw, folder).exists()]
    found = {"what": __doc__, **circumstances(), "threads": torch.get_num_threads(), "config": config}
    found |= {"wanted": len(draws), "done": len(done), **rounded(summarise(done)), "draws": done}
    result.write_text(compact(found) + "\n")
    draw_page()


def draws_of(its: dict[str, Any]) -> list[Draw]:
    """Return all draws, seed by seed: a run that stops early has all sets and all K."""
    sizes = {int(K): n for K, n in its["n_seeds"].items()}
    return [
        Draw(data, K, seed)
        for seed in range(max(sizes.values()))
        for K, n_seeds in sizes.items() if seed < n_seeds
        for data in its["sets"]
    ]  # fmt: skip


def file_of(draw: Draw, folder: Path) -> Path:
    return folder / f"{draw.data}-{draw.K}-{draw.seed}.json"


def compact(found: dict[str, Any]) -> str:
    """Return JSON with one draw a line: there are many numbers in it."""
    draws = ",\n  ".join(json.dumps(each) for each in found["draws"])
    rest = json.dumps({name: value for name, value in found.items() if name != "draws"}, indent=1)
    return f'{rest[:-2]},\n "draws": [\n  {draws}\n ]\n}}'


def run(draws: list[Draw], of: str, config: dict[str, Any], folder: Path, minutes: float | None) -> None:
    encoder = Encoder.from_pretrained(None, dtype="float32", max_length=config["max_length"])
    began = time.monotonic()
    for draw in draws:
        file = file_of(draw, folder)
        if file.exists():
            continue
        if minutes is not None and time.monotonic() - began > 60 * minutes:
            print("time is up", flush=True)
            return
        spent = time.process_time()
        drawn = texts_of(draw, config[of]["n_test"], config["dev_fraction"])
        classes = sorted(set(drawn.train.labels or []))
        variants = [scored(each, drawn, classes) for each in VARIANTS[of](draw, drawn, encoder, config[of])]
        seconds = round(time.process_time() - spent, 1)
        found = {**dataclasses.asdict(draw), "cpu_seconds": seconds, "variants": variants}
        write_cell(file, rounded(found))
        print(draw, f"{seconds} s", flush=True)


def scored(variant: Variant, drawn: Drawn, classes: list[Any]) -> dict[str, Any]:
    """Return the scores of a variant on every test part, as it is and with a temperature that dev chose."""
    truth = np.array([classes.index(label) for label in drawn.dev.labels or []])
    temperature = fit_temperature(variant.logits[0], truth, "single")
    tests: dict[str, Any] = {}
    for i, (name, test) in enumerate(drawn.tests.items(), 1):
        labels, elsewhere = test.labels or [], i > 1
        tests[name] = {
            kind: scores_of(variant.logits[i] / divisor, classes, labels, elsewhere)
            for kind, divisor in (("raw", 1.0), ("scaled", temperature))
        }
        if variant.points is not None and not elsewhere:
            found = uncertainty_of(softmax(variant.points[i] / temperature, axis=2), "single", tuple(classes))
            right = np.array([classes.index(label) for label in labels]) == found.probabilities.argmax(1)
            tests[name]["mutual_auroc"] = error_auroc(found.mutual, right)
    told = {"name": variant.name, "temperature": temperature, "tests": tests}
    return told if variant.flatness is None else {**told, "flatness": variant.flatness}


def rounded(found: Any) -> Any:
    """Round all numbers to five decimals; no number is None."""
    if isinstance(found, dict):
        return {name: rounded(value) for name, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    if isinstance(found, float):
        return None if math.isnan(found) else round(found, 5)
    return found


if __name__ == "__main__":
    main()
