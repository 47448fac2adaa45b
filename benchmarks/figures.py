"""Figures in documents, drawn from results: `python -m benchmarks.figures` writes each before its mark.

A mark is a comment right behind a figure: `714<!-- demo-kb -->`. Its name stands in `FIGURES`, which says what of which
file under `benchmarks/results` it is. A test compares every marked figure with its result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, partial
from statistics import mean, stdev
from typing import Any

from scipy.stats import t

from benchmarks.common import HERE, RESULTS

ROOT = HERE.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
MARKED = re.compile(r"(?P<figure>[-+.,\d]*\d)(?P<mark><!-- (?P<name>[\w-]+) -->)")


def main() -> None:
    for page in PAGES:
        written = page.read_text(encoding="utf-8")
        drawn = MARKED.sub(lambda found: figure(found["name"]) + found["mark"], written)
        if drawn != written:
            page.write_text(drawn, encoding="utf-8")
            print(f"wrote {page.relative_to(ROOT)}")


def figure(name: str) -> str:
    return FIGURES[name]()


@cache
def result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def short(value: float, digits: int) -> str:
    """Write a number as the pages do: without the zero before the point, and without a sign where it is 0."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def demo(method: str, split: str, measure: str) -> float:
    return result("demo")["scores"][f"{method}, {split}"][measure]


def texts_ahead(split: str) -> str:
    """Return by how many texts the demo's Space Model is ahead of the probe."""
    row = result("demo")["scores"][f"space, {split}"]
    return str(round(row["n"] * (row["accuracy"] - demo("linear probe", split, "accuracy"))))


def quality(data: str, method: str) -> dict[str, Any]:
    rows = result("quality")["rows"]
    return next(row for row in rows if (row["set"], row["method"]) == (data, method))


def predicted() -> float:
    """Return the tokens a second of `predict` in bulk."""
    return result("speed")["predict"]["bulk"]["rows"]["predict"]["tokens_per_second"]


def first(data: str, method: str) -> str:
    return short(quality(data, method)["mean"][0], 3)


def seconds(data: str, method: str) -> str:
    return f"{quality(data, method)['fit_cpu_seconds']:,.0f}"


def difference(method: str, against: str, measure: str) -> dict[str, Any]:
    wanted = (method, against, measure)
    rows = result("quality")["differences"]
    return next(row for row in rows if (row["method"], row["against"], row["measure"]) == wanted)


def points(method: str, against: str, measure: str, part: int | None = None) -> str:
    row = difference(method, against, measure)
    return short(100 * (row["mean"] if part is None else row["interval"][part]), 1)


PAIRS = ("rte", "mrpc", "stsb", "qqp")
"""Sets of two texts, which are read apart."""


def leads(measure: int, *, pairs: bool = False) -> list[float]:
    """Return by how many points spaces lead the probe on every set of single texts, or of pairs."""
    run = [row["set"] for row in result("quality")["rows"] if row["method"] == "space"]
    sets = [name for name in run if (name in PAIRS) == pairs]
    return [100 * (quality(s, "space")["mean"][measure] - quality(s, "probe")["mean"][measure]) for s in sets]


def lead(measure: int, side: int = 0) -> str:
    """Return the mean of these leads, or (side -1, 1) an end of its 95 % t interval over the sets."""
    each = leads(measure)
    half = t.ppf(0.975, len(each) - 1) * stdev(each) / len(each) ** 0.5
    return short(mean(each) + side * half, 1)


def tuned() -> list[str]:
    return [row["set"] for row in result("quality")["rows"] if row["method"] == "fine-tuned"]


def tuning_costs() -> list[float]:
    """Return how many times the head's CPU time fine-tuning takes, set by set of single texts.

    Of pairs the two ran on unlike machines.
    """
    sets = [s for s in tuned() if s not in PAIRS]
    return [quality(s, "fine-tuned")["fit_cpu_seconds"] / quality(s, "space")["fit_cpu_seconds"] for s in sets]


def head_megabytes() -> list[float]:
    return [quality(data, "space")["model_bytes"] / 1e6 for data in tuned()]


COMPARED = ("sma", "cola", "mr", "hatexplain")
"""Sets of single texts on which all four methods of the README's table were run."""


def setfit_costs(method: str) -> str:
    """Return how many times a method's CPU time SetFit takes at 50 texts, over the draws that both have run."""
    times: dict[tuple[str, int], dict[str, float]] = {}
    for cell in result("few_shot_table")["cells"]:
        if cell["K"] == 50:
            times.setdefault((cell["data"], cell["seed"]), {})[cell["method"]] = cell["cpu_seconds"]
    both = [row for row in times.values() if "setfit" in row and method in row]
    return f"{sum(row['setfit'] for row in both) / sum(row[method] for row in both):.0f}"


def refitted(part: int | None = None) -> str:
    rows = result("few_shot_table")["paired_accuracy"]["all"]
    wanted = ("space simplex (refitted)", "linear probe (refitted)")
    row = next(row for row in rows if (row["first"], row["second"]) == wanted)
    return short(100 * (row["difference"] if part is None else row["interval_95"][part]), 1)


def official(name: str) -> float:
    return result("geometry")["official set"][name]["whole set"]


def additive_training() -> float:
    seconds = result("geometry")["official set"]["processor seconds, best of three"]
    return seconds["additive quantizer, training"]


SPOILT, MISTAKES = ("sma", "subj", "hatexplain", "banking77", "goemotions"), ("found", "precision", "first")
SUGGESTED = ("sst2", "subj", "mr", "olid", "hatexplain", "banking77", "sma")


def mistakes(data: str, what: str) -> str:
    """Return a share of the replaced labels, or of a list of likely label errors, in per cent."""
    return f"{100 * result('label_errors')['means'][data][what]:.0f}"


def needed(data: str, measure: str) -> str:
    """Return the number of suggested labels that reach the score of 300 random ones."""
    row = next(row for row in result("suggesting")["rows"] if row["set"] == data)
    return f"{row['needed'][measure]:.0f}"


WORTH = {
    "head-simplex": ("heads", "home", "simplex of 6", "accuracy"),
    "head-three-loss": ("heads", "home", "simplex of 3", "log_loss"),
    "head-ensemble": ("heads", "home", "ensemble of 6", "accuracy"),
    "head-ensemble-errors": ("heads", "home", "ensemble of 6", "error_auroc"),
    "head-ensemble-loss": ("heads", "home", "ensemble of 6", "log_loss"),
    "away-simplex": ("heads", "elsewhere", "simplex of 6", "accuracy"),
    "away-ensemble": ("heads", "elsewhere", "ensemble of 6", "accuracy"),
    "away-soup": ("heads", "elsewhere", "soup of 6", "accuracy"),
    "prefix-simplex": ("adapters", "home", "prefix simplex of 6", "accuracy"),
    "prefix-simplex-loss": ("adapters", "home", "prefix simplex of 6", "log_loss"),
    "prefix-simplex-ece": ("adapters", "home", "prefix simplex of 6", "ece"),
    "prefix-simplex-errors": ("adapters", "home", "prefix simplex of 6", "error_auroc"),
    "prefix-simplex-risk": ("adapters", "home", "prefix simplex of 6", "aurc"),
    "full-simplex": ("full", "home", "simplex of 6", "log_loss"),
    "full-later": ("full", "home", "mean of later epochs", "log_loss"),
    "full-ensemble": ("full", "home", "ensemble of 6", "log_loss"),
    "lora-simplex": ("adapters", "home", "lora simplex of 6", "accuracy"),
    "lora-simplex-ece": ("adapters", "home", "lora simplex of 6", "ece"),
    "lora-simplex-loss": ("adapters", "home", "lora simplex of 6", "log_loss"),
}
"""What a simplex is worth: which result, part, variant and score."""


def worth(name: str, end: int | None = None) -> str:
    """Return such a difference in hundredths, or an end of its interval."""
    kind, part, variant, score = WORTH[name]
    found = result(f"simplex_{kind}")[part][variant][score]
    return short(100 * (found["difference"] if end is None else found["interval"][end]), 1)


def doubted(score: str) -> str:
    return short(result("simplex_heads")["home"]["simplex of 6, 20 points"][score]["mean"], 2)


SCRIPT = "official script, processor seconds, best of three"
FIGURES: dict[str, Callable[[], str]] = {
    "demo-kb": lambda: f"{result('demo')['tensors_kb']:.0f}",
    "demo-ece-dev": lambda: short(demo("space", "dev", "ece"), 3),
    "demo-ece-test": lambda: short(demo("space", "test", "ece"), 3),
    "demo-texts-ahead-test": lambda: texts_ahead("test"),
    "demo-texts-ahead-dev": lambda: texts_ahead("dev"),
    "sets": lambda: str(len(leads(0))),
    "sets-ahead": lambda: str(sum(each > 0 for each in leads(0))),
    "ahead-first": lambda: lead(0),
    "ahead-first-least": lambda: lead(0, -1),
    "ahead-first-most": lambda: lead(0, 1),
    "ahead-second": lambda: lead(1),
    "ahead-second-least": lambda: lead(1, -1),
    "ahead-second-most": lambda: lead(1, 1),
    "pairs": lambda: str(len(leads(0, pairs=True))),
    "pairs-ahead-least": lambda: short(min(leads(0, pairs=True)), 1),
    "pairs-ahead-most": lambda: short(max(leads(0, pairs=True)), 1),
    **{
        f"{data}-{method}": partial(first, data, method)
        for data in COMPARED
        for method in ("tfidf_svm", "probe", "space", "probe-top", "fine-tuned", "space-mpnet")
    },
    "wide-ahead": lambda: points("space-mpnet", "probe-mpnet", "first"),
    "wide-ahead-least": lambda: points("space-mpnet", "probe-mpnet", "first", 0),
    "wide-ahead-most": lambda: points("space-mpnet", "probe-mpnet", "first", 1),
    **{
        f"{data}-{method}-seconds": partial(seconds, data, method)
        for data in COMPARED
        for method in ("space", "fine-tuned")
    },
    "imdb-space": lambda: short(quality("imdb", "space")["mean"][0], 3),
    "imdb-tfidf": lambda: short(quality("imdb", "tfidf_svm")["mean"][0], 3),
    "tuned-ahead": lambda: points("fine-tuned", "space", "first"),
    "tuned-ahead-least": lambda: points("fine-tuned", "space", "first", 0),
    "tuned-ahead-most": lambda: points("fine-tuned", "space", "first", 1),
    "tuned-cost-least": lambda: f"{min(tuning_costs()):.0f}",
    "tuned-cost-most": lambda: f"{max(tuning_costs()):.0f}",
    "memory-before": lambda: f"{result('speed')['memory']['rows'][0]['before_mb']:.0f}",
    "top-ahead": lambda: points("probe-top", "fine-tuned", "first"),
    "top-ahead-least": lambda: points("probe-top", "fine-tuned", "first", 0),
    "top-ahead-most": lambda: points("probe-top", "fine-tuned", "first", 1),
    "top-chosen": lambda: points("probe-top", "fine-tuned-chosen", "first"),
    "top-chosen-least": lambda: points("probe-top", "fine-tuned-chosen", "first", 0),
    "top-chosen-most": lambda: points("probe-top", "fine-tuned-chosen", "first", 1),
    "tuned-mb": lambda: f"{quality('sma', 'fine-tuned')['model_bytes'] / 1e6:.0f}",
    "head-mb-least": lambda: short(min(head_megabytes()), 1),
    "head-mb-most": lambda: short(max(head_megabytes()), 1),
    "refitted-ahead": refitted,
    "refitted-ahead-least": lambda: refitted(0),
    "refitted-ahead-most": lambda: refitted(1),
    "setfit-over-simplex": lambda: setfit_costs("space simplex (refitted)"),
    "setfit-over-probe": lambda: setfit_costs("linear probe (refitted)"),
    "geometry-script": lambda: f"{official(SCRIPT):.1f}",
    "geometry-training": lambda: f"{additive_training():.1f}",
    "geometry-bound": lambda: f"{official(SCRIPT) / additive_training():.1f}",
    "suggest-share": lambda: f"{100 * result('suggesting')['share_of_labels']['accuracy']:.0f}",
    "suggest-share-f1": lambda: f"{100 * result('suggesting')['share_of_labels']['macro_f1']:.0f}",
    "stream-rows": lambda: f"{result('streaming')['rows']:,}",
    "stream-block": lambda: f"{result('streaming')['block']:,}",
    "stream-peak-block": lambda: f"{result('streaming')['one_block']['peak_mb']}",
    "stream-peak": lambda: f"{result('streaming')['all']['peak_mb']}",
    "stream-rate": lambda: f"{result('streaming')['all']['rows_per_s']:,}",
    "classes-peak-few": lambda: f"{result('streaming_classes')['runs']['100000']['peak_mb']}",
    "classes-peak": lambda: f"{result('streaming_classes')['runs']['1000000']['peak_mb']}",
    "ray-rows": lambda: f"{result('distributed')['rows']:,}",
    "ray-share": lambda: f"{result('distributed_rate')['worker_over_process']['median']:.2f}",
    "million-peak": lambda: f"{result('large_fit')['peak_mb'] / 1000:.1f}",
    "million-stated": lambda: f"{result('large_fit')['stated_gb']:.1f}",
    "million-store": lambda: f"{result('large_fit')['store_gb']:.1f}",
    "million-minutes": lambda: f"{result('large_fit')['seconds'] / 60:.0f}",
    "predict-rate": lambda: f"{predicted():,.0f}",
    "predict-texts": lambda: f"{predicted() / 20:,.0f}",
    "predict-million": lambda: f"{1e6 * 20 / predicted() / 60:.0f}",
    "predict-billion": lambda: f"{1e9 / predicted() / 3600:.0f}",
    "predict-trillion": lambda: f"{1e12 / predicted() / 3600 / 24 / 365:.1f}",
    **{name + end: partial(worth, name, i) for name in WORTH for i, end in ((None, ""), (0, "-least"), (1, "-most"))},
    "full-draws": lambda: str(result("simplex_full")["home"]["n_draws"]),
    "head-draws": lambda: str(result("simplex_heads")["home"]["n_draws"]),
    "away-draws": lambda: str(result("simplex_heads")["elsewhere"]["n_draws"]),
    "adapter-draws": lambda: str(result("simplex_adapters")["home"]["n_draws"]),
    "doubt-strongest": lambda: doubted("error_auroc"),
    "doubt-mutual": lambda: doubted("mutual_auroc"),
    **{f"errors-{data}-{what}": partial(mistakes, data, what) for data in SPOILT for what in MISTAKES},
    **{f"suggest-{data}": partial(needed, data, "accuracy") for data in SUGGESTED},
    **{f"suggest-{data}-f1": partial(needed, data, "macro_f1") for data in SUGGESTED},
}

if __name__ == "__main__":
    main()
