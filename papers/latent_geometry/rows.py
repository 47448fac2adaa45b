"""The authors' result files as arrays: 16 quantizer and 3 spread measures, perturbation, GLUE average."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PUBLISHED = HERE.resolve().parents[1].parent / "shared" / "golden" / "geometry" / "published"
COLUMNS = {
    f"{prefix.upper()}Q-{label}": f"{prefix}-{column}"
    for prefix in "pa"
    for label, column in {
        "RE": "error", "RI": "iqr", "RS": "skew", "PC_var": "count_var", "PC_kl": "count_kl",
        "CD_var": "centroids", "PD_EEE": "point_dist", "PP": "patchiness",
    }.items()
} | {name: name for name in ("EEE", "VRM", "IsoScore")}  # fmt: skip


@dataclass(frozen=True)
class Models:
    """Measures of one family of models, missing values as NaN."""

    names: tuple[str, ...]
    measures: dict[str, np.ndarray]
    glue: np.ndarray
    alpha: np.ndarray
    family: tuple[str, ...]

    def complete(self, *columns: str) -> np.ndarray:
        """Return the rows that have these measures."""
        return np.all([np.isfinite(self.measures[name]) for name in columns], axis=0)


def _number(text: str | None) -> float:
    return float(text) if text else np.nan


def read_models(file: str, family: str, glue: str, folder: Path = PUBLISHED) -> Models:
    """Read one result file; rows without any measure are dropped."""
    with (folder / file).open() as lines:
        rows = list(csv.DictReader(lines))
    rows = [row for row in rows if row["a-patchiness"]]
    names = tuple(row.get("model") or row.get("") or "" for row in rows)
    measures = {name: np.array([_number(row[column]) for row in rows]) for name, column in COLUMNS.items()}
    alpha = np.array([_number(row.get("alpha")) for row in rows])
    return Models(names, measures, np.array([float(row[glue]) for row in rows]), alpha, (family,) * len(rows))


def read_all(folder: Path = PUBLISHED) -> dict[str, Models]:
    """Read the three perturbed families and the 13 non-standard models."""
    found = {
        "small": read_models("bert_small.csv", "bert-small", "new_average", folder),
        "base": read_models("bert_base.csv", "bert-base", "average", folder),
        "roberta": read_models("roberta_base.csv", "roberta", "average", folder),
        "non-standard": read_models("non_standard.csv", "", "glue_average", folder),
    }
    exported = read_export(folder)
    other = found["non-standard"]
    families = tuple(str(exported[name]["type"]) for name in other.names)
    found["non-standard"] = Models(other.names, other.measures, other.glue, other.alpha, families)
    return found


def read_export(folder: Path = PUBLISHED) -> dict[str, dict[str, str]]:
    """Read the authors' own predictions by model name."""
    with (folder / "regression_export.csv").open() as lines:
        return {row["model"]: row for row in csv.DictReader(lines)}


def glue_without_wnli(models: Models) -> np.ndarray:
    """Return the bert-base averages over the eight tasks that the other families use."""
    values = json.loads((HERE / "published.json").read_text())["bert-base GLUE without WNLI"]
    return np.array([values[name] for name in models.names])
