"""The paper's experiment run for real: noise in the default encoder's weights, its geometry, and what it still learns.

13 shares of noise (0 to 50 %) by 3 seeds. For each rung: 29 measures of the last layer's states of 20,000 tokens of
WikiText-2 sentences, and test accuracy of a linear probe and of the space head on four data sets (600 training texts
and 500 test texts of each: a subsample, to keep a rung under a minute). Then the correlation of every measure with the
mean accuracy, with intervals, and what is left of it given the share of noise.

Run `python -m papers.latent_geometry.ladder`. Every rung is kept in ladder.json as soon as it is done, and a second
run goes on from there; ladder.md and ladder.svg are written at the end, or by `--so-far` from the rungs that are there.
One rung takes some 40 seconds on one core.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from papers.latent_geometry.ladder_analysis import analyse
from papers.latent_geometry.ladder_page import drawing, page
from papers.latent_geometry.rows import HERE
from papers.latent_geometry.rungs import DATA, run_rung, sentences, splits

from spacetune import Encoder
from spacetune.encoders import perturbation_ladder
from spacetune.progress import progress_bar

ALPHAS = (0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 20, 50)
SEEDS = (1, 2, 3)


def planned() -> list[tuple[float, int]]:
    """Return every rung's share of noise and seed, a whole ladder after the other; no noise comes once."""
    return [(alpha, seed) for seed in SEEDS for alpha in ALPHAS if alpha or seed == SEEDS[0]]


def kept(path: Path) -> list[dict[str, Any]]:
    """Return the rungs already run."""
    return json.loads(path.read_text())["rungs"] if path.is_file() else []


def keep(path: Path, found: dict[str, Any]) -> None:
    """Write the results whole or not at all."""
    unfinished = path.with_suffix(".writing")
    unfinished.write_text(json.dumps(found, indent=1) + "\n")
    os.replace(unfinished, path)


def run(out: Path, data: Path = DATA) -> list[dict[str, Any]]:
    """Run the rungs that are missing and return all."""
    rungs = kept(out / "ladder.json")
    done = {(rung["alpha"], rung["seed"]) for rung in rungs}
    missing = [rung for rung in planned() if rung not in done]
    if not missing:
        return rungs
    encoder = Encoder.from_pretrained()
    texts, sets = sentences(encoder, data), splits(data)
    with progress_bar(len(planned()), "perturbation ladder", "rungs") as bar:
        bar.update(len(done))
        for alpha, seed in missing:
            rung = next(perturbation_ladder(encoder, [alpha], [seed]))
            rungs.append({"alpha": alpha, "seed": seed, **run_rung(rung.encoder, texts, sets, seed)})
            keep(out / "ladder.json", {"about": about(encoder), "rungs": rungs})
            bar.update(1)
    return rungs


def about(encoder: Encoder) -> dict[str, Any]:
    """Return what the ladder was run on."""
    source = encoder.provenance((encoder.n_layers,))
    return {"encoder": source.encoder, "sha256": source.sha256, "layer": encoder.n_layers, "dtype": source.dtype}


def main(out: Path = HERE, data: Path = DATA) -> dict[str, Any]:
    """Run what is missing, then write ladder.json, ladder.md and ladder.svg."""
    if not kept(out / "ladder.json") and not data.is_dir():
        print(f"the ladder needs the data sets in {data}", file=sys.stderr)
        return {}
    run(out, data)
    return write_up(out)


def write_up(out: Path = HERE) -> dict[str, Any]:
    """Analyse the rungs that are there, and write ladder.json, ladder.md and ladder.svg; they say what is missing."""
    rungs = kept(out / "ladder.json")
    told = json.loads((out / "ladder.json").read_text())["about"]
    done = {(rung["alpha"], rung["seed"]) for rung in rungs}
    missing = [list(rung) for rung in planned() if rung not in done]
    found = {"about": told, "missing": missing, "analysis": analyse(rungs), "rungs": rungs}
    keep(out / "ladder.json", found)
    (out / "ladder.md").write_text(page(found))
    (out / "ladder.svg").write_text(drawing(rungs))
    return found


if __name__ == "__main__":
    write_up() if "--so-far" in sys.argv else main()
    print((HERE / "ladder.md").read_text())
