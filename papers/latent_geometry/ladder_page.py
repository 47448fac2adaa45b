"""The ladder as a page and as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from papers.latent_geometry.drawing import Panel, figure
from papers.latent_geometry.ladder_analysis import METHODS, columns
from papers.latent_geometry.tables import interval_text, table

SHOWN = ("aq_pp", "pq_pp", "pq_ri", "eee", "vrm", "isoscore", "average_cosine", "two_nn")


def page(found: dict[str, Any], name: str = "ladder") -> str:
    """Return the results as Markdown."""
    about, analysis = found["about"], found["analysis"]
    first = name == "ladder"
    command = "python -m papers.latent_geometry.ladder" + ("" if first else " --second")
    lines = [
        f"# The ladder run on {'the default encoder' if first else about['encoder']}",
        "",
        f"{about['encoder']} ({about['dtype']}), last layer; {analysis['n']} perturbed copies, 20,000 tokens each.",
        "Score: mean test accuracy over sst2, subj, banking77 and sma (600 training and 500 test texts each). Made by",
        f"`{command}`; nothing here is edited by hand. Intervals draw shares of noise",
        "whole (their seeds are alike). R² out of sample: each share of noise is predicted by a line fitted on the",
        "others; below 0 is worse than the mean.",
        *missing_lines(found["missing"]),
        "",
        f"![scores and measures over the share of noise]({name}.svg)",
        "",
        "## Scores",
        "",
        score_table(found["rungs"]),
        "",
    ]
    for method in METHODS:
        lines += [f"## Correlation with the {method}'s mean accuracy", "", confounder_line(analysis, method), ""]
        lines += [correlation_table(analysis, method), ""]
    return "\n".join(lines)


def missing_lines(missing: list[list[float]]) -> list[str]:
    """Return which rungs are missing, where some are."""
    named = ", ".join(f"α {alpha:g} seed {seed:g}" for alpha, seed in missing)
    return ["", f"**Not run to its end:** missing are {named}."] if missing else []


def score_table(rungs: list[dict[str, Any]]) -> str:
    """Return mean scores and some measures by share of noise, over seeds."""
    alpha, measures, scores = columns(rungs)
    header = ["α", "seeds", *METHODS, *SHOWN]
    rows: list[list[str]] = []
    for value in sorted(set(alpha.tolist())):
        same = alpha == value
        cells = [f"{scores[m][same].mean():.3f} ± {np.ptp(scores[m][same]) / 2:.3f}" for m in METHODS]
        cells += [f"{measures[name][same].mean():.4f}" for name in SHOWN]
        rows.append([f"{value:g}", str(int(same.sum())), *cells])
    return table(header, rows)


def confounder_line(analysis: dict[str, Any], method: str) -> str:
    """Return how the score goes with the share of noise alone."""
    own = analysis["noise itself"][method]
    return (
        f"The share of noise itself: r(log α, score) = {own['r']:.3f} {interval_text(own['interval'])}, Spearman "
        f"{own['Spearman']:.3f}; R² out of sample {own['out of sample']:.3f} by a line, "
        f"{own['out of sample, interpolated']:.3f} between neighbouring α. Standard deviation of the score between "
        f"seeds at one α: {analysis['noise of a rung'][method]:.3f}."
    )


def correlation_table(analysis: dict[str, Any], method: str) -> str:
    """Return every measure's correlations, the strongest first."""
    header = [
        "measure", "r", "95 %", "Spearman", "r for α ≤ 4", "r given log α", "95 %", "r within α", "95 %",
        "R² out of sample", "with log α",
    ]  # fmt: skip
    found = {name: row[method] for name, row in analysis["measures"].items()}
    rows = [
        [
            name, f"{row['r']:.3f}", interval_text(row["interval"]), f"{row['Spearman']:.3f}",
            f"{row['r for alpha <= 4']:.3f}", f"{row['given log alpha']:.3f}",
            interval_text(row["given log alpha, interval"]), f"{row['within alpha']:.3f}",
            interval_text(row["within alpha, interval"]), f"{row['out of sample']:.3f}",
            f"{row['out of sample, with log alpha']:.3f}",
        ]
        for name, row in sorted(found.items(), key=lambda item: -abs(item[1]["r"]))
    ]  # fmt: skip
    return table(header, rows)


def drawing(rungs: list[dict[str, Any]]) -> str:
    """Return scores and measures over the share of noise, one dot a rung, as an SVG."""
    perturbed = [rung for rung in rungs if rung["alpha"] > 0]
    alpha, measures, scores = columns(perturbed)
    x = np.log10(alpha)
    panels = [Panel(f"accuracy, {method}", x, y) for method, y in scores.items()]
    panels += [Panel(name, x, measures[name]) for name in SHOWN]
    return figure(panels, "share of noise α, percent (log scale)", across=5)
