"""Reports on an encoder's states: measures by layer and by noise, two encoders compared, embeddings dissected."""

from __future__ import annotations

from typing import Any

import numpy as np

from spacetune.dissection import TERMS, Dissection, Split
from spacetune.reports.charts import bars, curves, heat_map
from spacetune.reports.document import Document, Figure, Paragraph, Section, Table, noted
from spacetune.reports.markup import Markup
from spacetune.studies.geometry.comparing import EncoderComparison
from spacetune.studies.geometry.measure_table import MeasureTable
from spacetune.studies.geometry.perturbing import PerturbationLadder

__all__ = ["comparison_document", "dissection_document", "ladder_document", "measures_document"]

MOST_ROWS = 400
MOST_TOKENS = 60
RANKS, PARTS = 40, (0.5, 0.9, 0.99)
"""Axes drawn of a spectrum at most, and the shares of variance that its numbers tell of."""
SIMILARITIES = ("debiased_cka", "procrustes", "neighbour_overlap")


def measures_document(table: MeasureTable) -> Document:
    """Lay out measures over layers, one curve a measure, with its intervals."""
    figures = [figure for measure in table.measures if (figure := _over_layers(table, measure)) is not None]
    lead = (
        f"{table.provenance.encoder}: {table.n_tokens:,} tokens of {table.n_texts:,} texts, {table.dim} dimensions, "
        f"{table.variant} formulas."
    )
    sections = noted(table.notes)
    several = len(table.layers) > 1
    if figures and several:
        sections.append(Section("Measures over layers", figures))
    if table.spectra.size:
        sections.append(Section("Spectrum", [_spectrum(table)]))
    values = Table(table.wide() if several else table.rows())
    return Document("Geometry", lead, [*sections, Section("All values", [values])])


def _over_layers(table: MeasureTable, measure: str) -> Figure | None:
    """Draw one measure, with its intervals; None where it has no finite value."""
    entries = [e for e in table.values if e.measure == measure and e.value is not None and np.isfinite(e.value)]
    if not entries:
        return None
    line = [(float(e.layer), float(e.value or 0.0)) for e in entries]
    band = [(float(e.layer), e.low, e.high) for e in entries if e.low is not None and e.high is not None]
    drawing = curves({measure: line}, "layer", measure, bands={measure: band} if band else None)
    told = ", with 95 % intervals" if band else ""
    return Figure(drawing, f"{measure} of {entries[0].n:,} tokens{told}.")


def _spectrum(table: MeasureTable) -> Figure:
    """Draw every layer's eigenvalues as shares of the variance, both axes logarithmic."""
    totals = np.maximum(table.spectra.sum(1, keepdims=True), 1e-300)
    shares = table.spectra / totals
    ranks = np.unique(np.geomspace(1, shares.shape[1], RANKS).round().astype(int))
    lines = {
        f"layer {layer}": [(float(k), float(row[k - 1])) for k in ranks if row[k - 1] > 0]
        for layer, row in zip(table.layers, shares, strict=True)
    }
    rows = [
        {"layer": layer, "first axis": float(row[0])}
        | {f"axes for {part:.0%}": int(np.searchsorted(below, part)) + 1 for part in PARTS}
        for layer, row, below in zip(table.layers, shares, shares.cumsum(1), strict=True)
    ]
    caption = (
        "Share of the variance along every principal axis, largest first; all tokens, both scales logarithmic. A level "
        "line is a cloud as wide in all directions; a steep one lies in few."
    )
    return Figure(curves(lines, "axis", "share of variance", log="xy", ordered=True), caption, rows)


def ladder_document(found: PerturbationLadder) -> Document:
    """Lay out measures over the share of noise in an encoder's weights, one curve a measure."""
    several = f", mean of {len(found.seeds)} seeds with their range" if len(found.seeds) > 1 else ""
    about = f"{several}. Dashed: the encoder without noise."
    figures = [Figure(_rungs(found, measure), f"{measure}{about}") for measure in found.measures]
    lead = (
        f"{found.provenance.encoder}, layer {found.provenance.layers[0]}, with noise mixed into its weights; "
        f"{found.n_tokens:,} tokens of {found.n_texts:,} texts, {found.dim} dimensions."
    )
    sections = noted(found.notes)
    sections += [Section("Measures over the share of noise", figures), Section("All values", [Table(found.rows())])]
    return Document("Perturbation ladder", lead, sections)


def _rungs(found: PerturbationLadder, measure: str) -> Markup:
    noisy = [(alpha, values) for alpha in found.alphas[1:] if (values := found.at(measure, alpha))]
    line = [(alpha, float(np.mean(values))) for alpha, values in noisy]
    band = [(alpha, min(values), max(values)) for alpha, values in noisy if len(values) > 1]
    level = next(iter(found.at(measure, 0.0)), None)
    return curves({measure: line}, "noise in percent", measure, level=level, bands={measure: band}, log="x")


def comparison_document(found: EncoderComparison) -> Document:
    """Lay out two encoders: how alike their layers are, and how their measures differ."""
    names = found.a.provenance.encoder, found.b.provenance.encoder
    alike = {
        name: [(float(row["layer_a"]), float(row[name])) for row in found.pairs if row.get(name) is not None]
        for name in SIMILARITIES
    }
    drawing = curves(alike, "layer of the first", "similarity")
    if len(found.pairs) == 1:
        drawing = bars([(name, line[0][1], None) for name, line in alike.items() if line], "similarity")
    caption = "CKA and neighbour overlap: 1 is alike. Procrustes: 0 is equal up to rotation and scale."
    lead = f"{names[0]} and {names[1]} on the same texts; {found.n_points:,} {found.unit}s compared."
    sections = noted(found.notes)
    sections.append(Section("How alike the layers are", [Figure(drawing, caption, found.pairs)]))
    sections.append(Section("How the measures differ", [Table(found.differences, "b minus a")]))
    return Document("Two encoders", lead, sections)


def dissection_document(found: Dissection) -> Document:
    """Lay out a dissection: what share of the states each term is, over layers, over heads, token by token."""
    rows = found.curves()
    lines = {term: [(float(row["layer"]), float(row[term])) for row in rows] for term in TERMS}
    caption = "Mean relative dot product of every term with the hidden state; the four sum to 1."
    drawing = curves(lines, "layer", "share of the state") if len(rows) > 1 else _term_bars(rows[0])
    figure = Figure(
        drawing, caption if len(rows) > 1 else f"{caption} Lines: one standard deviation over tokens.", rows
    )
    lead = (
        f"{found.provenance.encoder}: {sum(map(len, found.tokens)):,} tokens of {len(found):,} texts. "
        f"Every hidden state is a sum of four terms; the largest gap is {found.residual():.1e}."
    )
    sections = [Section("Terms over layers" if len(rows) > 1 else f"Terms at layer {found.layers[0]}", [figure])]
    sections += [section for split in found.splits.values() if (section := _split_section(found, split)) is not None]
    listed = found.rows()
    parts: list[Any] = [Table(listed[:MOST_ROWS])]
    if len(listed) > MOST_ROWS:
        parts.insert(0, Paragraph(f"The first {MOST_ROWS} of {len(listed):,} rows; write .csv for all."))
    return Document("Dissection", lead, [*sections, Section("Tokens", parts)])


def _term_bars(row: dict[str, Any]) -> Markup:
    """Draw one layer's shares, with one standard deviation over tokens to either side."""
    told = [(term, float(row[term]), float(row[f"{term} std"])) for term in TERMS]
    return bars(
        [(name.replace("_", "-"), mean, (mean - std, mean + std)) for name, mean, std in told], "share of the state"
    )


def _split_section(found: Dissection, split: Split) -> Section | None:
    if split.name == "head":
        grid = split.mean().double().numpy()
        layers = [f"layer {i + 1}" for i in range(len(grid))]
        drawing = heat_map(grid, layers, split.labels, digits=3, corner="layer ↓ head →")
        return Section("Heads", [Figure(drawing, "Mean share of the state that each attention head added.")])
    if split.name == "bias":
        told = [(label, value, None) for label, value in zip(split.labels, split.mean().tolist(), strict=True)]
        return Section(
            "Correction", [Figure(bars(told, "share of the state"), "Mean share of every part of the correction.")]
        )
    if split.name == "layer":
        drawing = heat_map(split.mean().double().numpy(), ("attention", "feed-forward"), split.labels, digits=3)
        return Section("Layers", [Figure(drawing, "Mean share of the state that every layer's sub-layers added.")])
    if split.name == "attended" and len(found):
        pairs = split.of_text(0).sum((2, 3)).double().numpy()[:MOST_TOKENS, :MOST_TOKENS]
        tokens = found.tokens[0][:MOST_TOKENS]
        drawing = heat_map(pairs, tokens, tokens, corner="token ↓ attended →")
        caption = f"First text: share of a token's state that came from each token, the first {MOST_TOKENS} tokens."
        return Section("From token to token", [Figure(drawing, caption)])
    return None
