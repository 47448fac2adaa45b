"""What the ladder's measures say about its scores: correlations with intervals, given the share of noise, left out.

Intervals draw shares of noise whole, since the seeds at one share are hardly independent. Out of sample means: every
share of noise is predicted by a line fitted on the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from papers.latent_geometry import statistics as st

METHODS = ("probe", "space head")


def mean_score(rung: dict[str, Any], method: str) -> float:
    """Return the mean accuracy over data sets."""
    return float(np.mean(list(rung["scores"][method].values())))


def columns(rungs: list[dict[str, Any]]) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return alpha, the measures that every rung has, and the mean scores of both methods."""
    names = [name for name in rungs[0]["measures"] if all(name in rung["measures"] for rung in rungs)]
    measures = {name: np.array([rung["measures"][name] for rung in rungs]) for name in names}
    scores = {method: np.array([mean_score(rung, method) for rung in rungs]) for method in METHODS}
    return np.array([rung["alpha"] for rung in rungs]), measures, scores


def analyse(rungs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the table of correlations over the perturbed rungs, for both methods, and the confounder's own."""
    alpha, measures, scores = columns([rung for rung in rungs if rung["alpha"] > 0])
    return {
        "n": len(alpha),
        "noise itself": {m: confounder(y, alpha) for m, y in scores.items()},
        "measures": {
            name: {method: against(x, y, alpha) for method, y in scores.items()}
            for name, x in measures.items()
            if np.isfinite(x).all() and np.ptp(x) > 0
        },
        "noise of a rung": {m: float(np.mean([y[alpha == a].std(ddof=1) for a in set(alpha)])) for m, y in
                            scores.items()},
    }  # fmt: skip


def confounder(y: np.ndarray, alpha: np.ndarray) -> dict[str, Any]:
    """Return how the score falls with the share of noise."""
    log_alpha = np.log(alpha)
    return {
        "r": st.pearson(log_alpha, y),
        "interval": st.interval(st.pearson, log_alpha, y, groups=alpha),
        "Spearman": st.spearman(log_alpha, y),
        "out of sample": st.left_out(y, alpha, log_alpha),
        "out of sample, interpolated": st.interpolated(y, log_alpha),
    }


def against(x: np.ndarray, y: np.ndarray, alpha: np.ndarray) -> dict[str, Any]:
    """Return one measure's correlations with one score."""
    log_alpha = np.log(alpha)
    slight = alpha <= 4
    return {
        "r": st.pearson(x, y),
        "interval": st.interval(st.pearson, x, y, groups=alpha),
        "Spearman": st.spearman(x, y),
        "given log alpha": st.partial(x, y, log_alpha),
        "given log alpha, interval": st.interval(st.partial, x, y, log_alpha, groups=alpha),
        "within alpha": st.within(x, y, alpha),
        "within alpha, interval": st.interval(st.within, x, y, alpha, groups=alpha),
        "out of sample": st.left_out(y, alpha, x),
        "out of sample, with log alpha": st.left_out(y, alpha, x, log_alpha),
        "r for alpha <= 4": st.pearson(x[slight], y[slight]),
    }
