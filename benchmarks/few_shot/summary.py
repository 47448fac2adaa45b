"""What the cells say together: means, mean ranks, paired differences with intervals, wall time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

PAIRS = (
    ("prefix simplex", "prefix-tuning"),
    ("prefix simplex", "peft prefix-tuning"),
    ("prefix simplex", "prefix simplex, deterministic"),
    ("prefix simplex", "linear probe"),
    ("space simplex", "space head"),
    ("space simplex", "linear probe"),
    ("space simplex", "prefix simplex"),
    ("space simplex", "fine-tuning"),
    ("prefix simplex", "fine-tuning"),
)


def summarise(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Tables by K; a comparison uses only draws (set, seed) that both methods have run."""
    by_size: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        by_size[cell["K"]].append(cell)
    return {
        "mean_accuracy": {K: means(part) for K, part in sorted(by_size.items())},
        "mean_rank": {K: ranks(part) for K, part in sorted(by_size.items())},
        "paired_accuracy": {K: pairs(part) for K, part in [*sorted(by_size.items()), ("all", list(cells))]},
        "mean_cpu_seconds": {K: seconds(part) for K, part in sorted(by_size.items())},
    }


def draws(cells: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, float]]:
    found: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    for cell in cells:
        found[cell["data"], cell["K"], cell["seed"]][cell["method"]] = cell["test"]["accuracy"]
    return found


def means(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean accuracy by set and method, with the number of seeds."""
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        table[cell["data"]][cell["method"]].append(cell["test"]["accuracy"])
    return {
        data: {m: {"mean": round(float(np.mean(v)), 4), "n_seeds": len(v)} for m, v in row.items()}
        for data, row in table.items()
    }


def ranks(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean rank over the draws that every method has run; 1 is best, ties share."""
    rows = draws(cells)
    methods = sorted({m for row in rows.values() for m in row})
    whole = [row for row in rows.values() if len(row) == len(methods)]
    if not whole:
        return {"n_draws": 0}
    each = np.array([stats.rankdata([-row[m] for m in methods]) for row in whole])
    return {"n_draws": len(whole), **{m: round(float(r), 3) for m, r in zip(methods, each.mean(0), strict=True)}}


def pairs(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean difference in accuracy over draws, and its 95 % t-interval (draws of one set are not quite independent)."""
    rows = draws(cells)
    found: list[dict[str, Any]] = []
    for first, second in PAIRS:
        d = np.array([row[first] - row[second] for row in rows.values() if first in row and second in row])
        if not len(d):
            continue
        half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d)) if len(d) > 1 else np.nan
        interval = None if np.isnan(half) else [round(float(d.mean() - half), 4), round(float(d.mean() + half), 4)]
        found.append(
            {"first": first, "second": second, "n_draws": len(d), "difference": round(float(d.mean()), 4),
             "interval_95": interval, "won": int((d > 0).sum()), "tied": int((d == 0).sum()),
             "lost": int((d < 0).sum())}
        )  # fmt: skip
    return found


def seconds(cells: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean CPU seconds of fitting, all tries together; by the clock a busy machine would count too."""
    each: dict[str, list[float]] = defaultdict(list)
    for cell in cells:
        each[cell["method"]].append(cell["cpu_seconds"])
    return {m: round(float(np.mean(v)), 2) for m, v in sorted(each.items())}
