"""Small drawings as inline SVG and HTML: curves, heat maps, scatters. No script needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.reports.frames import HEIGHT, Frame, Point, ends_of, graded, line, svg
from spacetune.reports.markup import Markup, tag

__all__ = ["curves", "heat_map", "legend", "look", "scatter"]

N_HUES = 8


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
    for i, (name, each) in enumerate(lines.items()):
        looks = _looks(i, len(lines), ordered)
        upright = [(frame.at(x, low), frame.at(x, high)) for x, low, high in (bands or {}).get(name, ())]
        marks = [line(*low, *high, "interval") for low, high in upright]
        drawn.append(tag("g", marks, _polyline(frame, name, each), **looks))
    named = legend([(name, _looks(i, len(lines), ordered)) for i, name in enumerate(lines)]) if len(lines) > 1 else None
    return tag("div", svg(f"{y_label} over {x_label}", HEIGHT, drawn), named)


def _looks(i: int, n: int, ordered: bool) -> dict[str, str]:
    return graded(i / max(1, n - 1)) if ordered else {"class_": look(i)}


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
    return tag("div", table, class_="wide", tabindex="0", role="region", aria_label=corner or "heat map")


def scatter(
    clouds: Mapping[str, Sequence[tuple[float, float, str]]],
    small: Mapping[str, Sequence[Point]],
    centres: Mapping[str, Point],
) -> Markup:
    """Draw labelled points by group, with small points below them and a cross at every group's centre.

    By group `clouds` hold ``(x, y, what to say on hover)``, `small` the points of a second kind, drawn small and pale.
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
    named = legend([(name, {"class_": look(i)}) for i, name in enumerate(clouds)])
    return tag("div", svg("map of texts by class", 330, drawn), named)


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
