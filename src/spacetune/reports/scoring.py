"""A fit and a model's scores as reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spacetune.errors import counted
from spacetune.reports.charts import curves, dots, heat_map
from spacetune.reports.document import Document, Figure, Paragraph, Part, Section, Table
from spacetune.reports.findings import HEADLINE, fit_findings, score_finding
from spacetune.studies import FitReport, Scores

__all__ = ["INTERVALS", "fit_document", "score_ends", "scores_document"]

MOST_CLASSES = 30
INTERVALS = "Bars are 95 % bootstrap intervals over the texts; they do not tell of another training run."


def fit_document(report: FitReport) -> Document:
    """Lay out a fit: scores beside the baselines, training, and the evidence on every split."""
    classes = f", {counted(len(report.classes), 'class', 'classes')}" if report.classes else ""
    about = f"{counted(report.n_texts, 'training text')}{classes} from {report.source}; dev: {report.dev}."
    sections = [Section("Scores", _score_figures(report)), Section("All scores", [Table(report.rows())], folded=True)]
    if report.choice is not None:
        tried = [Paragraph(f"{report.choice.reason}."), Table(report.choice.rows())]
        sections.append(Section("How the method was chosen", tried))
    if report.epochs:
        sections.append(Section("Training", _training_parts(report)))
    for split, scores in report.scored.items():
        sections += _evidence(scores, f" on {split}")
    return Document("Fit report", " ".join(fit_findings(report)), sections, about, report.notes)


def scores_document(scores: Scores) -> Document:
    """Lay out the scores of a saved model."""
    rows = [{"": "best constant guess", **scores.baseline}, {"": "model", **scores.scores}]
    if scores.from_spaces is not None:
        rows.append({"": "straight from the spaces", "accuracy": scores.from_spaces})
    named = [name for name in HEADLINE if name in scores.scores]
    told = [(name.replace("_", "-"), scores.scores[name], scores.intervals.get(name)) for name in named]
    sections = [
        Section("Scores", [Figure(dots(told, "score", score_ends(told)), INTERVALS)]),
        Section("All scores", [Table(rows)], folded=True),
        *_evidence(scores, ""),
    ]
    return Document("Scores", score_finding(scores), sections, f"Texts from {scores.source}.", scores.notes)


def _score_figures(report: FitReport) -> list[Part]:
    parts: list[Part] = []
    splits = sorted(report.scored, reverse=True)
    names = [name for name in HEADLINE if any(name in row for row in report.table)]
    for split in splits:
        for name in names:
            told = [
                (row["method"], row[name], row.get("intervals", {}).get(name))
                for row in report.table
                if row["split"] == split and row.get(name) is not None
            ]
            label = f"{name.replace('_', '-')} on {split}"
            parts.append(Figure(dots(told, label, score_ends(told)), ""))
    return [*parts, Paragraph(INTERVALS)]


def score_ends(rows: Sequence[tuple[str, float, Any]]) -> tuple[float, float]:
    """Return the ends of an axis: scores live in [0, 1]; correlations and R² may lie below."""
    lowest = min((min(value, (interval or (value,))[0]) for _, value, interval in rows), default=0.0)
    return (min(0.0, float(np.floor(lowest * 5) / 5)), 1.0)


def _training_parts(report: FitReport) -> list[Part]:
    kept = next((float(row["epoch"]) for row in report.epochs if row["kept"]), None)
    loss = {"loss": [(float(row["epoch"]), float(row["loss"])) for row in report.epochs]}
    names = [name for name in HEADLINE if name in report.epochs[0]]
    dev = {name.replace("_", "-"): [(float(r["epoch"]), float(r[name])) for r in report.epochs] for name in names}
    bands = {
        name.replace("_", "-"): [(float(r["epoch"]), r[f"{name}_q10"], r[f"{name}_q90"]) for r in report.epochs]
        for name in names
        if f"{name}_q10" in report.epochs[0]
    }
    spread = " Upright bars: 10 % to 90 % quantile over repeats at fresh points of the simplex." if bands else ""
    return [
        Paragraph(f"{report.history}. The dashed line is the epoch that was kept."),
        Figure(curves(loss, "epoch", "training loss", mark=kept), "Mean training loss of every epoch."),
        Figure(
            curves(dev, "epoch", "score on dev", mark=kept, bands=bands),
            f"Scores on dev after every epoch.{spread}",
            report.epochs,
        ),
    ]


def _evidence(scores: Scores, where: str) -> list[Section]:
    sections: list[Section] = []
    if scores.confusion is not None:
        sections.append(Section(f"Confusions{where}", _confusion_parts(scores)))
    if scores.calibration:
        sections.append(Section(f"Calibration{where}", [_calibration(scores)]))
    if scores.hardest:
        measure = "error" if scores.kind == "regression" else "loss"
        sections.append(Section(f"Hardest texts{where}", [Table(scores.hardest, f"The largest {measure} first")], True))
    if scores.least_sure:
        caption = "Margin: the strongest probability minus the second"
        sections.append(Section(f"Most uncertain texts{where}", [Table(scores.least_sure, caption)], True))
    return sections


def _confusion_parts(scores: Scores) -> list[Part]:
    counts = np.asarray(scores.confusion)
    names = [str(name) for name in scores.classes]
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:20]
    pairs = [divmod(int(i), len(names)) for i in order if wrong.flat[i]]
    listed = [{"true": names[t], "predicted": names[p], "texts": int(wrong[t, p])} for t, p in pairs]
    if len(names) > MOST_CLASSES:
        told = Paragraph(f"{len(names)} classes are too many for a matrix.")
        return [told, Table(listed, "The most frequent confusions")]
    shades = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    drawing = heat_map(counts, names, names, shades=shades, digits=0, corner="true ↓ predicted →")
    most = "No text was confused."
    if pairs:
        true, taken = pairs[0]
        most = f"Most often {names[true]} was taken for {names[taken]}: {counted(int(wrong[true, taken]), 'text')}."
    return [Figure(drawing, f"{most} Rows are true classes, columns predictions; shaded by share of the row.", listed)]


def _calibration(scores: Scores) -> Figure:
    line = [(row["confidence"], row["accuracy"]) for row in scores.calibration]
    drawing = curves({"model": line}, "confidence", "share right", y=(0.0, 1.0), diagonal=True)
    caption = f"Dashed: as often right as sure. Expected calibration error {scores.ece:.4f}."
    return Figure(drawing, caption, scores.calibration)
