"""A choice among encoders as a report: what a probe makes of each, and how far such a choice was ever right."""

from __future__ import annotations

import re
from typing import Any

from spacetune.errors import counted
from spacetune.reports.charts import bars
from spacetune.reports.document import Document, Figure, Paragraph, Section, Table
from spacetune.studies import EncoderChoice
from spacetune.studies.geometry.encoder_evidence import RankRecord, encoder_evidence

__all__ = ["encoder_choice_document"]

LONG = {"choice": "this choice", "probe": "the probe", "log_me": "LogME", "h_score": "H-score", "parameters": "size"}


def encoder_choice_document(found: EncoderChoice) -> Document:
    """Lay out encoders in the order of what a probe makes of them, and the record of every way to rank them."""
    evidence = encoder_evidence()
    named: list[dict[str, Any]] = [
        {**row, "encoder": name} for row, name in zip(found.rows(), _names(found), strict=True)
    ]
    rows = [(row["encoder"], -row["behind"], (-row["high"], -row["low"])) for row in named]
    records = sorted(found.records, key=lambda record: record.by != "choice")
    caption = (
        "Accuracy less that of the most accurate, of a linear probe on texts that it did not learn from, with 95 % "
        f"intervals over the {counted(found.n_texts, 'text')}."
    )
    sections = [
        Section("Encoders (M: million parameters)", [Table([_row(row) for row in named])]),
        Section("How far behind the most accurate", [Figure(bars(rows, "difference in accuracy"), caption)]),
        Section(
            f"What following each would have cost on {len(evidence.sets)} data sets",
            [Table([_record(record) for record in records])],
        ),
        Section("The evidence", [Paragraph(f"{evidence.about}.")], folded=True),
    ]
    return Document("Which encoder to read with", f"{found.verdict}.", sections, notes=found.notes)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "encoder": row["encoder"],
        "M": f"{row['parameters']:.0f}",
        "layers": ", ".join(map(str, row["layers"])),
        "accuracy": f"{row['accuracy']:.3f}",
        "behind": _with_interval(row["behind"], row["low"], row["high"]) if row["behind"] else "",
        "LogME": f"{row['log_me']:.3f}",
        "H-score": f"{row['h_score']:.3f}",
    }


def _record(record: RankRecord) -> dict[str, Any]:
    pick, direction = record.pick, record.pick.direction
    return {
        "ranked by": LONG.get(record.by, record.by.replace("_", " ")),
        "best picked": f"{pick.best:.1f} of {pick.of}".replace(".0 of", " of"),
        "accuracy lost": _with_interval(pick.regret, pick.low, pick.high),
        "at most": f"{record.worst:.3f}",
        "rank correlation": _with_interval(record.correlation, record.low, record.high, places=2) if direction else "",
    }


def _names(found: EncoderChoice) -> list[str]:
    """Return the ends of the encoders' names, or the whole ones where two end alike."""
    whole = [str(row["encoder"]) for row in found.encoders]
    ends = [re.split(r"[\\/]", name.rstrip("\\/"))[-1] for name in whole]
    return [name if ends.count(end) > 1 else end for name, end in zip(whole, ends, strict=True)]


def _with_interval(value: float, low: float, high: float, places: int = 3) -> str:
    return f"{value:.{places}f} [{low:.{places}f}, {high:.{places}f}]"
