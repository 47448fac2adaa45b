"""What the measurements share: the data, the machine they ran on, and writing a result."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

from spacetune import LabelledTexts, read_texts
from spacetune.encoders.loading.machine import describe_machine

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DATA = HERE.parents[1] / "shared" / "data"
PACKAGES = ("spacetune", "torch", "transformers", "scikit-learn", "numpy", "sentence-transformers", "captum")


def split(name: str, part: str) -> LabelledTexts:
    return read_texts(DATA / name / f"{part}.jsonl.gz")


def circumstances() -> dict[str, Any]:
    versions: dict[str, str] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "machine": describe_machine(),
        "versions": versions,
    }


def take_up(kept: dict[Path, dict[str, Any]]) -> None:
    """Write the cells of a kept result that are not there yet, so that another checkout goes on from it."""
    for file, found in kept.items():
        if not file.exists():
            write_cell(file, found)


def write_cell(file: Path, found: dict[str, Any]) -> None:
    """Write one cell of a long measurement, whole or not at all."""
    unfinished = file.with_suffix(".writing")
    unfinished.write_text(json.dumps(found, indent=1) + "\n")
    unfinished.rename(file)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def write(name: str, result: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"wrote {path.relative_to(HERE.parent)}", flush=True)
