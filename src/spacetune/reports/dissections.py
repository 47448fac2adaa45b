"""A dissection as a report, a tile a token and layer; and in the terminal, a bar a layer and a bar a token."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from spacetune.dissection import TERMS, Dissection, Split
from spacetune.errors import counted, printable
from spacetune.reports.charts import TILED, bars, curves, heat_map, tiles
from spacetune.reports.document import Document, Figure, Paragraph, Section, Table
from spacetune.reports.markup import Markup
from spacetune.reports.terminal import ScoreTable, plain
from spacetune.results import Result

__all__ = ["dissection_document", "draw_dissection", "draw_terms"]

COLOURS = dict(zip(TERMS, ("cyan", "green", "yellow", "magenta"), strict=True))
SIGNS = dict(zip(TERMS, "ihfc", strict=True))
WIDTH = 28
MOST_TOKENS, MOST_ROWS = 60, 400


def dissection_document(found: Dissection) -> Document:
    """Lay out a dissection: terms token by token and layer by layer, their mean over tokens, the splits."""
    rows = found.curves()
    shares = found.importance().double().numpy()
    n_tokens = shares.shape[0]
    of = f"{counted(n_tokens, 'token')} of {counted(len(found), 'text')}"
    about = (
        f"{found.provenance.encoder}: {of}. Every hidden state is a sum of four terms; the largest gap is "
        f"{found.residual():.1e}. A term's share is its relative dot product with the state; the four shares sum to 1, "
        "and one that points against the state is below 0."
    )
    if cut := _cut(found):
        about = f"{about} {cut[0].upper()}{cut[1:]}."
    sections = [Section("Token by token", [_tiled(found, shares)])] if n_tokens else []
    sections.append(_over_layers(rows))
    sections += [section for split in found.splits.values() if (section := _split_section(found, split)) is not None]
    listed = found.rows()
    more = [Paragraph(f"The first {MOST_ROWS} of {len(listed):,} rows; write .csv for all.")]
    parts = [*(more if len(listed) > MOST_ROWS else []), Table(listed[:MOST_ROWS])]
    sections.append(Section("All numbers", parts, folded=True))
    return Document("Dissection", _finding(rows), sections, about)


def _finding(rows: Sequence[dict[str, Any]]) -> str:
    """Say which terms the states are made of at the last layer, and how far tokens differ."""
    last = rows[-1]
    order = sorted(TERMS, key=lambda term: -last[term])
    told = ", ".join(f"{term.replace('_', '-')} {last[term]:.0%} (± {last[f'{term} std']:.0%})" for term in order)
    return f"At layer {last['layer']} the states are {told}: mean over tokens and one standard deviation."


def _tiled(found: Dissection, shares: np.ndarray[Any, Any]) -> Figure:
    names = [printable(token) for text in found.tokens for token in text][:MOST_TOKENS]
    panels = {term.replace("_", "-"): shares[:MOST_TOKENS, :, i] for i, term in enumerate(TERMS)}
    cut = f" The first {MOST_TOKENS} of {len(shares):,} tokens." if len(shares) > MOST_TOKENS else ""
    caption = f"A row is a token, a column a layer (0: the embeddings). {TILED}{cut}"
    return Figure(tiles(panels, names, list(map(str, found.layers)), "layer"), caption)


def _over_layers(rows: Sequence[dict[str, Any]]) -> Section:
    """Draw the terms' mean shares over layers, or at the one layer asked for."""
    if len(rows) > 1:
        lines = {term.replace("_", "-"): [(float(row["layer"]), float(row[term])) for row in rows] for term in TERMS}
        drawing, caption = curves(lines, "layer", "share of the state"), "Mean over tokens."
    else:
        drawing = _term_bars(rows[0])
        caption = "Mean over tokens; lines: one standard deviation."
    return Section("Over layers" if len(rows) > 1 else f"At layer {rows[0]['layer']}", [Figure(drawing, caption, rows)])


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


def draw_dissection(console: Console, found: Dissection) -> None:
    """Print importances over layers, then token by token at the last layer asked for, then the splits."""
    legend = Text("importance ⟨e, v⟩/‖e‖²: ")
    for term in TERMS:
        legend.append(f"{SIGNS[term]} {term.replace('_', '-')}  ", style=COLOURS[term])
    console.print(legend)
    if len(found.layers) > 1:
        console.print(_table("layer", [(str(row["layer"]), [row[t] for t in TERMS]) for row in found.curves()]))
    last = found.importance()[:, -1].tolist()
    names = [token for text in found.tokens for token in text]
    rows = list(zip(names, last, strict=True))
    console.print(_table(f"token, layer {max(found.layers)}", rows[:MOST_TOKENS]))
    if len(rows) > MOST_TOKENS:
        console.print(plain(f"and {len(rows) - MOST_TOKENS:,} more tokens; --json has them all"))
    for split in found.splits.values():
        _draw_split(console, split, found)
    console.print(plain(f"largest residual |i + h + f + c - e|: {found.residual():.1e}", "dim"))
    if cut := _cut(found):
        console.print(plain(cut, "dim"))


def _cut(found: Dissection) -> str:
    """Say how many texts are longer than what was read of them; nothing where none is."""
    about = found.provenance
    at = f"cut at {about.max_length * about.max_windows:,} tokens"
    return f"{counted(about.n_truncated, 'text')} of {len(found):,} {at}" if about.n_truncated else ""


def draw_terms(console: Console, found: Result) -> None:
    """Print a study of terms: what it was made on, its rows, and what is beside them."""
    facts = {name: value for name, value in vars(found).items() if isinstance(value, str | int | float)}
    console.print(plain(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())))
    console.print(ScoreTable(found.rows()))
    kept: dict[str, float] = getattr(found, "kept", {})
    if kept:
        console.print(ScoreTable([{"predictions kept without": t, "share of texts": v} for t, v in kept.items()]))


def _table(first: str, rows: Sequence[tuple[str, Sequence[float]]]) -> Grid:
    table = Grid(show_edge=False, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for term in TERMS:
        table.add_column(SIGNS[term], justify="right", style=COLOURS[term], min_width=6)
    table.add_column("", no_wrap=True)
    for name, values in rows:
        table.add_row(Text(printable(name)), *[f"{value:.3f}" for value in values], _bar(values))
    return table


def _bar(values: Sequence[float]) -> Text:
    """Draw the terms' shares side by side; a negative one is left out, and the table shows it."""
    positive = [max(value, 0.0) for value in values]
    total, bar, done, end = sum(positive) or 1.0, Text(), 0.0, 0
    for term, value in zip(TERMS, positive, strict=True):
        done += value
        stop = round(WIDTH * done / total)
        bar.append(SIGNS[term] * (stop - end), style=f"{COLOURS[term]} reverse")
        end = stop
    return bar


def _draw_split(console: Console, split: Split, found: Dissection) -> None:
    console.print(Text(f"\nby {split.name}, mean over tokens", style="bold"))
    if split.name == "bias":
        table = Grid(show_edge=False, pad_edge=False)
        table.add_column("part of the correction")
        table.add_column("importance", justify="right")
        for label, value in zip(split.labels, split.mean().tolist(), strict=True):
            table.add_row(label, f"{value:+.3f}")
        console.print(table)
    elif split.name == "attended":
        for i, tokens in enumerate(found.tokens):
            _draw_attended(console, split, i, tokens)
    else:
        table = Grid(show_edge=False, pad_edge=False, padding=0)
        table.add_column("term, layer" if split.name == "layer" else "layer, head", no_wrap=True)
        for label in split.labels:
            table.add_column(label, justify="right", no_wrap=True)
        names = ("attention", "feed-forward") if split.name == "layer" else map(str, range(1, 1 + split.dots.shape[1]))
        for name, row in zip(names, split.mean().tolist(), strict=True):
            table.add_row(name, *[f"{value:+.2f}" for value in row])
        console.print(table)


def _draw_attended(console: Console, split: Split, text: int, tokens: Sequence[str]) -> None:
    """Print what each token takes most from, over all layers and heads."""
    matrix = split.of_text(text).sum((2, 3))
    for token, row in zip(tokens, matrix[:MOST_TOKENS], strict=False):
        values, places = row.topk(min(4, len(row)))
        most = ", ".join(f"{tokens[i]} {v:+.3f}" for v, i in zip(values.tolist(), places.tolist(), strict=True))
        console.print(Text(printable(f"{token:>14} ← {most}")))
