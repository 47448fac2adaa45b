"""`draw_result`: how each kind of result is printed; one without a drawing of its own as its report is laid out."""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING

from rich.console import Console

from spacetune.reports.document import Document, Paragraph, Part, Section, Table
from spacetune.reports.score_table import ScoreTable, plain
from spacetune.reports.terminal import draw_notes

if TYPE_CHECKING:
    from spacetune.results import Result

__all__ = ["draw_document", "draw_result", "printed"]

DRAWINGS = {
    "ClassGeometry": "geometry.draw_class_geometry",
    "Counterfactual": "explanation_studies.draw_counterfactual",
    "DataReport": "terminal.draw_data_report",
    "Diagnosis": "terminal.draw_diagnosis",
    "Dissection": "dissections.draw_dissection",
    "EncoderComparison": "geometry.draw_comparison",
    "EncoderList": "terminal.draw_encoders",
    "Explanation": "terminal.draw_explanation",
    "ExplanationSummary": "explanation_studies.draw_summary",
    "Exported": "terminal.draw_export",
    "Faithfulness": "explanation_studies.draw_faithfulness",
    "FitReport": "terminal.draw_fit",
    "LayerRanking": "geometry.draw_ranking",
    "MeasureTable": "geometry.draw_measures",
    "PerturbationLadder": "geometry.draw_ladder",
    "Predictions": "terminal.draw_predictions",
    "Reach": "explanation_studies.draw_reach",
    "Scores": "terminal.draw_scores",
    "SimplexScores": "simplexes.draw_simplex",
    "SpaceMap": "terminal.draw_map",
    "StoreSummary": "terminal.draw_store",
    "SubsetScores": "dissections.draw_terms",
    "TermGeometry": "dissections.draw_terms",
    "TermShift": "dissections.draw_terms",
    "TermUse": "dissections.draw_terms",
    "TextExplanation": "terminal.draw_text_explanation",
}
"""Where a result's drawing is, by the name of its class: nothing is imported for a result that is not printed."""
MOST_ROWS = 20
WIDTH = 100


def draw_result(console: Console, result: Result) -> None:
    """Print a result as its command does."""
    if (place := DRAWINGS.get(type(result).__name__)) is None:
        from spacetune.reports.rendering import document_of

        draw_document(console, document_of(result))
    else:
        module, name = place.split(".")
        getattr(importlib.import_module(f"spacetune.reports.{module}"), name)(console, result)


def printed(result: Result) -> str:
    """Return a result as text, `WIDTH` wide and without colour."""
    file = io.StringIO()
    console = Console(file=file, width=WIDTH, color_system=None, markup=False, emoji=False, highlight=False)
    draw_result(console, result)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def draw_document(console: Console, document: Document) -> None:
    """Print a report in short: sentences, warnings, and the first rows of tables."""
    if document.finding:
        console.print(plain(document.finding))
    draw_notes(console, document.notes)
    for section in document.sections:
        for part in section.parts:
            _draw_part(console, part, section)


def _draw_part(console: Console, part: Part, section: Section) -> None:
    match part:
        case Paragraph(text):
            console.print(plain(f"{section.title}: {text}" if part is section.parts[0] else text))
        case Table(rows, caption):
            console.print(ScoreTable(rows[:MOST_ROWS], caption or section.title))
            if len(rows) > MOST_ROWS:
                console.print(plain(f"and {len(rows) - MOST_ROWS:,} more rows; --out FILE writes them all"))
        case _:
            pass
