"""Reports on an encoder's states: measures by layer and by noise, layers ranked, two encoders compared."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np

from spacetune.errors import counted
from spacetune.geometry import CATALOGUE
from spacetune.reports.charts import bars, curves, dots
from spacetune.reports.document import Document, Figure, Paragraph, Section, Table
from spacetune.reports.markup import Markup
from spacetune.studies.geometry.comparing import EncoderComparison
from spacetune.studies.geometry.layer_evidence import BASELINES, records, stored_evidence
from spacetune.studies.geometry.measure_table import MeasureTable
from spacetune.studies.geometry.perturbing import PerturbationLadder
from spacetune.studies.geometry.pick_record import PickRecord
from spacetune.studies.geometry.ranking import LayerRanking, verdict

__all__ = ["comparison_document", "ladder_document", "measures_document", "ranking_document"]

RANKS, PARTS = 40, (0.5, 0.9, 0.99)
"""Axes drawn of a spectrum at most, and the shares of variance that its numbers tell of."""
SIMILARITIES = ("debiased_cka", "procrustes", "neighbour_overlap")


def measures_document(table: MeasureTable) -> Document:
    """Lay out measures over layers, one curve a measure, with what a high value means and the layer it would pick."""
    record = {entry.by: entry for entry in records(stored_evidence(table.provenance.sha256))}
    several = len(table.layers) > 1
    figures = [
        figure
        for measure in table.measures
        if (figure := _over_layers(table, measure, record.get(measure) if several else None)) is not None
    ]
    about = (
        f"{table.provenance.encoder}: {counted(table.n_tokens, 'token')} of {counted(table.n_texts, 'text')}, "
        f"{counted(table.dim, 'dimension')}, {table.variant} formulas."
    )
    sections = [Section("Measures over layers", figures)] if figures and several else []
    if table.spectra.size:
        sections.append(Section("Spectrum", [_spectrum(table)]))
    values = Table(table.wide() if several else table.rows())
    sections.append(Section("All values", [values], folded=several))
    return Document("Geometry", _measures_finding(table, record), sections, about, table.notes)


def _measures_finding(table: MeasureTable, record: dict[str, PickRecord]) -> str:
    """Say what layers the measures would pick, and whether following any of them is worth it."""
    if len(table.layers) == 1:
        told = [f"{e.measure} {e.value:.3f}" for e in table.values if e.value is not None][:3]
        return f"At layer {table.layers[0]}: {', '.join(told)}." if told else "No measure has a value here."
    evidence = stored_evidence(table.provenance.sha256)
    other = "" if table.provenance.sha256 == evidence.sha256 else f" That was seen on {evidence.encoder}."
    return f"Which layer to read? {verdict(record)[0].upper()}{verdict(record)[1:]}.{other}"


def _over_layers(table: MeasureTable, measure: str, record: PickRecord | None) -> Figure | None:
    """Draw one measure, with its intervals; None where it has no finite value."""
    entries = [e for e in table.values if e.measure == measure and e.value is not None and np.isfinite(e.value)]
    if not entries:
        return None
    line = [(float(e.layer), float(e.value or 0.0)) for e in entries]
    band = [(float(e.layer), e.low, e.high) for e in entries if e.low is not None and e.high is not None]
    drawing = curves({measure: line}, "layer", measure, bands={measure: band} if band else None)
    known = CATALOGUE[measure]
    told = [f"{known.purpose[0].upper()}{known.purpose[1:]}; {known.direction}."]
    if record is not None:
        extreme = max if record.direction == "greatest" else min
        picked = extreme(line, key=lambda point: point[1])[0]
        told.append(
            f"It would pick layer {picked:.0f}, where it is {record.direction}; that was the best layer on "
            f"{record.best:g} of {record.of} data sets."
        )
    told.append(f"{counted(entries[0].n, 'token')}{', bars: 95 % intervals' if band else ''}.")
    return Figure(drawing, " ".join(told))


def ranking_document(found: LayerRanking) -> Document:
    """Lay out the layers that measures would pick, and what every way of picking lost on known data sets."""
    ways = sorted([*found.picks, *(each.to_dict() for each in found.baselines)], key=lambda row: row["regret"])
    rows = [(row["by"], row["regret"], (row["low"], row["high"])) for row in ways]
    most = max(high for _, _, (_, high) in rows)
    caption = (
        "Mean loss against the best layer, in accuracy, with 95 % intervals over data sets: further left is better. "
        + "; ".join(f"{name}: {BASELINES[name]}" for name in BASELINES)
        + "."
    )
    drawing = dots(rows, "accuracy lost by picking so", (0.0, 1.05 * most))
    sections = [
        Section("What following each would cost", [Figure(drawing, caption)]),
        Section("Picks and records", [Table(found.rows())], folded=True),
        Section("The evidence", [Paragraph(f"{found.about}.")], folded=True),
    ]
    finding = f"{found.verdict[0].upper()}{found.verdict[1:]}."
    return Document("Which layer to read", finding, sections, notes=found.notes)


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
    several = f", mean of {counted(len(found.seeds), 'seed')} with their range" if len(found.seeds) > 1 else ""
    figures = [
        Figure(_rungs(found, m), f"{m}: {CATALOGUE[m].direction}{several}. Dashed: the encoder without noise.")
        for m in found.measures
    ]
    about = (
        f"{found.provenance.encoder}, layer {found.provenance.layers[0]}, with noise mixed into its weights; "
        f"{counted(found.n_tokens, 'token')} of {counted(found.n_texts, 'text')}, {counted(found.dim, 'dimension')}."
    )
    sections = [
        Section("Measures over the share of noise", figures),
        Section("All values", [Table(found.rows())], folded=True),
    ]
    return Document("Perturbation ladder", _ladder_finding(found), sections, about, found.notes)


def _ladder_finding(found: PerturbationLadder) -> str:
    """Say what the largest share of noise makes of each measure, and how far seeds differ."""
    most, told = found.alphas[-1], list[str]()
    for measure in found.measures[:3]:
        before, after = found.at(measure, 0.0), found.at(measure, most)
        if before and after:
            spread = f" ({min(after):.3g} to {max(after):.3g} over seeds)" if len(after) > 1 else ""
            told.append(f"{measure} from {before[0]:.3g} to {np.mean(after):.3g}{spread}")
    return f"{most:g} % of noise takes {'; '.join(told)}." if told else "No measure has a value to compare."


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
    about = f"{names[0]} and {names[1]} on the same texts; {counted(found.n_points, found.unit)} compared."
    sections = [
        Section("How alike the layers are", [Figure(drawing, caption, found.pairs)]),
        Section("How the measures differ", [Table(found.differences, "b minus a")], folded=True),
    ]
    ordered = sorted(found.pairs, key=lambda row: -row["debiased_cka"])
    told = [
        f"{how} layer {row['layer_a']} of the first and {row['layer_b']} of the second ({row['debiased_cka']:.3f})"
        for how, row in (("most alike are", ordered[0]), ("least", ordered[-1]))[: len(ordered)]
    ]
    finding = f"By debiased CKA (1: equal up to rotation and scale, 0: unrelated) {', '.join(told)}."
    return Document("Two encoders", finding, sections, about, found.notes)
