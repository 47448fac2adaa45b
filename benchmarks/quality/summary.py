"""From cells to one table: mean and spread over seeds, ranks, and paired differences with intervals."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, t

from benchmarks.common import HERE, write
from benchmarks.fine_tuning import CHOSEN, FINE_TUNED

Row = dict[str, Any]
PAGE = HERE.parent / "docs" / "quality.md"
REFIT = "-refit"
"""After the name of a method that learns from the dev texts too in the end: shown, and not compared with the others."""

SECOND = "-mpnet"
"""After the name of a method on the second encoder, all-mpnet-base-v2."""

MEASURES = {"single": ("accuracy", "macro_f1"), "multi": ("micro_f1", "macro_f1"), "regression": ("pearson", "r2")}


def summarise(cells: Path, config: dict[str, Any]) -> None:
    """Write `quality.json` and the page."""
    found = [json.loads(path.read_text()) for path in sorted(cells.glob("*.json"))]
    sets = [name for name in config["sets"] if any(c["set"] == name for c in found)]
    methods = [m for m in config["methods"] if m != "auto" and any(c["method"] == m for c in found)]
    shown = [row for name in sets for m in methods if (row := over_seeds(found, name, m)) is not None]
    methods = [m for m in methods if not m.endswith(REFIT)]
    rows = [row for row in shown if row["method"] in methods]
    # what trains the encoder, or reads another one, is compared and not ranked
    frozen = [m for m in methods if m not in (FINE_TUNED, CHOSEN) and not m.endswith(SECOND)]
    summary = {
        "what": "test scores, means over seeds; ranks by the second measure of a set; differences are paired by set",
        "rows": shown,
        "mean_rank": mean_ranks(rows, sets, frozen),
        "differences": differences(rows, sets, methods),
        "auto": [
            chosen(rows, cell) for name in sets for cell in found if (cell["set"], cell["method"]) == (name, "auto")
        ],
        "machines": sorted({c["circumstances"]["cpu"] for c in found}),
        "versions": found[-1]["circumstances"]["versions"] if found else {},
    }
    write("quality", summary)
    PAGE.write_text(page(summary))


def over_seeds(cells: Iterable[Row], name: str, method: str) -> Row | None:
    """Return the mean and spread of a method on a set, or None where it was not run."""
    own = [c for c in cells if c["set"] == name and c["method"] == method]
    if not own:
        return None
    kind = next((k for k in ("multi", "regression") if MEASURES[k][0] in own[0]["test"]), "single")
    first, second = MEASURES[kind]
    values = {m: [c["test"][m] for c in own] for m in (first, second)}
    return {
        "set": name, "method": method, "kind": kind, "n_train": own[0]["n_train"], "n_test": own[0]["n_test"],
        "seeds": len(own), "measures": [first, second],
        "mean": [float(np.mean(values[m])) for m in (first, second)],
        "std": [float(np.std(values[m], ddof=1)) if len(own) > 1 else None for m in (first, second)],
        "majority": [own[0]["majority"].get(m) for m in (first, second)],
        "ece": _mean([c["ece"] for c in own if c.get("ece") is not None]),
        "fit_cpu_seconds": _mean([c["fit_cpu_seconds"] for c in own if "fit_cpu_seconds" in c]),
        "model_bytes": _mean([c["model_bytes"] for c in own if "model_bytes" in c]),
    }  # fmt: skip


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def mean_ranks(rows: list[Row], sets: list[str], methods: list[str]) -> dict[str, float]:
    """Return mean ranks over the sets that all ran on, of the methods that half of the sets have; 1 is best."""
    ranks: list[Any] = []
    ran = {m: sum(r["method"] == m for r in rows) for m in methods}
    methods = [m for m in methods if 2 * ran[m] >= len(sets)]
    for name in sets:
        scores = {r["method"]: r["mean"][1] for r in rows if r["set"] == name}
        if set(methods) <= set(scores):
            ranks.append(rankdata([-scores[m] for m in methods]))
    return dict(zip(methods, np.mean(ranks, 0).tolist(), strict=True)) if ranks else {}


def differences(rows: list[Row], sets: list[str], methods: list[str]) -> list[Row]:
    """Return, for every pair of methods, the mean difference over sets with a 95 % t interval."""
    found: list[Row] = []
    for i, better in enumerate(methods):
        for other in methods[:i]:
            for place in (0, 1):
                pairs = [_pair(rows, name, better, other, place) for name in sets]
                gaps = np.array([gap for gap in pairs if gap is not None])
                if len(gaps) > 1:
                    half = float(t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps)))
                    middle = float(gaps.mean())
                    found.append({
                        "method": better, "against": other, "measure": ("first", "second")[place], "sets": len(gaps),
                        "mean": middle, "interval": [middle - half, middle + half], "wins": int((gaps > 0).sum()),
                    })  # fmt: skip
    return found


def chosen(rows: list[Row], cell: Row) -> Row:
    """Set what ``auto`` came to beside the best method but TF-IDF, in a set's two measures."""
    own = [r for r in rows if r["set"] == cell["set"] and r["method"] not in ("tfidf_svm", FINE_TUNED, CHOSEN)]
    own = [r for r in own if not r["method"].endswith(SECOND)]
    measures = own[0]["measures"]
    best = [max(r["mean"][place] for r in own) for place in (0, 1)]
    scores = [cell["test"][m] for m in measures]
    choice = cell["choice"]
    return {
        "set": cell["set"], "method": choice["method"], "seconds": choice["seconds"], "budget": choice["budget"],
        "measures": measures, "scores": scores, "best": best,
        "points behind the best": [100 * (b - s) for b, s in zip(best, scores, strict=True)],
    }  # fmt: skip


def _pair(rows: list[Row], name: str, better: str, other: str, place: int) -> float | None:
    scores = {r["method"]: r["mean"][place] for r in rows if r["set"] == name}
    return scores[better] - scores[other] if better in scores and other in scores else None


ABOUT = """# Quality

This page is generated by `python -m benchmarks quality` from `benchmarks/results/quality/*.json`. The encoder is
the default one, frozen, unless the method's name says otherwise. Everything is chosen on dev; test is scored once.
There are two measures per set: accuracy and macro-F1; for several labels per text, micro- and macro-F1; for
numbers, Pearson's correlation and R2. The standard deviation over seeds is in brackets. ECE is the expected
calibration error.

- Names that end in `-refit`: the model learnt from the dev texts too, after they had been used to choose. These
  names are left out of ranks and differences.
- Names that end in `-lexicon`: the probe with word scores beside it, as spaces and the names in `-top` have by
  default.
- Names that end in `-top`: the encoder's upper layers were trained too.
- Names that end in `-mpnet`: the encoder is all-mpnet-base-v2, frozen, as its folder comes. It has 12 layers of
  width 768 and needs about eight times the computation per text. On 20newsgroups and imdb it was run from features
  in eight bits. These names are left out of ranks.
- `fine-tuned`: the encoder trained whole under a linear layer (AdamW, 5e-5, batches of 32, three epochs). It shows
  what the frozen methods save, and at what cost. `fine-tuned-chosen` uses 1e-4 where that is better on dev. Both
  are left out of ranks."""

SUITE = """Mean ranks are by the second measure, over the sets that all these methods were run on; 1 is best.
Differences are paired by set, with a t interval over the sets."""

AUTO = """The method was chosen after encoding, within the budget in seconds, in rounds on at most 4,000 training
texts. It was then fitted once on all training texts, with seed 0. The best scores beside it are the best
means of the methods above on the default encoder, without TF-IDF, without the encoder trained whole, and
without names in `-refit`."""


def page(summary: Row) -> str:
    """Draw the page."""
    lines = [
        ABOUT, "",
        "| set | train | test | method | seeds | first | second | majority | ECE | fit, CPU s | size, kB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    lines += [_line(row) for row in summary["rows"]]
    lines += ["", "## Over the suite", "", SUITE, "", "| method | mean rank |", "| --- | --- |"]
    lines += [f"| {m} | {r:.2f} |" for m, r in summary["mean_rank"].items()]
    lines += ["", "| method | against | measure | sets | mean difference | 95 % interval | wins |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {d['method']} | {d['against']} | {d['measure']} | {d['sets']} | {d['mean']:+.4f} | "
        f"{d['interval'][0]:+.4f} to {d['interval'][1]:+.4f} | {d['wins']} |"
        for d in summary["differences"]
    ]
    if summary["auto"]:
        lines += [
            "", "## What `--method auto` comes to", "",
            AUTO, "",
            "| set | chosen | seconds (budget) | first | second | best, first | best, second | points behind |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]  # fmt: skip
        lines += [
            f"| {a['set']} | {a['method']} | {a['seconds']:.0f} ({a['budget']:.0f}) | {a['scores'][0]:.4f} | "
            f"{a['scores'][1]:.4f} | {a['best'][0]:.4f} | {a['best'][1]:.4f} | "
            f"{a['points behind the best'][0]:+.1f} / {a['points behind the best'][1]:+.1f} |"
            for a in summary["auto"]
        ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    scores = [
        f"{m:.4f}" + (f" ({s:.4f})" if s is not None else "") for m, s in zip(row["mean"], row["std"], strict=True)
    ]
    majority = " / ".join("-" if m is None else f"{m:.3f}" for m in row["majority"])
    size = "-" if row["model_bytes"] is None else f"{row['model_bytes'] / 1000:,.0f}"
    fit = "-" if row["fit_cpu_seconds"] is None else f"{row['fit_cpu_seconds']:.1f}"
    ece = "-" if row["ece"] is None else f"{row['ece']:.3f}"
    return (
        f"| {row['set']} | {row['n_train']:,} | {row['n_test']:,} | {row['method']} | {row['seeds']} | "
        f"{' | '.join(scores)} | {majority} | {ece} | {fit} | {size} |"
    )
