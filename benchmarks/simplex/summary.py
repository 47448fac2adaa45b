"""What the draws say together: means, and paired differences with intervals, at home, elsewhere, and by K."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

PLAIN = {"lora": "one lora", "prefix": "one prefix"}
"""What a variant is compared with, by the first letters of its name; else with one head."""
N_RESAMPLES = 2_000
Row = dict[str, float]
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
    names = dict.fromkeys(name for row in rows.values() for name in row)
    for name in names:
        plain = next((base for first, base in PLAIN.items() if name.startswith((first, base))), "one head")
        scores = dict.fromkeys(score for row in rows.values() for score in row.get(name, {}))
        found[name] = {score: against(rows, name, plain, score) for score in scores}
    return found


def against(rows: Rows, name: str, plain: str, score: str) -> dict[str, Any]:
    """Return a score's mean, and its paired difference from the plain thing's with a 95 % interval."""
    values = [row[name][score] for row in rows.values() if row[name].get(score) is not None]
    by_set: dict[str, list[float]] = defaultdict(list)
    for key, row in rows.items():
        here, there = row[name].get(score), row[plain].get(score.replace("mutual", "error"))
        if here is not None and there is not None and name != plain:
            by_set[key[0]].append(here - there)
    told: dict[str, Any] = {"mean": rounded(np.mean(values)) if values else None}
    if by_set:
        every = np.concatenate([np.array(each) for each in by_set.values()])
        told |= {"difference": rounded(every.mean()), "interval": interval(list(by_set.values())),
                 "better": int((every > 0).sum()), "worse": int((every < 0).sum())}  # fmt: skip
    return told


def interval(by_set: list[list[float]]) -> list[float]:
    """Return the 95 % interval of the mean by resampling sets, and draws within each."""
    generator = np.random.default_rng(0)
    means: list[float] = []
    for _ in range(N_RESAMPLES):
        sets = [np.array(by_set[i]) for i in generator.integers(len(by_set), size=len(by_set))]
        means.append(np.concatenate([generator.choice(each, len(each)) for each in sets]).mean())
    return [rounded(end) for end in np.quantile(means, (0.025, 0.975))]


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
        way: {name: {step: rounded(np.mean(each)) for step, each in steps.items()} for name, steps in variants.items()}
        for way, variants in found.items()
    }


def rounded(value: Any) -> float:
    return round(float(value), 5)
