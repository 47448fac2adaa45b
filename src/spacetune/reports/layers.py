"""Reports over the layers of an encoder: measures, two encoders compared, embeddings dissected; and a simplex."""

from __future__ import annotations

from typing import Any

from spacetune.dissection import TERMS, Dissection, Split
from spacetune.estimators.prefix_uncertainty import Uncertainty
from spacetune.reports.charts import curves, heat_map
from spacetune.reports.document import Document, Figure, Notes, Paragraph, Section, Table
from spacetune.studies.comparing import EncoderComparison
from spacetune.studies.measure_table import MeasureTable

__all__ = ["comparison_document", "dissection_document", "measures_document", "uncertainty_document"]

MOST_ROWS = 400
MOST_TOKENS = 60
SIMILARITIES = ("debiased_cka", "procrustes", "neighbour_overlap")


def measures_document(table: MeasureTable) -> Document:
    """Lay out measures over layers, one curve a measure, with its intervals."""
    figures: list[Any] = []
    for measure in table.measures:
        entries = [entry for entry in table.values if entry.measure == measure and entry.value is not None]
        line = [(float(entry.layer), float(entry.value or 0.0)) for entry in entries]
        band = [(float(e.layer), e.low, e.high) for e in entries if e.low is not None and e.high is not None]
        drawing = curves({measure: line}, "layer", measure, bands={measure: band} if band else None)
        told = ", with 95 % intervals" if band else ""
        figures.append(Figure(drawing, f"{measure} of {entries[0].n if entries else 0:,} tokens{told}."))
    lead = (
        f"{table.provenance.encoder}: {table.n_tokens:,} tokens of {table.n_texts:,} texts, {table.dim} dimensions, "
        f"{table.variant} formulas."
    )
    sections = [Section("Warnings", [Notes(table.notes)])] if table.notes else []
    sections += [Section("Measures over layers", figures), Section("All values", [Table(table.wide())])]
    return Document("Geometry", lead, sections)


def comparison_document(found: EncoderComparison) -> Document:
    """Lay out two encoders: how alike their layers are, and how their measures differ."""
    names = found.a.provenance.encoder, found.b.provenance.encoder
    alike = {
        name: [(float(row["layer_a"]), float(row[name])) for row in found.pairs if row.get(name) is not None]
        for name in SIMILARITIES
    }
    drawing = curves(alike, "layer of the first", "similarity")
    caption = "CKA and neighbour overlap: 1 is alike. Procrustes: 0 is equal up to rotation and scale."
    lead = f"{names[0]} and {names[1]} on the same texts; {found.n_points:,} {found.unit}s compared."
    sections = [Section("Warnings", [Notes(found.notes)])] if found.notes else []
    sections.append(Section("How alike the layers are", [Figure(drawing, caption, found.pairs)]))
    sections.append(Section("How the measures differ", [Table(found.differences, "b minus a")]))
    return Document("Two encoders", lead, sections)


def dissection_document(found: Dissection) -> Document:
    """Lay out a dissection: what share of the states each term is, over layers, over heads, token by token."""
    rows = found.curves()
    lines = {term: [(float(row["layer"]), float(row[term])) for row in rows] for term in TERMS}
    caption = "Mean relative dot product of every term with the hidden state; the four sum to 1."
    figure = Figure(curves(lines, "layer", "share of the state"), caption, rows)
    lead = (
        f"{found.provenance.encoder}: {sum(map(len, found.tokens)):,} tokens of {len(found):,} texts. "
        f"Every hidden state is a sum of four terms; the largest gap is {found.residual():.1e}."
    )
    sections = [Section("Terms over layers", [figure])]
    sections += [section for split in found.splits.values() if (section := _split_section(found, split)) is not None]
    listed = found.rows()
    parts: list[Any] = [Table(listed[:MOST_ROWS])]
    if len(listed) > MOST_ROWS:
        parts.insert(0, Paragraph(f"The first {MOST_ROWS} of {len(listed):,} rows; write .csv for all."))
    return Document("Dissection", lead, [*sections, Section("Tokens", parts)])


def _split_section(found: Dissection, split: Split) -> Section | None:
    if split.name == "head":
        grid = split.mean().double().numpy()
        layers = [f"layer {i + 1}" for i in range(len(grid))]
        drawing = heat_map(grid, layers, split.labels, digits=3, corner="layer ↓ head →")
        return Section("Heads", [Figure(drawing, "Mean share of the state that each attention head added.")])
    if split.name == "attended" and len(found):
        pairs = split.of_text(0).sum((2, 3)).double().numpy()[:MOST_TOKENS, :MOST_TOKENS]
        tokens = found.tokens[0][:MOST_TOKENS]
        drawing = heat_map(pairs, tokens, tokens, corner="token ↓ attended →")
        caption = f"First text: share of a token's state that came from each token, the first {MOST_TOKENS} tokens."
        return Section("From token to token", [Figure(drawing, caption)])
    return None


def uncertainty_document(found: Uncertainty) -> Document:
    """Lay out how far the points of a simplex agree on every text."""
    ordered = sorted(zip(found.total.tolist(), found.expected.tolist(), found.mutual.tolist(), strict=True))
    place = [float(i + 1) for i in range(len(ordered))]
    lines = {
        name: list(zip(place, [row[i] for row in ordered], strict=True))
        for i, name in enumerate(("total", "expected", "mutual"))
    }
    caption = "Texts by total uncertainty: expected (the text is open) plus mutual (the points disagree)."
    figure = Figure(curves(lines, "text", "share of the largest entropy", y=(0.0, 1.0)), caption)
    rows = found.rows()
    lead = f"{len(rows):,} texts, {found.n_samples} points of the simplex."
    sections = [Section("Spread over the simplex", [figure]), Section("Texts", [Table(rows[:MOST_ROWS])])]
    return Document("Uncertainty", lead, sections)
