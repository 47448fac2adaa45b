"""Drawings of one value a row: dots with intervals, bars from zero."""

from __future__ import annotations

from collections.abc import Sequence

from spacetune.reports.frames import BOTTOM, WIDTH, Point, line, svg, ticks, words
from spacetune.reports.markup import Markup, tag

__all__ = ["bars", "dots"]

STEP, RIGHT = 24, 50
LETTER, MOST_LETTERS = 5.9, 32
"""Width of a letter, about, and letters of a name that are shown."""

Row = tuple[str, float, Point | None]


def dots(rows: Sequence[Row], x_label: str, ends: Point) -> Markup:
    """Draw a dot a row, with its interval: ``(name, value, (low, high) or None)``."""
    return _drawn(rows, x_label, ends, from_zero=False)


def bars(rows: Sequence[Row], x_label: str) -> Markup:
    """Draw a bar a row, from zero to its value, with its interval; the axis takes in zero and everything drawn."""
    values = [end for _, value, interval in rows for end in (value, *(interval or ()))]
    low, high = min(0.0, *values), max(0.0, *values)
    return _drawn(rows, x_label, (low, high if high > low else 1.0), from_zero=True)


def _drawn(rows: Sequence[Row], x_label: str, ends: Point, *, from_zero: bool) -> Markup:
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
