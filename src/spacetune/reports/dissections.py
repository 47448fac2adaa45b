"""A dissection drawn in the terminal: a bar a layer, a bar a token, tables of the finer parts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spacetune.dissection import TERMS, Dissection, Split
from spacetune.errors import printable
from spacetune.reports.terminal import plain, score_table
from spacetune.results import Result

__all__ = ["draw_dissection", "draw_terms"]

COLOURS = dict(zip(TERMS, ("cyan", "green", "yellow", "magenta"), strict=True))
SIGNS = dict(zip(TERMS, "ihfc", strict=True))
WIDTH = 28
MOST_TOKENS = 60


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


def draw_terms(console: Console, found: Result) -> None:
    """Print a study of terms: what it was made on, its rows, and what is beside them."""
    facts = {name: value for name, value in vars(found).items() if isinstance(value, str | int | float)}
    console.print(plain(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())))
    console.print(score_table(found.rows()))
    kept: dict[str, float] = getattr(found, "kept", {})
    if kept:
        console.print(score_table([{"predictions kept without": t, "share of texts": v} for t, v in kept.items()]))


def _table(first: str, rows: Sequence[tuple[str, Sequence[float]]]) -> Table:
    table = Table(show_edge=False, pad_edge=False)
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
        table = Table(show_edge=False, pad_edge=False)
        table.add_column("part of the correction")
        table.add_column("importance", justify="right")
        for label, value in zip(split.labels, split.mean().tolist(), strict=True):
            table.add_row(label, f"{value:+.3f}")
        console.print(table)
    elif split.name == "attended":
        for i, tokens in enumerate(found.tokens):
            _draw_attended(console, split, i, tokens)
    else:
        table = Table(show_edge=False, pad_edge=False, padding=0)
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
