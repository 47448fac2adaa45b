"""Reports that are mostly tables: predictions, data checks, measures, and any other result."""

from __future__ import annotations

from collections import Counter

from spacetune.data import DataReport
from spacetune.geometry import Measurements
from spacetune.reports.document import Document, Notes, Paragraph, Section, Table, named, noted
from spacetune.results import Result
from spacetune.studies import Predictions

__all__ = ["any_document", "data_document", "measurements_document", "predictions_document"]

MOST_ROWS = 500


def predictions_document(found: Predictions) -> Document:
    """Lay out predictions: how often each, then the texts."""
    rows = found.rows()
    counts = Counter(map(named, found.said))
    parts = [Table(rows[:MOST_ROWS])]
    more = Paragraph(f"The first {MOST_ROWS} of {len(rows):,}; write them as CSV for all.")
    sections = noted(found.notes)
    if found.probabilities is not None:
        listed = [{"predicted": name, "texts": n, "share": n / len(rows)} for name, n in counts.most_common(50)]
        sections.append(Section("Predicted classes", [Table(listed)]))
    sections.append(Section("Texts", [*parts, more] if len(rows) > MOST_ROWS else parts))
    return Document("Predictions", f"{len(rows):,} texts.", sections)


def data_document(report: DataReport) -> Document:
    """Lay out what was found in a data set."""
    lead = (
        f"{report.n_texts:,} texts from {report.source}; median {report.words_median:.0f} words, "
        f"longest {report.words_longest:,}."
    )
    sections = [Section("Worth a look", [Notes([str(note) for note in report.notes])])]
    if report.classes:
        rows = [{"class": str(name), "texts": n, "share": n / report.n_texts} for name, n in report.classes.items()]
        sections.append(Section("Classes", [Table(rows)]))
    return Document("Data", lead, sections)


def measurements_document(found: Measurements) -> Document:
    """Lay out measures of one set of points."""
    rows = [
        {"measure": m.measure, "value": m.value, "points": m.n, "advised": m.advised, "problem": m.problem or ""}
        for m in found.measured
    ]
    few = [f"{m.measure}: {m.advised:,} points advised, {m.n:,} given" for m in found.measured if m.n < m.advised]
    lead = f"{found.n:,} points of {found.dim} dimensions, {found.variant} formulas."
    sections = [Section("Measures", [Table(rows)])]
    if few:
        sections.insert(0, Section("Too few points", [Notes(few)]))
    return Document("Geometry", lead, sections)


def any_document(result: Result) -> Document:
    """Lay out any other result as its rows."""
    rows = [{name: value for name, value in row.items() if not isinstance(value, dict)} for row in result.rows()]
    nested = {name: value for row in result.rows()[:1] for name, value in row.items() if isinstance(value, dict)}
    sections = [Section("Values", [Table(rows)])]
    sections += [
        Section(name.replace("_", " "), [Table([{"name": str(k), "value": str(v)} for k, v in value.items()])])
        for name, value in nested.items()
    ]
    return Document(type(result).__name__, "", sections)
