"""The Space Model (Tytarenko and Amin, arXiv 2401.16638) on the frozen default encoder, and what the paper lacks.

The published comparison on Social Media Attributions, HateXplain and IMDB with its transfer; ablations; data size;
generalisation to other sets; and one run with the encoder unfrozen. `published.json` has the authors' numbers.

Run `python -m papers.space_model.reproduce [experiment …]`: writes results/<experiment>.json and results.md beside this
file. A cell (a set and a seed) is kept as soon as it is done and not run again; remove it to run it anew. All of it
takes some two hours on one core, half of them training encoders.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances
from papers.keeping import keep
from papers.space_model.data import HERE, MAX_LENGTH
from papers.space_model.experiments import ablation, comparison
from papers.space_model.outside import data_size, generalisation
from papers.space_model.padding import padding
from papers.space_model.tables import markdown
from papers.space_model.unfrozen import unfrozen

from spacetune import Encoder

N_TRAINED = {"sst2": 3, "mr": 3, "olid": 3, "hatexplain": 3, "imdb": 1}
"""Seeds that train the encoder too, by training set; a seed of reviews takes as long as ten of sentences."""
Cell = Callable[[Encoder], dict[str, Any]]


def planned() -> dict[str, dict[str, Cell]]:
    """Return every experiment's cells, in the order in which they are run."""

    def each(run: Any, name: str, n_seeds: int, **how: Any) -> dict[str, Cell]:
        return {f"{name}.{seed}": functools.partial(run, name=name, seed=seed, **how) for seed in range(n_seeds)}

    return {
        "comparison": each(comparison, "sma", 5) | each(comparison, "hatexplain", 3),
        "ablations": each(ablation, "sma", 3),
        "large": each(comparison, "sma", 3, heads="large")
        | each(comparison, "hatexplain", 1, heads="large")
        | each(comparison, "imdb", 1, heads="large"),
        "generalisation": {
            name: functools.partial(generalisation, name=name, n_seeds=5, n_trained=n) for name, n in N_TRAINED.items()
        },
        "data_size": each(data_size, "sma", 5),
        "imdb": each(comparison, "imdb", 3),
        "padding": {"sma": functools.partial(padding, name="sma", n_seeds=3)},
        "unfrozen": each(unfrozen, "sma", 1),
    }


def run(experiment: str, cells: Mapping[str, Cell], folder: Path, encoder: Encoder) -> None:
    """Run the cells that are not there yet."""
    place = folder / f"{experiment}.json"
    found = json.loads(place.read_text())["cells"] if place.is_file() else {}
    for name, cell in cells.items():
        if name not in found:
            told = circumstances()
            found[name] = cell(encoder) | {"circumstances": told}
            keep(place, {"about": about(encoder), "cells": found})
            print(f"{experiment} {name}: {found[name].get('cpu_seconds', '')} s of CPU", flush=True)


def about(encoder: Encoder) -> dict[str, Any]:
    source = encoder.provenance((encoder.n_layers,))
    return {"encoder": source.encoder, "sha256": source.sha256, "layer": encoder.n_layers, "dtype": source.dtype,
            "max_length": source.max_length}  # fmt: skip


def main(names: list[str] | None = None, folder: Path = HERE / "results") -> None:
    """Run what is missing, and write the page."""
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    folder.mkdir(exist_ok=True)
    encoder = Encoder.from_pretrained(max_length=MAX_LENGTH)
    experiments = planned()
    for name in names or list(experiments):
        run(name, experiments[name], folder, encoder)
        (folder.parent / "results.md").write_text(markdown(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
