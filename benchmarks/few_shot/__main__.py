"""Run the few-shot comparison: `python -m benchmarks.few_shot table.json`, or another configuration beside this file.

Every cell (data set, K, seed, method) is one JSON file in `cells/<configuration>/`; a cell that is there is not run
again, so the run can be stopped and gone on with at any time. `--minutes 30` stops before the first cell that starts
later than that; `--merge` only writes the summary, which every run does at its end.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import RESULTS, circumstances, take_up, write, write_cell
from benchmarks.few_shot.cells import Cell, cells_of, run_cell
from benchmarks.few_shot.page import draw_page
from benchmarks.few_shot.summary import summarise
from spacetune import Encoder

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few_shot", description=__doc__)
    parser.add_argument("config", help="a JSON file beside this one")
    parser.add_argument("--minutes", type=float, help="start no cell after so many minutes")
    parser.add_argument("--peers-python", help="a Python that has setfit; without it cells of SetFit are left out")
    parser.add_argument("--merge", action="store_true", help="run nothing, write the summary of what is there")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    config: dict[str, Any] = json.loads((HERE / options.config).read_text())
    name = Path(options.config).stem
    folder = HERE / "cells" / name
    folder.mkdir(parents=True, exist_ok=True)
    cells = cells_of(config)
    result = RESULTS / f"few_shot_{name}.json"
    kept = json.loads(result.read_text())["cells"] if result.exists() else []
    take_up({Cell(c["data"], c["K"], c["seed"], c["method"]).file(folder): c for c in kept})
    config["shared"]["peers_python"] = options.peers_python
    if not options.merge:
        run(cells, config, folder, options.minutes)
    del config["shared"]["peers_python"]
    done = [json.loads(cell.file(folder).read_text()) for cell in cells if cell.file(folder).exists()]
    found = {"what": __doc__, **circumstances(), "threads": torch.get_num_threads(), "config": config}
    summary = summarise(done)
    found |= {"wanted": len(cells), "done": len(done), **summary, "cells": done}
    write(f"few_shot_{name}", found)
    if name == "table":
        draw_page(json.loads(json.dumps(found)))


def run(cells: list[Cell], config: dict[str, Any], folder: Path, minutes: float | None) -> None:
    encoder = Encoder.from_pretrained(config.get("encoder"), dtype="float32", max_length=config.get("max_length"))
    began = time.monotonic()
    for cell in cells:
        file = cell.file(folder)
        if file.exists() or (cell.method == "setfit" and not config["shared"]["peers_python"]):
            continue
        if minutes is not None and time.monotonic() - began > 60 * minutes:
            print("time is up", flush=True)
            return
        try:
            found = run_cell(cell, config, encoder)
        except Exception:
            print(cell, traceback.format_exc(), flush=True)
            continue
        write_cell(file, found)
        print(cell.name, f"accuracy {found['test']['accuracy']:.4f}, {found['seconds']:.1f} s", flush=True)


if __name__ == "__main__":
    main()
