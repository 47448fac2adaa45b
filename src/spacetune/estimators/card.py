"""The model card: what the model is, what it was trained on, how good it is beside the baselines, what it is for."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from spacetune.errors import counted

__all__ = ["model_card"]

ON_A_HUB = re.compile(r"[\w.-]+/[\w.-]+")

LONGEST = 80
"""Letters of a class's name that a card shows at most."""
LISTED = 20
"""Classes, and warnings, that a card names at most."""
SCORES = ("accuracy", "macro_f1", "micro_f1", "pearson", "spearman", "r2", "mae", "rmse", "ece")


def model_card(config: dict[str, Any], longest: int) -> str:
    """Write a saved model's README: data, scores beside the baselines, intended use, encoder.

    Parameters
    ----------
    config
        What goes into its ``config.json``.
    longest
        Tokens that it reads of a text at most.

    Returns
    -------
    str
        Markdown with the front matter that model hubs read.
    """
    encoder, report = config["encoder"], config["report"]
    classes = config["learned"].get("classes")
    asked = '("one text", "another")' if config["pairs"] else '"some text"'
    what = "pairs of texts" if config["pairs"] else "texts"
    lines = [
        "---",
        "library_name: spacetune",
        "pipeline_tag: text-classification",
        *([f"base_model: {encoder['encoder']}"] if ON_A_HUB.fullmatch(encoder["encoder"]) else []),
        "tags: [spacetune, space-model]",
        "---",
        f"# {config['model']} on {encoder['encoder']}",
        "",
        f"Trained with spacetune {config['spacetune']} on {report['n_texts']} {what}"
        + ("." if classes is None else f", {len(classes)} classes" + _named(classes)),
        f"Dev data: {report['dev']}.",
        "",
        *(_table(report["table"]) if report.get("table") else _dev_scores(report)),
        "",
        *_warnings(report.get("notes", ())),
        "## What it is for",
        "",
        f"It answers for {what} like those it was trained on, in their language. For others its answers, and the "
        "probabilities with them, can be wrong without a sign. Every score that it gives a token is an exact part of "
        "its logit; it tells what the model reads, not what is true.",
        "",
        *_spaces(report),
        f"Encoder: {encoder['encoder']} (layers {', '.join(map(str, encoder['layers']))}; at most "
        f"{longest:,} tokens; weights SHA-256 `{encoder['sha256']}`). " + _held(config),
        "",
        "```python",
        "from spacetune.estimators import load_estimator",
        'model = load_estimator("this-folder")',
        f"model.predict([{asked}]); model.explain([{asked}])",
        "```",
        "",
    ]
    return "\n".join(lines)


def _named(classes: Sequence[object]) -> str:
    """Return the names of the classes, the first of many."""
    quoted = (" ".join(str(name).split()).replace("`", "'")[:LONGEST] for name in classes[:LISTED])  # code is no markup
    names = ", ".join(f"`{name}`" for name in quoted)
    return f": {names}" + (", …" if len(classes) > LISTED else ".")


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of the fit, the model's own rows last."""
    names = [name for name in SCORES if any(name in row for row in rows)]
    test = any(row["split"] == "test" for row in rows)
    told = (
        "Test texts chose nothing." if test else "There were no test texts: dev chose the model, so its scores flatter."
    )
    return [
        "| method | texts | " + " | ".join(names) + " |",
        "| --- | --- |" + " --- |" * len(names),
        *[f"| {row['method']} | {row['n']:,} of {row['split']} | " + " | ".join(_score(row, n) for n in names) + " |"
          for row in rows],
        "",
        f"The last method is this model. In brackets: 95 % intervals. {told}",
    ]  # fmt: skip


def _dev_scores(report: Mapping[str, Any]) -> list[str]:
    """Return the scores of a model fitted in Python, by itself."""
    return [
        "| score on dev | model | majority baseline |",
        "| --- | --- | --- |",
        *[f"| {k} | {v:.4f} | {_cell(report['baseline'].get(k))} |" for k, v in report["dev_scores"].items()],
    ]


def _warnings(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    more = [f"- and {counted(len(notes) - LISTED, 'warning')} more"] if len(notes) > LISTED else []
    return ["Warnings on the data:", "", *[f"- {_line(note)}" for note in notes[:LISTED]], *more, ""]


def _spaces(report: Mapping[str, Any]) -> list[str]:
    """Say how the concept spaces lie, where there are several."""
    if "space_overlap" not in report:
        return []
    return [
        f"Its concept spaces overlap by {report['space_overlap']:.3f} (mean squared cosine of the principal angles "
        f"between two classes' operators; random ones of their size by {report['chance_overlap']:.3f}).",
        "",
    ]


def _held(config: dict[str, Any]) -> str:
    """Say how much of the encoder lies in the folder."""
    if config["settings"].get("train_encoder"):
        return "It was trained too, and is part of this folder."
    if config["learned"].get("adapter") == "layers":
        above = config["learned"]["above"]
        return f"What training added to its layers above {above} is part of this folder, the encoder itself is not."
    return "It is not part of this folder."


def _line(told: object) -> str:
    """Return what may come from the data on one line, and as nothing but text."""
    return html.escape(" ".join(str(told).split()), quote=False)


def _score(row: Mapping[str, Any], name: str) -> str:
    intervals: Mapping[str, Any] = row.get("intervals") or {}
    found = intervals.get(name)
    return _cell(row.get(name)) + ("" if found is None else f" [{found[0]:.3f}, {found[1]:.3f}]")


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
