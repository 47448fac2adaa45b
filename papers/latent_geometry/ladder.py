"""The paper's experiment run for real: noise in an encoder's weights, its geometry, and what it still learns.

13 shares of noise (0 to 50 %) by 3 seeds, of the second encoder 2. For each rung: 34 measures of the last layer's
states of 20,000 tokens of WikiText-2 sentences, and test accuracy of a linear probe and of the space head on four data
sets (600 training texts and 500 test texts of each: a subsample, to keep a rung short). Then the correlation of every
measure with the mean accuracy, with intervals, and what is left of it given the share of noise.

Run `python -m papers.latent_geometry.ladder`. Every rung is kept in ladder.json as soon as it is done, and a second
run goes on from there; ladder.md and ladder.svg are written at the end, or by `--so-far` from the rungs that are there.
One rung takes some 40 seconds on one core. With SPACETUNE_SECOND_ENCODER naming the folder of all-mpnet-base-v2 (see
benchmarks/second_encoder.py) `--second` climbs that encoder's, to ladder_second.json and so on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from papers.keeping import keep
from papers.latent_geometry.ladder_analysis import analyse
from papers.latent_geometry.ladder_page import drawing, page
from papers.latent_geometry.rows import HERE
from papers.latent_geometry.rungs import ALL_MEASURES, DATA, measures_of, run_rung, sentences, splits
from papers.which import named, opened, stem

from spacetune import Encoder
from spacetune.encoders import perturbation_ladder
from spacetune.progress import progress_bar

ALPHAS = (0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 20, 50)
SEEDS = (1, 2, 3)
SECOND_SEEDS = SEEDS[:2]
"""Of the second encoder, whose rungs take three times as long."""


def planned(*, second: bool = False) -> list[tuple[float, int]]:
    """Return every rung's share of noise and seed, a whole ladder after the other; no noise comes once."""
    seeds = SECOND_SEEDS if second else SEEDS
    return [(alpha, seed) for seed in seeds for alpha in ALPHAS if alpha or seed == seeds[0]]


def kept(path: Path) -> list[dict[str, Any]]:
    """Return the rungs already run."""
    return json.loads(path.read_text())["rungs"] if path.is_file() else []


def run(file: Path, data: Path = DATA, *, second: bool = False) -> list[dict[str, Any]]:
    """Run the rungs that are missing, and measures that old rungs lack; return all."""
    rungs = kept(file)
    done = {(rung["alpha"], rung["seed"]) for rung in rungs}
    missing = [rung for rung in planned(second=second) if rung not in done]
    behind = [rung for rung in rungs if set(ALL_MEASURES) - set(rung["measures"])] if data.is_dir() else []
    if not missing and not behind:
        return rungs
    encoder = opened(second=second)
    texts, sets = sentences(encoder, data), splits(data)
    with progress_bar(len(planned(second=second)) + len(behind), "perturbation ladder", "rungs") as bar:
        bar.update(len(done))
        for rung in behind:
            copy = next(perturbation_ladder(encoder, [rung["alpha"]], [rung["seed"]])).encoder
            lacking = [name for name in ALL_MEASURES if name not in rung["measures"]]
            rung["measures"] |= measures_of(copy, texts, lacking)
            keep(file, {"about": about(encoder, second=second), "rungs": rungs})
            bar.update(1)
        for alpha, seed in missing:
            copy = next(perturbation_ladder(encoder, [alpha], [seed])).encoder
            rungs.append({"alpha": alpha, "seed": seed, **run_rung(copy, texts, sets, seed)})
            keep(file, {"about": about(encoder, second=second), "rungs": rungs})
            bar.update(1)
    return rungs


def about(encoder: Encoder, *, second: bool) -> dict[str, Any]:
    """Return what the ladder was run on."""
    source = encoder.provenance((encoder.n_layers,))
    name = named(encoder, second=second)
    return {"encoder": name, "sha256": source.sha256, "layer": encoder.n_layers, "dtype": source.dtype}


def main(out: Path = HERE, data: Path = DATA, *, second: bool = False) -> dict[str, Any]:
    """Run what is missing, then write ladder.json, ladder.md and ladder.svg."""
    file = out / f"{stem('ladder', second=second)}.json"
    if not kept(file) and not data.is_dir():
        print(f"the ladder needs the data sets in {data}", file=sys.stderr)
        return {}
    run(file, data, second=second)
    return write_up(out, second=second)


def write_up(out: Path = HERE, *, second: bool = False) -> dict[str, Any]:
    """Analyse the rungs that are there, and write ladder.json, ladder.md and ladder.svg; they say what is missing."""
    name = stem("ladder", second=second)
    rungs = kept(out / f"{name}.json")
    told = json.loads((out / f"{name}.json").read_text())["about"]
    done = {(rung["alpha"], rung["seed"]) for rung in rungs}
    missing = [list(rung) for rung in planned(second=second) if rung not in done]
    found = {"about": told, "missing": missing, "analysis": analyse(rungs), "rungs": rungs}
    keep(out / f"{name}.json", found)
    (out / f"{name}.md").write_text(page(found, name))
    (out / f"{name}.svg").write_text(drawing(rungs))
    return found


if __name__ == "__main__":
    asked = "--second" in sys.argv
    write_up(second=asked) if "--so-far" in sys.argv else main(second=asked)
    print((HERE / f"{stem('ladder', second=asked)}.md").read_text())
