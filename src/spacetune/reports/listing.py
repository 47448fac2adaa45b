"""Reports that are mostly tables: predictions, data checks, measures, and any other result."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections import Counter

import numpy as np

from spacetune.data import DataReport
from spacetune.errors import counted
from spacetune.geometry import CATALOGUE, Measurements
from spacetune.reports.charts import bars
from spacetune.reports.document import Document, Figure, Notes, Section, Table, first_rows, named, number
from spacetune.reports.spaces import overlap_section
from spacetune.results import Result
from spacetune.studies import ClassGeometry, Embeddings, Predictions

__all__ = [
    "any_document",
    "class_geometry_document",
    "data_document",
    "embeddings_document",
    "measurements_document",
    "predictions_document",
]

MOST_BARS = 30


def predictions_document(found: Predictions) -> Document:
    """Lay out predictions: how often each, then the texts."""
    rows = found.rows()
    counts = Counter(map(named, found.said))
    sections: list[Section] = []
    if found.probabilities is not None:
        drawing = bars([(name, n / len(rows), None) for name, n in counts.most_common(MOST_BARS)], "share of the texts")
        listed = [{"predicted": name, "texts": n, "share": n / len(rows)} for name, n in counts.most_common(50)]
        sections.append(Section("Predicted classes", [Figure(drawing, "", listed)]))
    sections.append(Section("Texts", first_rows(rows)))
    return Document("Predictions", _predicted(found), sections, notes=found.notes)


def _predicted(found: Predictions) -> str:
    """Say what is predicted most, and of how many texts the model is not sure; of numbers their middle and ends."""
    n = len(found.predicted)
    if found.probabilities is None:
        low, middle, high = np.quantile(np.asarray(found.predicted, float), (0, 0.5, 1)) if n else (np.nan,) * 3
        return f"{counted(n, 'text')}: the median prediction is {number(middle)}, from {number(low)} to {number(high)}."
    unsure = int((np.max(found.probabilities, axis=1) < 0.5).sum()) if n else 0
    given = Counter(named(label) for label in found.predicted if label is not None)
    name, most = given.most_common(1)[0] if given else ("none", 0)
    left = f", {n - given.total():,} are left unsure" if given.total() < n else ""
    sure = f"for {unsure:,} the likeliest class has less than one half"
    return f"{counted(n, 'text')}: the most frequent class is {name} ({most:,}){left}; {sure}."


def embeddings_document(found: Embeddings) -> Document:
    """Lay out what embeddings are of; their numbers are for programs."""
    n, dim = found.vectors.shape
    length = "length 1" if found.normalized else "their own length"
    finding = f"{counted(n, 'vector')} of {dim} numbers and {length}, by {found.encoder}: {found.pooling}."
    return Document("Embeddings", finding, [])


def data_document(report: DataReport) -> Document:
    """Lay out what was found in a data set."""
    about = f"From {report.source}; median {report.words_median:.0f} words, longest {report.words_longest:,}."
    found = "nothing that needs a look" if not report.notes else counted(len(report.notes), "thing") + " worth a look"
    in_all = f" in {counted(len(report.classes), 'class', 'classes')}" if report.classes else ""
    sections = [Section("Worth a look", [Notes([str(note) for note in report.notes])])] if report.notes else []
    if report.classes:
        rows = [{"class": str(name), "texts": n, "share": n / report.n_texts} for name, n in report.classes.items()]
        most = sorted(report.classes.items(), key=lambda entry: -entry[1])[:MOST_BARS]
        drawing = bars([(str(name), n / report.n_texts, None) for name, n in most], "share of the texts")
        sections.append(Section("Classes", [Figure(drawing, "", rows)]))
    return Document("Data", f"{counted(report.n_texts, 'text')}{in_all}: {found}.", sections, about)


def measurements_document(found: Measurements) -> Document:
    """Lay out measures of one set of points."""
    rows = [
        {"measure": m.measure, "value": m.value, "meaning": CATALOGUE[m.measure].direction, "points": m.n,
         "advised": m.advised, "problem": m.problem or ""}
        for m in found.measured
    ]  # fmt: skip
    few = [
        f"{m.measure}: {counted(m.advised, 'point')} advised, {m.n:,} given" for m in found.measured if m.n < m.advised
    ]
    told = ", ".join(f"{m.measure} {m.value:.3f}" for m in found.measured[:3] if m.value is not None)
    about = f"{counted(found.n, 'point')} of {counted(found.dim, 'dimension')}, {found.variant} formulas."
    return Document(
        "Geometry", f"{told or 'No measure has a value'}.", [Section("Measures", [Table(rows)])], about, few
    )


def class_geometry_document(found: ClassGeometry) -> Document:
    """Lay out how tokens fill a classifier's spaces, and whether the spaces are disjoint."""
    about = (
        f"{counted(found.n_tokens, 'token')} of {counted(found.n_texts, 'text')} in spaces of width {found.n_latent}."
    )
    rows = [(str(row["class"]), row["effective_rank"], None) for row in found.spaces]
    drawing = bars(rows, "effective rank of a space's tokens")
    fill = Figure(drawing, f"{CATALOGUE['effective_rank'].direction}.", found.rows())
    sections = [Section("How tokens fill the spaces", [fill]), overlap_section(found.overlap, folded=True)]
    return Document("Geometry of the concept spaces", f"The spaces are {found.disjoint}.", sections, about, found.notes)


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
