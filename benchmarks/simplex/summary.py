"""What the draws say together: means, and paired differences with intervals, at home, elsewhere, and by K."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

PLAIN = {"lora": "one lora", "prefix": "one prefix"}
"""What a variant is compared with, by the first letters of its name; else with one head."""
N_RESAMPLES = 2_000
Array = np.ndarray[Any, Any]
Row = dict[str, float | None]
Rows = dict[tuple[str, int, int, str], dict[str, Row]]


def summarise(draws: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means and differences over the draws; those of a set share test texts, so sets are resampled first."""
    home, elsewhere = rows_of(draws, lambda draw, test: test == draw["data"]), rows_of(
        draws, lambda draw, test: test != draw["data"]
    )  # fmt: skip
    sizes = sorted({draw["K"] for draw in draws})
    by_size = {K: {key: row for key, row in home.items() if key[1] == K} for K in sizes}
    return {
        "home": compared(home),
        "elsewhere": compared(elsewhere) if elsewhere else {},
        "by_K": {K: compared(rows) for K, rows in by_size.items()},
        "flatness": flatness(draws),
    }


def rows_of(draws: list[dict[str, Any]], wanted: Callable[[dict[str, Any], str], bool]) -> Rows:
    """Return scores by draw and test, and by variant; those without a temperature end with ``_raw``."""
    found: Rows = defaultdict(dict)
    for draw in draws:
        for variant in draw["variants"]:
            for test, told in variant["tests"].items():
                if wanted(draw, test):
                    raw = {f"{name}_raw": told["raw"][name] for name in ("log_loss", "brier", "ece")}
                    mutual = {"mutual_auroc": told["mutual_auroc"]} if "mutual_auroc" in told else {}
                    key = (draw["data"], draw["K"], draw["seed"], test)
                    found[key][variant["name"]] = {**told["scaled"], **raw, **mutual}
    return dict(found)


def compared(rows: Rows) -> dict[str, Any]:
    """Return for every variant its mean scores, and how much they are above those of the plain thing."""
    found: dict[str, Any] = {"n_draws": len(rows), "n_sets": len({key[0] for key in rows})}
    weights = resamples([key[0] for key in rows])
    for name in dict.fromkeys(name for row in rows.values() for name in row):
        plain = next((base for first, base in PLAIN.items() if name.startswith((first, base))), "one head")
        scores = dict.fromkeys(score for row in rows.values() for score in row[name])
        found[name] = {score: against(rows, name, plain, score, weights) for score in scores}
    return found


def against(rows: Rows, name: str, plain: str, score: str, weights: Array) -> dict[str, Any]:
    """Return a score's mean, and its paired difference from the plain thing's with a 95 % interval."""
    here = numbers(row[name][score] for row in rows.values())
    told: dict[str, Any] = {"mean": float(np.nanmean(here))}
    if name == plain:
        return told
    differences = here - numbers(row[plain][score.replace("mutual", "error")] for row in rows.values())
    known = ~np.isnan(differences)
    means = weights @ np.where(known, differences, 0) / np.maximum(weights @ known, 1)
    return told | {
        "difference": float(differences[known].mean()),
        "interval": np.quantile(means, (0.025, 0.975)).tolist(),
        "better": int((differences[known] > 0).sum()),
        "worse": int((differences[known] < 0).sum()),
    }


def resamples(sets: list[str]) -> Array:
    """Return how often every draw is drawn ``(resample, draw)``: sets are drawn first, then the draws in each."""
    generator, places = np.random.default_rng(0), np.array(sets)
    of_set = [np.flatnonzero(places == name) for name in dict.fromkeys(sets)]
    counts = np.zeros((N_RESAMPLES, len(sets)))
    for row in counts:
        for i in generator.integers(len(of_set), size=len(of_set)):
            np.add.at(row, generator.choice(of_set[i], len(of_set[i])), 1)
    return counts


def numbers(values: Iterable[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def flatness(draws: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return by how much the log loss (without a temperature) rises away from a head, the mean over draws."""
    found: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for draw in draws:
        for variant in draw["variants"]:
            at = variant["tests"][draw["data"]]["raw"]["log_loss"]
            for way, losses in variant.get("flatness", {}).items():
                for step, loss in losses.items():
                    found[way][variant["name"]][step].append(loss - at)
    return {
        way: {name: {step: float(np.mean(each)) for step, each in steps.items()} for name, steps in variants.items()}
        for way, variants in found.items()
    }
