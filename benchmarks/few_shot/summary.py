"""What the cells say together: means, mean ranks, paired differences with intervals, wall time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.few_shot.methods import REFITTED

FROZEN = ("linear probe", "space head", "space simplex")
PREFIXED = (*FROZEN, "prefix-tuning", "prefix simplex", "prefix simplex, deterministic")
FROM_ALL = tuple(name + REFITTED for name in (*FROZEN, "prefix simplex"))
PAIRS = (
    ("prefix simplex", "prefix-tuning"),
    ("prefix simplex", "prefix simplex, deterministic"),
    ("prefix simplex, deterministic", "prefix-tuning"),
    ("prefix simplex", "linear probe"),
    ("space head", "linear probe"),
    ("space simplex", "space head"),
    ("space simplex", "linear probe"),
    ("space simplex", "prefix simplex"),
    ("space simplex", "prefix-tuning"),
    ("space simplex", "lora"),
    ("space simplex", "fine-tuning"),
    ("prefix simplex", "lora"),
    ("prefix simplex", "fine-tuning"),
    ("prefix simplex", "lora simplex"),
    ("prefix simplex", "peft prefix-tuning"),
    *((name + REFITTED, name) for name in (*FROZEN, "prefix simplex")),
    *((name, FROM_ALL[0]) for name in FROM_ALL[1:]),
    *((name, "setfit") for name in FROM_ALL),
)
GROUPS = {
    "on the frozen encoder": FROZEN,
    "on the frozen encoder, learnt from all K texts": FROM_ALL[:3],
    "with prefixes": PREFIXED,
    "with adapters": (*PREFIXED, "lora"),
    "with the encoder trained too": (*PREFIXED, "lora", "fine-tuning"),
    "learnt from all K texts, with SetFit": (*FROM_ALL, "setfit"),
}
"""Methods that are ranked together: slow ones have run on fewer draws, and a rank needs draws that all have run."""


def summarise(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Tables by K; a comparison uses only draws (set, seed) that all its methods have run."""
    by_size: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        by_size[cell["K"]].append(cell)
    sizes = sorted(by_size.items())
    together = {name: {K: whole(part, methods) for K, part in sizes} for name, methods in GROUPS.items()}
    return {
        "groups": {
            name: {K: {"accuracy": means(rows), "mean_rank": ranks(rows)} for K, rows in each.items() if rows}
            for name, each in together.items()
        },
        "paired_accuracy": {K: pairs(part) for K, part in [*sizes, ("all", list(cells))]},
        "mean_cpu_seconds": {K: seconds(part) for K, part in sizes},
    }


Draws = dict[tuple[Any, ...], dict[str, float]]


def whole(cells: Sequence[dict[str, Any]], methods: Sequence[str]) -> Draws:
    """Return accuracies of the draws that all these methods have run."""
    found = draws([cell for cell in cells if cell["method"] in methods])
    return {draw: {m: row[m] for m in methods} for draw, row in found.items() if len(row) == len(methods)}


def draws(cells: Sequence[dict[str, Any]]) -> Draws:
    """Return accuracies by draw and method."""
    found: Draws = defaultdict(dict)
    for cell in cells:
        found[cell["data"], cell["K"], cell["seed"]][cell["method"]] = cell["test"]["accuracy"]
    return found


def means(rows: Draws) -> dict[str, Any]:
    """Return mean accuracy by set and method, with the number of draws."""
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (data, _, _), row in rows.items():
        for method, accuracy in row.items():
            table[data][method].append(accuracy)
    return {
        data: {"n_draws": len(next(iter(each.values()))), **{m: round(float(np.mean(v)), 4) for m, v in each.items()}}
        for data, each in table.items()
    }


def ranks(rows: Draws) -> dict[str, Any]:
    """Return every method's mean rank; 1 is best, ties share."""
    methods = list(next(iter(rows.values())))
    each = np.array([stats.rankdata([-row[m] for m in methods]) for row in rows.values()])
    return {"n_draws": len(rows), **{m: round(float(r), 3) for m, r in zip(methods, each.mean(0), strict=True)}}


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
