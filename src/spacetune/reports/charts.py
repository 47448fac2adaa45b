"""Small drawings as inline SVG and HTML: curves, dots with intervals, heat maps, scatters. No script needed.

All are drawn 360 units wide, so that letters stay readable on a telephone; colours come from the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.reports.markup import Markup, tag

__all__ = ["curves", "dots", "heat_map", "scatter"]

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 40
N_HUES = 8

Point = tuple[float, float]


def svg(label: str, height: float, *children: Any) -> Markup:
    """Wrap drawn elements; `label` is what a screen reader says."""
    box = f"0 0 {WIDTH} {height:g}"
    return tag("svg", *children, viewBox=box, role="img", aria_label=label, class_="chart")


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return about `n` round numbers from low to high.

    >>> ticks(0, 1), ticks(3, 48)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [10.0, 20.0, 30.0, 40.0])
    """
    span = (high - low) or abs(high) or 1.0
    raw = span / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(s - raw))
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


class Frame:
    """A pair of axes: from data to places in the drawing."""

    def __init__(self, x: Point, y: Point, height: float = HEIGHT) -> None:
        self.x, self.y, self.height = _widened(*x), _widened(*y), height

    def at(self, x: float, y: float) -> Point:
        """Return where a point lies."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), self.height - BOTTOM - up * (self.height - TOP - BOTTOM)

    def axes(self, x_label: str, y_label: str, *, numbers: bool = True) -> list[Markup]:
        """Draw grid, numbers and names of the axes."""
        drawn: list[Markup] = []
        for value in ticks(*self.x) if numbers else []:
            px, _ = self.at(value, self.y[0])
            drawn.append(_text(f"{value:g}", px, self.height - BOTTOM + 14, "middle"))
        for value in ticks(*self.y) if numbers else []:
            _, py = self.at(self.x[0], value)
            drawn.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{py:.1f}", y2=f"{py:.1f}", class_="grid"))
            drawn.append(_text(f"{value:g}", LEFT - 5, py + 4, "end"))
        drawn.append(_text(x_label, (LEFT + WIDTH - RIGHT) / 2, self.height - 6, "middle"))
        turned = f"translate(11 {(self.height - BOTTOM) / 2 + 5:g}) rotate(-90)"
        drawn.append(tag("text", y_label, transform=turned, text_anchor="middle"))
        return drawn


def _widened(low: float, high: float) -> Point:
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _text(text: str, x: float, y: float, anchor: str, **more: Any) -> Markup:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **more)


def curves(
    series: Mapping[str, Sequence[Point]],
    x_label: str,
    y_label: str,
    *,
    y: Point | None = None,
    diagonal: bool = False,
    mark: float | None = None,
    bands: Mapping[str, Sequence[tuple[float, float, float]]] | None = None,
) -> Markup:
    """Draw lines with dots, one hue a series, with a legend where there are several.

    Parameters
    ----------
    series
        Points ``(x, y)`` by name.
    x_label, y_label
        Names of the axes.
    y
        Ends of the y axis; None takes them from the points.
    diagonal
        Also draw ``y = x``.
    mark
        Draw an upright line here: the epoch that was kept.
    bands
        Intervals ``(x, low, high)`` by series name.
    """
    points = [point for line in series.values() for point in line] or [(0.0, 0.0)]
    points += [(x, end) for band in (bands or {}).values() for x, low, high in band for end in (low, high)]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    frame = Frame((min(xs), max(xs)), y or (min(ys), max(ys)))
    drawn = frame.axes(x_label, y_label)
    if diagonal:
        (x1, y1), (x2, y2) = frame.at(*(frame.x[0],) * 2), frame.at(*(frame.x[1],) * 2)
        drawn.append(_line(x1, y1, x2, y2, "guide"))
    if mark is not None:
        (x1, y1), (x2, y2) = frame.at(mark, frame.y[0]), frame.at(mark, frame.y[1])
        drawn.append(_line(x1, y1, x2, y2, "guide"))
    for hue, (name, line) in enumerate(series.items()):
        for x, low, high in (bands or {}).get(name, ()):
            (x1, y1), (x2, y2) = frame.at(x, low), frame.at(x, high)
            drawn.append(_line(x1, y1, x2, y2, f"interval hue{hue % N_HUES}"))
        drawn.append(_polyline(frame, name, line, hue))
    legend = _legend(list(series)) if len(series) > 1 else None
    return tag("div", svg(f"{y_label} over {x_label}", HEIGHT, drawn), legend)


def _polyline(frame: Frame, name: str, line: Sequence[Point], hue: int) -> Markup:
    placed = [frame.at(*point) for point in line]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = [
        tag("g", tag("circle", cx=f"{px:.1f}", cy=f"{py:.1f}", r=2.5), tag("title", f"{name}: {x:g}, {y:.4g}"))
        for (px, py), (x, y) in zip(placed, line, strict=True)
    ]
    return tag("g", tag("polyline", points=path), dots, class_=f"line hue{hue % N_HUES}")


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_=kind)


def _legend(names: Sequence[str]) -> Markup:
    return tag("ul", [tag("li", tag("i", class_=_look(i)), name) for i, name in enumerate(names)], class_="legend")


def _look(i: int) -> str:
    return f"hue{i % N_HUES} shape{i // N_HUES % 4}"


def dots(rows: Sequence[tuple[str, float, Point | None]], x_label: str, ends: Point) -> Markup:
    """Draw one value a row, with its interval: ``(name, value, (low, high) or None)``."""
    step, left = 24, 120
    low, high = ends
    height = step * len(rows) + BOTTOM

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - 50)

    drawn: list[Markup] = []
    for value in ticks(low, high):
        drawn.append(_line(across(value), 4, across(value), height - BOTTOM, "grid"))
        drawn.append(_text(f"{value:g}", across(value), height - BOTTOM + 14, "middle"))
    for i, (name, value, interval) in enumerate(rows):
        y = step * i + step / 2
        drawn.append(_text(name, left - 8, y + 4, "end"))
        if interval is not None:
            drawn.append(_line(across(interval[0]), y, across(interval[1]), y, "interval hue0"))
        drawn.append(tag("circle", cx=f"{across(value):.1f}", cy=f"{y:.1f}", r=4, class_="dot hue0"))
        drawn.append(_text(f"{value:.3f}", WIDTH - 4, y + 4, "end", class_="value"))
    drawn.append(_text(x_label, (left + WIDTH - 50) / 2, height - 6, "middle"))
    return svg(x_label, height, drawn)


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
                tag("td", f"{value:.{digits}f}", style=f"--v:{shade:.3f}")
                for value, shade in zip(line.tolist(), shading[i].tolist(), strict=True)
            ],
        )
        for i, (name, line) in enumerate(zip(rows, values, strict=True))
    ]
    table = tag("table", tag("thead", head), tag("tbody", body), class_="heat")
    return tag("div", table, class_="wide", tabindex="0", role="region", aria_label=corner or "heat map")


def scatter(
    clouds: Mapping[str, Sequence[tuple[float, float, str]]],
    small: Mapping[str, Sequence[Point]],
    centres: Mapping[str, Point],
) -> Markup:
    """Draw labelled points by group, with small points below them and a cross at every group's centre.

    Parameters
    ----------
    clouds
        By group: ``(x, y, what to say on hover)``.
    small
        By group: points of a second kind, drawn small and pale.
    centres
        By group: where its cross stands.
    """
    everything = [p[:2] for cloud in (*clouds.values(), *small.values()) for p in cloud] or [(0.0, 0.0)]
    xs, ys = [p[0] for p in everything], [p[1] for p in everything]
    frame = Frame((min(xs), max(xs)), (min(ys), max(ys)), 330)
    drawn = frame.axes("first principal axis", "second", numbers=False)
    for i, name in enumerate(clouds):
        pale = [tag("path", d=_mark(i, *frame.at(*p), 1.4)) for p in small.get(name, ())]
        drawn.append(tag("g", pale, class_=f"pale hue{i % N_HUES}"))
    for i, (name, cloud) in enumerate(clouds.items()):
        big = [tag("g", tag("path", d=_mark(i, *frame.at(x, y), 3)), tag("title", f"{name}: {t}")) for x, y, t in cloud]
        drawn.append(tag("g", big, class_=f"cloud hue{i % N_HUES}"))
    for i, name in enumerate(clouds):
        if name in centres:
            x, y = frame.at(*centres[name])
            drawn.append(_cross(x, y, name, i))
    return tag("div", svg("map of texts by class", 330, drawn), _legend(list(clouds)))


def _cross(x: float, y: float, name: str, i: int) -> Markup:
    outer, inner = (f"M{x - r:.1f} {y:.1f}h{2 * r}M{x:.1f} {y - r:.1f}v{2 * r}" for r in (7, 5.7))
    lines = [tag("path", d=outer), tag("path", d=inner, class_="inner")]
    return tag("g", lines, tag("title", f"centre of {name}"), class_=f"cross hue{i % N_HUES}")


def _mark(i: int, x: float, y: float, r: float) -> str:
    shape = i // N_HUES % 4
    if shape == 0:
        return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0"
    if shape == 1:
        return f"M{x - r:.1f} {y - r:.1f}h{2 * r}v{2 * r}h{-2 * r}z"
    if shape == 2:
        return f"M{x:.1f} {y - r:.1f}l{r} {2 * r}h{-2 * r}z"
    return f"M{x:.1f} {y - r:.1f}l{r} {r}l{-r} {r}l{-r} {-r}z"
