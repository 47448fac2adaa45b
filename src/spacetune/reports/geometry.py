"""Measures of geometry drawn in the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console

from spacetune.errors import counted
from spacetune.reports.terminal import draw_notes, plain, score_table
from spacetune.studies import ClassGeometry, EncoderComparison, LayerRanking, MeasureTable, PerturbationLadder

__all__ = ["draw_class_geometry", "draw_comparison", "draw_ladder", "draw_measures", "draw_ranking"]


def draw_measures(console: Console, table: MeasureTable) -> None:
    """Print a row a layer and a column a measure; with intervals, a row a layer and measure."""
    _head(console, table)
    if any(entry.low is not None for entry in table.values):
        rows = [{"layer": v.layer, "measure": v.measure, "value": v.value, "low": v.low, "high": v.high, "n": v.n}
                for v in table.values]  # fmt: skip
        console.print(score_table(rows, "with 95 % intervals over texts"))
    elif len(table.measures) <= 10:
        console.print(score_table(table.wide()))
    else:
        console.print(score_table(_turned(table)))
    draw_notes(console, table.notes)


def _head(console: Console, table: MeasureTable) -> None:
    source = table.provenance
    head = f"{source.encoder} ({source.dtype}): {counted(table.n_tokens, 'token')} of {counted(table.n_texts, 'text')}"
    sampled = f"neighbours and quantizers on {table.n_sample:,} of them"
    console.print(plain(f"{head}, {counted(table.dim, 'dimension')}; {sampled}"))


def _turned(table: MeasureTable) -> list[dict[str, Any]]:
    """Return one row a measure and one column a layer: many measures do not fit side by side."""
    found: dict[str, dict[str, Any]] = {name: {"measure": name} for name in table.measures}
    for entry in table.values:
        found[entry.measure][f"layer {entry.layer}"] = entry.value
    return list(found.values())


def draw_comparison(console: Console, found: EncoderComparison) -> None:
    """Print similarities a pair of layers, then both encoders' measures side by side."""
    console.print(plain(f"A: {found.a.provenance.encoder}\nB: {found.b.provenance.encoder}"))
    console.print(score_table(found.rows(), f"similarity of {found.n_points:,} {found.unit}s (angles in degrees)"))
    console.print(score_table(found.differences, "measures"))
    draw_notes(console, found.notes)


def draw_ladder(console: Console, found: PerturbationLadder) -> None:
    """Print a row a share of noise and a column a measure, the mean over seeds."""
    source = found.provenance
    of = f"{counted(found.n_tokens, 'token')} of {counted(found.n_texts, 'text')}"
    console.print(plain(f"{source.encoder}, layer {source.layers[0]}: {of}"))
    rows = [
        {"noise in %": alpha} | {m: float(np.mean(v)) if (v := found.at(m, alpha)) else None for m in found.measures}
        for alpha in found.alphas
    ]
    console.print(score_table(rows, f"mean over {counted(len(found.seeds), 'seed')}"))
    draw_notes(console, found.notes)


def draw_class_geometry(console: Console, found: ClassGeometry) -> None:
    """Print a row a concept space, and whether the spaces are disjoint."""
    console.print(score_table(found.rows(), f"{counted(found.n_tokens, 'token')} in spaces of width {found.n_latent}"))
    console.print(plain(f"the spaces are {found.disjoint}"), soft_wrap=True)
    draw_notes(console, found.notes)


def draw_ranking(console: Console, found: LayerRanking) -> None:
    """Print the layer that each measure picks, its record, and what picking without measures would cost."""
    _head(console, found.table)
    rows = [
        {
            "picked by": row["by"],
            "prefers": row["direction"],
            "layer": row["first"],
            "best layer picked": f"{row['best']:.1f} of {row['of']}".replace(".0 of", " of"),
            "mean regret": row["regret"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in found.rows()
    ]
    console.print(score_table(rows, "layers picked, and the record of each way of picking on known data sets"))
    console.print(plain(found.verdict), soft_wrap=True)
    console.print(plain(f"evidence: {found.about}", "dim"), soft_wrap=True)
    draw_notes(console, found.notes)
