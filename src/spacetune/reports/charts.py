"""Small drawings of numbers as inline SVG and HTML: curves, heat maps, bars and dots. No script needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.reports.frames import BOTTOM, HEIGHT, WIDTH, Frame, Point, ends_of, graded, line, svg, ticks, words
from spacetune.reports.markup import Markup, tag

__all__ = ["N_HUES", "TILED", "bars", "curves", "dots", "heat_map", "legend", "look", "tiles"]

N_HUES = 8
STEP, RIGHT = 24, 50
"""Height of a row of bars or dots, and room for its number."""
LETTER, MOST_LETTERS = 6.7, 28
"""Width of a letter, about, and letters of a name that are shown."""

PANEL, TILE = 240, 15
"""Width of a panel of tiles, and height of a row."""
TILED = (
    "Blue: above 0; orange: below 0; the stronger, the further from it, on one scale. Hover over a tile for its number."
)

Row = tuple[str, float, Point | None]


def curves(
    series: Mapping[str, Sequence[Point]],
    x_label: str,
    y_label: str,
    *,
    y: Point | None = None,
    diagonal: bool = False,
    mark: float | None = None,
    level: float | None = None,
    bands: Mapping[str, Sequence[tuple[float, float, float]]] | None = None,
    log: str = "",
    ordered: bool = False,
) -> Markup:
    """Draw lines with dots, one hue a series, with a legend where there are several.

    Parameters
    ----------
    series
        Points ``(x, y)`` by name; what is not finite is left out.
    x_label, y_label
        Names of the axes.
    y
        Ends of the y axis; None takes them from the points.
    diagonal
        Also draw ``y = x``.
    mark
        Draw an upright line here: the epoch that was kept.
    level
        Draw a level line here: the value without noise.
    bands
        Intervals ``(x, low, high)`` by series name.
    log
        Which axes are logarithmic: ``"x"``, ``"y"`` or ``"xy"``.
    ordered
        The series have an order (layers): colour them from the first to the last.
    """
    lines = {name: [p for p in points if all(map(math.isfinite, p))] for name, points in series.items()}
    ranges = [(x, end) for band in (bands or {}).values() for x, low, high in band for end in (low, high)]
    points = [point for each in lines.values() for point in each] + ranges
    levels = [] if level is None else [level]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    frame = Frame(ends_of(xs), y or ends_of([*ys, *levels]), log=log, whole=all(float(x).is_integer() for x in xs))
    drawn = frame.axes(x_label, y_label)
    guides = [((mark, frame.y[0]), (mark, frame.y[1]))] if mark is not None else []
    guides += [((frame.x[0], level), (frame.x[1], level))] if level is not None else []
    guides += [((frame.x[0],) * 2, (frame.x[1],) * 2)] if diagonal else []
    drawn += [line(*frame.at(*start), *frame.at(*end), "guide") for start, end in guides]
    styles = [graded(i / max(1, len(lines) - 1)) if ordered else {"class_": look(i)} for i in range(len(lines))]
    for style, (name, each) in zip(styles, lines.items(), strict=True):
        upright = [(frame.at(x, low), frame.at(x, high)) for x, low, high in (bands or {}).get(name, ())]
        marks = [line(*low, *high, "interval") for low, high in upright]
        drawn.append(tag("g", marks, _polyline(frame, name, each), **style))
    named = legend(list(zip(lines, styles, strict=True))) if len(lines) > 1 else None
    return tag("div", svg(f"{y_label} over {x_label}", HEIGHT, drawn), named)


def _polyline(frame: Frame, name: str, points: Sequence[Point]) -> Markup:
    placed = [frame.at(*point) for point in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = [
        tag("g", tag("circle", cx=f"{px:.1f}", cy=f"{py:.1f}", r=2.5), tag("title", f"{name}: {x:g}, {y:.4g}"))
        for (px, py), (x, y) in zip(placed, points, strict=True)
    ]
    return tag("g", tag("polyline", points=path), dots, class_="line")


def legend(entries: Sequence[tuple[str, dict[str, str]]]) -> Markup:
    """List names with their colours."""
    return tag("ul", [tag("li", tag("i", **looks), name) for name, looks in entries], class_="legend")


def look(i: int) -> str:
    """Return the class of the i-th colour and shape."""
    return f"hue{i % N_HUES} shape{i // N_HUES % 4}"


def heat_map(
    values: np.ndarray[Any, Any],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    shades: np.ndarray[Any, Any] | None = None,
    digits: int = 2,
    corner: str = "",
) -> Markup:
    """Draw a matrix as a table whose cells are shaded: the darker, the larger.

    Parameters
    ----------
    values
        ``(row, column)``: what is written.
    rows, columns
        Their names.
    shades
        ``(row, column)`` in [0, 1]; None scales the values between their extremes.
    digits
        Decimals.
    corner
        What rows and columns are.
    """
    spread = float(np.ptp(values)) or 1.0
    shading = (values - values.min()) / spread if shades is None else shades
    head = tag("tr", tag("th", corner, class_="corner"), [tag("th", tag("span", c), scope="col") for c in columns])
    body = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            [
                tag("td", f"{value:z.{digits}f}", style=f"--v:{shade:.3f}")
                for value, shade in zip(line.tolist(), shading[i].tolist(), strict=True)
            ],
        )
        for i, (name, line) in enumerate(zip(rows, values, strict=True))
    ]
    table = tag("table", tag("thead", head), tag("tbody", body), class_="heat")
    return tag("div", table, class_="wide", tabindex="0", role="group", aria_label=corner or "heat map")


def tiles(
    panels: Mapping[str, np.ndarray[Any, Any]], rows: Sequence[str], columns: Sequence[str], x_label: str
) -> Markup:
    """Draw matrices of the same rows and columns side by side as coloured tiles, on one scale.

    Parameters
    ----------
    panels
        ``(row, column)`` by name.
    rows, columns
        Their names.
    x_label
        What the columns are.
    """
    largest = max((float(np.abs(values).max()) for values in panels.values()), default=1.0) or 1.0
    drawn = [_panel(name, values / largest, values, rows, columns, x_label) for name, values in panels.items()]
    return tag("div", drawn, class_="panels")


def _panel(
    name: str,
    shares: np.ndarray[Any, Any],
    values: np.ndarray[Any, Any],
    rows: Sequence[str],
    columns: Sequence[str],
    x_label: str,
) -> Markup:
    letters = min(12, max(map(len, rows), default=0))
    left, top, bottom = 10 + LETTER * letters, 22, 30
    wide = (PANEL - left - 2) / len(columns)
    drawn: list[Markup] = [words(name, left, 13, "start", class_="value")]
    for i, row in enumerate(rows):
        y = top + TILE * i
        short = row if len(row) <= letters else f"{row[: letters - 1]}…"
        drawn.append(tag("g", words(short, left - 5, y + 11, "end"), tag("title", row)))
        for j, column in enumerate(columns):
            told = tag("title", f"{row}, {x_label} {column}, {name}: {values[i, j]:z.3f}")
            kind = "tile for" if values[i, j] >= 0 else "tile against"
            drawn.append(tag("rect", told, x=f"{left + wide * j:.1f}", y=y, width=f"{wide - 1:.1f}", height=TILE - 1,
                             class_=kind, style=f"--v:{abs(shares[i, j]):.3f}"))  # fmt: skip
    end = top + TILE * len(rows)
    every = -(-len(columns) // 8)
    drawn += [words(c, left + wide * (j + 0.5), end + 12, "middle") for j, c in enumerate(columns) if j % every == 0]
    drawn.append(words(x_label, (left + PANEL) / 2, end + 26, "middle"))
    return svg(f"{name} by token and {x_label}", end + bottom, drawn, width=PANEL)


def dots(rows: Sequence[Row], x_label: str, ends: Point) -> Markup:
    """Draw a dot a row, with its interval: ``(name, value, (low, high) or None)``."""
    return _rows_drawn(rows, x_label, ends, from_zero=False)


def bars(rows: Sequence[Row], x_label: str) -> Markup:
    """Draw a bar a row, from zero to its value, with its interval; the axis takes in zero and everything drawn."""
    values = [end for _, value, interval in rows for end in (value, *(interval or ()))]
    low, high = min(0.0, *values), max(0.0, *values)
    return _rows_drawn(rows, x_label, (low, high if high > low else 1.0), from_zero=True)


def _rows_drawn(rows: Sequence[Row], x_label: str, ends: Point, *, from_zero: bool) -> Markup:
    low, high = ends
    height = STEP * len(rows) + BOTTOM
    left = 14 + LETTER * min(MOST_LETTERS, max((len(name) for name, _, _ in rows), default=0))
    digits = 3 if max(abs(low), abs(high)) > 0.1 else 4

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - RIGHT)

    drawn: list[Markup] = []
    for value in ticks(low, high, 5 if left < 140 else 3):
        drawn.append(line(across(value), 4, across(value), height - BOTTOM, "grid"))
        drawn.append(words(f"{value:g}", across(value), height - BOTTOM + 14, "middle"))
    for i, (name, value, interval) in enumerate(rows):
        y = STEP * i + STEP / 2
        short = name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
        drawn.append(tag("g", words(short, left - 8, y + 4, "end"), tag("title", name)))
        if from_zero:
            start, stop = sorted((across(0.0), across(value)))
            drawn.append(tag("rect", x=f"{start:.1f}", y=f"{y - 7:.1f}", width=f"{stop - start:.1f}", height=14,
                             class_="dot hue0"))  # fmt: skip
        if interval is not None:
            low_end, high_end = map(across, interval)
            drawn.append(line(low_end, y, high_end, y, "interval over" if from_zero else "interval hue0"))
        if not from_zero:
            drawn.append(tag("circle", cx=f"{across(value):.1f}", cy=f"{y:.1f}", r=4, class_="dot hue0"))
        drawn.append(words(f"{value:z.{digits}f}", WIDTH - 4, y + 4, "end", class_="value"))
    drawn.append(words(x_label, (left + WIDTH - RIGHT) / 2, height - 6, "middle"))
    return svg(x_label, height, drawn)
