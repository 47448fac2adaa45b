"""Rows as a table in the terminal: nothing is cut, whatever the width."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from spacetune.errors import printable

__all__ = ["ScoreTable", "plain"]

ENDLESS = 1_000_000
"""A width that every table has room in, to measure it."""


def plain(text: object, style: str = "") -> Text:
    """Return text as it stands, for a console to print: no markup in it, nothing that steers a terminal."""
    return Text(printable(text, lines=True), style)


@dataclasses.dataclass(frozen=True)
class ScoreTable:
    """Score rows as a table: names to the left, numbers to the right, four decimals.

    In a narrow terminal names go on in the next line, then the columns in a table below; numbers do so only where that
    is not enough: nothing is cut. A column without a value is left out.
    """

    rows: Sequence[dict[str, Any]]
    title: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Choose by the terminal's width."""
        columns = list(dict.fromkeys(name for row in self.rows for name, value in row.items() if value is not None))

        def fits(some: Sequence[str]) -> bool:
            return self._needed(console, options, some) <= options.max_width

        if fits(columns):
            yield self._drawn(columns, self.title, numbers_whole=True)
            return
        n_lead = max(1, next((i for i, name in enumerate(columns) if self._is_number(name)), 1))
        lead, groups = columns[:n_lead], [columns[:n_lead]]
        for name in columns[n_lead:]:
            if len(groups[-1]) > n_lead and not fits([*groups[-1], name]):
                groups.append([*lead])
            groups[-1].append(name)
        whole = all(fits(group) for group in groups)
        for i, group in enumerate(groups if whole else [columns]):
            yield self._drawn(group, None if i else self.title, numbers_whole=whole)

    def _needed(self, console: Console, options: ConsoleOptions, columns: Sequence[str]) -> int:
        drawn = self._drawn(columns, self.title, numbers_whole=True)
        return Measurement.get(console, options.update(max_width=ENDLESS), drawn).minimum

    def _is_number(self, name: str) -> bool:
        return any(isinstance(row.get(name), int | float) for row in self.rows)

    def _drawn(self, columns: Sequence[str], title: str | None, *, numbers_whole: bool) -> Table:
        heading = None if title is None else plain(title)
        table = Table(title=heading, title_justify="left", show_edge=False, pad_edge=False)
        for name in columns:
            numeric = self._is_number(name)
            heading = Text(printable(name.replace("_", "-")))
            justify = "right" if numeric else "left"
            table.add_column(heading, justify=justify, overflow="fold", no_wrap=numeric and numbers_whole)
        for row in self.rows:
            table.add_row(*[Text(_cell(name, row.get(name))) for name in columns])
        return table


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}" if name == "seconds" else f"{value:.4f}"
    return printable(value)
