"""Results drawn in the terminal: colour where there is a terminal, plain text anywhere else.

Everything that is printed goes through `plain`: texts and names are never read as rich's markup, nor obeyed by the
terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from rich.console import Console
from rich.text import Text

from spacetune.errors import counted, printable
from spacetune.reports.document import number
from spacetune.reports.score_table import ScoreTable, plain

if TYPE_CHECKING:  # whoever has a result to draw has loaded what made it
    from spacetune.bridges.exporting import Exported
    from spacetune.data import DataReport
    from spacetune.encoders.store import StoreSummary
    from spacetune.explanations import Explanation, TextExplanation
    from spacetune.studies import Diagnosis, EncoderList, FitReport, Predictions, Scores, SpaceMap

__all__ = [
    "ScoreTable",
    "draw_data_report",
    "draw_diagnosis",
    "draw_encoders",
    "draw_explanation",
    "draw_export",
    "draw_fit",
    "draw_map",
    "draw_notes",
    "draw_predictions",
    "draw_scores",
    "draw_store",
    "draw_text_explanation",
    "headed",
    "plain",
]


def headed(heading: str, text: str) -> Text:
    """Return a bold heading and what follows it in the line."""
    return plain(heading, "bold").append(plain(text))


def draw_notes(console: Console, notes: Sequence[str]) -> None:
    """Print warnings, one a line."""
    for note in notes:
        console.print(plain(f"! {note}", "yellow"))


def draw_fit(console: Console, report: FitReport) -> None:
    """Print a fit: data, training, scores beside the baselines, and what they come to in sentences."""
    from spacetune.reports.findings import fit_findings

    draw_notes(console, report.notes)
    classes = f", {counted(len(report.classes), 'class', 'classes')}" if report.classes else ""
    console.print(plain(f"{report.n_texts:,} training {report.unit}s{classes} from {report.source}; dev: {report.dev}"))
    if report.choice is not None:
        console.print(plain(f"method: {report.choice.reason}"))
        console.print(ScoreTable(report.choice.rows()))
    if report.history:
        console.print(plain(f"training: {report.history}"))
    console.print(ScoreTable(report.rows()))
    for line in fit_findings(report):
        console.print(plain(line, "bold"))


def draw_scores(console: Console, scores: Scores) -> None:
    """Print a model's scores beside the majority baseline, and what they come to in a sentence."""
    from spacetune.reports.findings import score_finding

    draw_notes(console, scores.notes)
    rows: list[dict[str, Any]] = [
        {"": "majority" if scores.kind != "regression" else "mean", **scores.baseline},
        {"": "model", **{k: v for k, v in scores.scores.items() if k != "neg_log_loss"}},
    ]
    if scores.from_spaces is not None:
        rows.append({"": "straight from the spaces", "accuracy": scores.from_spaces})
    console.print(ScoreTable(rows, f"{counted(scores.n_texts, 'text')} from {scores.source}"))
    if scores.ece is not None:
        console.print(plain(f"expected calibration error {scores.ece:.4f}"))
    console.print(plain(score_finding(scores), "bold"))


def draw_predictions(console: Console, predictions: Predictions) -> None:
    """Print predictions, one text a line: label, confidence, text."""
    draw_notes(console, predictions.notes)
    for i, (text, label) in enumerate(zip(predictions.texts, predictions.said, strict=True)):
        table = predictions.probabilities
        line = Text(printable(number(label) if table is None else str(label)), style="bold")
        if predictions.top is not None and table is not None:
            told = ", ".join(f"{printable(name)} {p:.0%}" for name, p in predictions.likeliest(i))
            line = Text(f"unsure ({told})" if predictions.predicted[i] is None else told, style="bold")
        elif table is not None:
            line.append(f"  {float(np.max(table[i])):.0%}", style="dim")
        line.append(f"  {printable(text if isinstance(text, str) else ' | '.join(text))}")
        console.print(line, overflow="ellipsis", no_wrap=True)


def draw_encoders(console: Console, found: EncoderList) -> None:
    """Print encoders: their short names, where they are, how large, and why."""
    for row in found.rows():
        size = (
            f"{row['parameters']}M, width {row['width']}, {counted(row['tokens'], 'token')}"
            if row.get("parameters")
            else ""
        )
        speed = "" if row.get("tokens_per_second") is None else f"; {counted(row['tokens_per_second'], 'token')}/s here"
        score = "" if row.get("public_score") is None else f"; MTEB classification {row['public_score']}"
        console.print(headed(row["alias"] or "-", f"  {row['name']} ({row['where']})"))
        if size:
            told = f"  {size}; {row['languages']}; {row['licence']}{score}{speed}. {row['why']}."
            console.print(plain(told, "dim"))


def draw_explanation(
    console: Console, explanation: Explanation, predicted: object = None, against: object = None
) -> None:
    """Print texts with their words coloured by what they added: green for the class, red against it."""
    from spacetune.explanations import MEANINGS

    for one in explanation:
        draw_text_explanation(console, one, predicted, against)
    console.print(Text(MEANINGS[explanation[0].at], style="dim"))


def draw_text_explanation(
    console: Console, one: TextExplanation, predicted: object = None, against: object = None
) -> None:
    """Print one text in this way, and its strongest words with their sum."""
    from spacetune.explanations import REST

    column = one.column(one.predicted if predicted is None else predicted)
    name, asked = one.classes[column], one.direction(predicted, against=against)
    chance = "" if one.probabilities is None else f" ({one.probabilities[column]:.0%})"
    is_number = one.probabilities is None
    several = isinstance(one.predicted, list | tuple)
    said = ", ".join(map(str, cast("list[Any]", one.predicted))) or "no label" if several else one.predicted
    shown = printable(name if several or predicted is not None else said)
    if is_number:
        shown = number(cast("float", one.predicted))
    other = "" if is_number or str(said) == str(name) else f", predicted is {printable(said)}"
    console.print(Text.assemble(("▸ ", "dim"), (shown, "bold"), chance, other))
    words = one.words(name, against=against)
    largest = max((abs(w["score"]) for w in words), default=0.0) or 1.0
    for part, text in enumerate((one.text,) if isinstance(one.text, str) else one.text):
        console.print(_coloured(text, [w for w in words if w["part"] == part], largest))
    signed = sorted((w for w in words if w["part"] >= 0), key=lambda w: -abs(w["score"]))[:5]
    named = ", ".join(f"{w['word']} {w['score']:+.2f}" for w in signed)
    rest = sum(w["score"] for w in words) - sum(w["score"] for w in signed)
    bias, total = one.bias @ asked, one.logits @ asked
    less = "" if against is None else f" less that of {'the rest' if against is REST else against}"
    is_told = one.unit if one.unit is not None else f"for {name}{less}"
    line = f"  {named}, other tokens {rest:+.2f}, bias {bias:+.2f} = logit {total:+.2f} {is_told}"
    console.print(Text(printable(line), style="dim"))
    if one.meetings and predicted is None:
        met = ", ".join(f"{m['first']} ~ {m['second']} {m['score']:+.2f}" for m in one.meetings[:5])
        console.print(Text(printable(f"  words that met: {met}"), style="dim"))


def _coloured(text: str, words: Sequence[dict[str, Any]], largest: float) -> Text:
    """Colour the words of a text; written-out characters move what is behind them, so it is put together in pieces."""
    drawn, done = Text("  "), 0
    for word in sorted(words, key=lambda word: (word["start"], word["stop"])):
        strength = abs(word["score"]) / largest
        start, stop = max(word["start"], done), max(word["stop"], done)
        drawn.append(plain(text[done:start]))
        hue = "" if strength <= 0.15 else "green" if word["score"] > 0 else "red"
        drawn.append(plain(text[start:stop], f"bold {hue}" if hue and strength > 0.5 else hue))
        done = stop
    return drawn.append(plain(text[done:]))


def draw_data_report(console: Console, report: DataReport) -> None:
    """Print what was found in a data set."""
    kind = {
        "single": "one class a text",
        "multi": "several labels a text",
        "regression": "a number a text",
        None: "no labels",
    }
    told = kind[report.kind]
    if report.kind is None and any(note.kind == "labels" for note in report.notes):
        told = "labels that are not of one kind"
    lengths = f"median {report.words_median:.0f} words, longest {report.words_longest}"
    console.print(
        plain(f"{report.source}: {counted(report.n_texts, 'pair' if report.pairs else 'text')}, {told}, {lengths}")
    )
    if report.classes:
        rows = [
            {"class": str(name), "texts": count, "share": count / report.n_texts}
            for name, count in report.classes.items()
        ]
        console.print(ScoreTable(rows[:40]))
        if len(rows) > 40:
            console.print(plain(f"and {len(rows) - 40} more classes"))
    draw_notes(console, [str(note) for note in report.notes])
    if not report.notes:
        console.print(plain("nothing found that needs a look"))


def draw_diagnosis(console: Console, found: Diagnosis) -> None:
    """Print the state of an installation."""
    console.print(plain(f"Python {found.python} on {found.platform}"))
    for title, values in (
        ("versions", found.versions),
        ("extras", found.extras),
        ("machine", found.machine),
        ("default encoder", found.encoder),
    ):
        console.print(plain(title, "bold"))
        for name, value in values.items():
            console.print(plain(f"  {name}: {value}"), soft_wrap=True)
    draw_notes(console, found.problems)
    console.print(plain("all well" if not found.problems else counted(len(found.problems), "problem")))


def draw_export(console: Console, made: Exported) -> None:
    """Print what was written, how near it is to the model, and what it does otherwise."""
    console.print(plain(f"{made.folder}: {made.form}, {made.n_bytes / 1e6:,.1f} MB"), soft_wrap=True)
    same = f"the same prediction for {made.agreement:.1%} of {made.n_texts:,} texts"
    gaps = f"logits differ by at most {made.gap:.1g}, token scores by {made.score_gap:.1g}"
    console.print(plain(f"compared with the model: {same}; {gaps}"))
    draw_notes(console, made.notes)


def draw_store(console: Console, summary: StoreSummary) -> None:
    """Print what the cache of token features holds."""
    size = f"{summary.n_bytes / 1e6:,.1f} MB of at most {summary.max_bytes / 1e9:,.1f} GB"
    console.print(plain(f"{summary.folder}: {size}"), soft_wrap=True)
    if summary.encoders:
        console.print(ScoreTable([{**row, "bytes": f"{row['bytes'] / 1e6:,.1f} MB"} for row in summary.rows()]))


def draw_map(console: Console, found: SpaceMap) -> None:
    """Print where the classes' centres lie, and which spaces are nearest."""
    first, second = found.explained[:2]
    shares = f"{first:.0%} + {second:.0%} of variance"
    console.print(plain(f"{counted(len(found.texts), 'text')} from {found.source} on two axes, {shares}"))
    rows: list[dict[str, Any]] = [
        {"class": str(name), "x": float(x), "y": float(y)}
        for name, (x, y) in zip(found.classes, found.centres[:, :2], strict=True)
    ]
    if found.overlap is not None:
        angles = found.overlap.principal_angle + np.diag(np.full(len(rows), np.inf))
        for row, nearest, line in zip(rows, angles.argmin(1), angles, strict=True):
            row |= {"nearest space": found.overlap.names[nearest], "degrees": float(line[nearest])}
    console.print(ScoreTable(rows))
