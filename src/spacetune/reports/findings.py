"""What scores say, in sentences: how good a model is, with its interval, and against what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spacetune.errors import counted
from spacetune.fitting.data import ITSELF

if TYPE_CHECKING:
    from spacetune.studies import FitReport, Scores

__all__ = ["HEADLINE", "fit_findings", "headline", "score_finding", "valued"]

HEADLINE = ("micro_f1", "accuracy", "macro_f1", "r2", "spearman")
"""Scores by which a model is told of, the first that it has."""

Row = Mapping[str, Any]


def headline(row: Row) -> str:
    """Return the name of the score a model is told of.

    >>> headline({"n": 3, "macro_f1": 0.5, "r2": 0.1})
    'macro_f1'
    """
    return next(name for name in HEADLINE if row.get(name) is not None)


def valued(name: str, value: float, interval: tuple[float, float] | None = None) -> str:
    """Write a score, with its interval where there is one.

    >>> valued("macro_f1", 0.5), valued("accuracy", 0.5, (0.4, 0.6))
    ('macro-F1 0.500', 'accuracy 0.500 (95 % interval 0.400 to 0.600)')
    """
    shown = {"macro_f1": "macro-F1", "r2": "R²"}.get(name, name.replace("_", "-"))
    told = "" if interval is None else f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f})"
    return f"{shown} {value:.3f}{told}"


def score_finding(scores: Scores) -> str:
    """Say how good a saved model is on these texts, and what a constant guess would reach."""
    name = headline(scores.scores)
    good = valued(name, scores.scores[name], scores.intervals.get(name))
    return f"{good} on {counted(scores.n_texts, 'text')}; the best constant guess reaches {scores.baseline[name]:.3f}."


SEPARATED = (
    "No dev text is predicted wrongly, so nothing tells how sure to be. Do not read the probabilities as chances until "
    "there are more dev texts."
)


def fit_findings(report: FitReport) -> tuple[str, ...]:
    """Say how good the model is, and against what: on test where there is one, else on dev; and what not to trust."""
    split = "test" if "test" in report.scored else "dev"
    rows = [row for row in report.table if row["split"] == split]
    own, name = rows[-1], headline(rows[-1])
    itself = report.dev.startswith(ITSELF)
    chosen = ("" if split != "dev" else ", on which it was trained: that says nothing of other texts" if itself else
              ", by which it was chosen")  # fmt: skip
    interval = own.get("intervals", {}).get(name)
    good = (
        f"{report.method}: {valued(name, own[name], interval)} on {counted(own['n'], report.unit)} of {split}{chosen}."
    )
    others = [row for row in rows[:-1] if row.get(name) is not None]
    constant = report.scored[split].baseline[name]
    alone = f"The best constant guess reaches {constant:.3f}; no baseline was fitted beside it."
    return good, _against(own, others, name, report.unit) if others else alone, *_untold(report)


def _untold(report: FitReport) -> tuple[str, ...]:
    """Say so where dev tells no temperature: on texts that are all right a lower one is always better."""
    dev = report.scored["dev"]
    return (SEPARATED,) if dev.kind == "single" and dev.scores["accuracy"] == 1 else ()


def _against(own: Row, others: Sequence[Row], name: str, unit: str) -> str:
    """Hold a model against the best of the others, and against the constant guess."""
    best = max(others, key=lambda row: row[name])
    constant = next((row for row in others if row["method"] == "majority"), best)
    also = "" if constant is best else f" The best constant guess reaches {constant[name]:.3f}."
    told = f"The best of the baselines, {best['method']}, has {valued(name, best[name])}"
    return f"{told}: {_apart(own, best, name, unit)}.{also}"


def _apart(own: Row, best: Row, name: str, unit: str) -> str:
    """Say whether the model is ahead of another, by the interval of their difference on the same texts."""
    ends: Any = own.get("intervals", {}).get(name, (own[name],) * 2)  # beside a constant guess
    low, high = best.get("ahead", {}).get(name, tuple(end - best[name] for end in ends))
    far = f"95 % interval of the difference {low:.3f} to {high:.3f}"
    if low > 0:
        return f"the model is better on the same {unit}s ({far})"
    if high < 0:
        return f"the model is worse on the same {unit}s ({far})"
    return f"{counted(own['n'], unit)} {'does' if own['n'] == 1 else 'do'} not settle which is better ({far})"
