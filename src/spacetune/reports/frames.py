"""What drawings are made of: the SVG around them, axes with round numbers, lines and words. Colours are the style's.

Drawings are 360 units wide, or narrower, so that letters stay readable on a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from spacetune.reports.markup import Attribute, Markup, tag

__all__ = ["BOTTOM", "HEIGHT", "WIDTH", "Frame", "Point", "ends_of", "graded", "line", "svg", "ticks", "words"]

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 54, 10, 10, 40

FARTHEST = 1e300
"""Beyond it differences of numbers are infinite."""

Point = tuple[float, float]


def svg(
    label: str, height: float, *children: object, kind: str = "chart", width: float = WIDTH, **attributes: Attribute
) -> Markup:
    """Wrap drawn elements; `label` is what a screen reader says."""
    box = f"0 0 {width:g} {height:g}"
    return tag("svg", *children, viewBox=box, role="img", aria_label=label, class_=kind, **attributes)


def words(text: str, x: float, y: float, anchor: str, **more: Attribute) -> Markup:
    """Write a few words; `anchor` is ``start``, ``middle`` or ``end``."""
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **more)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Draw a line of this class."""
    return tag("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_=kind)


def graded(share: float) -> dict[str, str]:
    """Return the attributes of something coloured by where it stands between the least (0) and the most (1)."""
    return {"class_": "graded", "style": f"--v:{share:.3f}"}


def ends_of(values: Iterable[float]) -> Point:
    """Return the least and the greatest finite number, within what can be drawn; (0, 1) where there is none."""
    finite = [max(-FARTHEST, min(FARTHEST, value)) for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)


def ticks(low: float, high: float, n: int = 5, *, whole: bool = False) -> list[float]:
    """Return about `n` round numbers from low to high; whole ones where asked for.

    >>> ticks(0, 1), ticks(3, 48), ticks(1, 3, whole=True)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [10.0, 20.0, 30.0, 40.0], [1.0, 2.0, 3.0])
    """
    span = (high - low) or abs(high) or 1.0
    raw = span / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(s - raw))
    step = max(step, 1.0) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten between two positive numbers, with their double and fivefold where these are few.

    >>> log_ticks(1, 384), log_ticks(0.5, 8)
    ([1.0, 10.0, 100.0], [0.5, 1.0, 2.0, 5.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    within = [[m * 10.0**p for p in powers for m in steps if low <= m * 10.0**p <= high] for steps in ((1,), (1, 2, 5))]
    if len(within[0]) < 3:
        return [round(value, 12) for value in within[1]]
    return within[0][:: -(-len(within[0]) // 6)]


class Frame:
    """A pair of axes between ends: from data to places in the drawing.

    `log` says which axes are logarithmic, as in ``"x"`` or ``"xy"``; their ends must be above 0. `whole`: x holds whole
    numbers only.
    """

    def __init__(self, x: Point, y: Point, height: float = HEIGHT, *, log: str = "", whole: bool = False) -> None:
        self.height, self.log, self.whole = height, log, whole
        self.x, self.y = _widened(*x, "x" in log), _widened(*y, "y" in log)

    def at(self, x: float, y: float) -> Point:
        """Return where a point lies."""
        across, up = _share(x, self.x, "x" in self.log), _share(y, self.y, "y" in self.log)
        return LEFT + across * (WIDTH - LEFT - RIGHT), self.height - BOTTOM - up * (self.height - TOP - BOTTOM)

    def axes(self, x_label: str, y_label: str, *, numbers: bool = True) -> list[Markup]:
        """Draw grid, numbers and names of the axes."""
        drawn: list[Markup] = []
        if numbers:
            for value in log_ticks(*self.x) if "x" in self.log else ticks(*self.x, whole=self.whole):
                px, _ = self.at(value, self.y[0])
                drawn.append(words(f"{value:g}", px, self.height - BOTTOM + 14, "middle"))
            for value in log_ticks(*self.y) if "y" in self.log else ticks(*self.y):
                _, py = self.at(self.x[0], value)
                drawn += [line(LEFT, py, WIDTH - RIGHT, py, "grid"), words(f"{value:g}", LEFT - 5, py + 4, "end")]
        drawn.append(words(x_label, (LEFT + WIDTH - RIGHT) / 2, self.height - 6, "middle"))
        turned = f"translate(11 {(self.height - BOTTOM) / 2 + 5:g}) rotate(-90)"
        drawn.append(tag("text", y_label, transform=turned, text_anchor="middle"))
        return drawn


def _widened(low: float, high: float, log: bool) -> Point:
    """Return ends that are told apart: numbers have some 16 digits, and none is finer than 1e-308."""
    size = max(abs(low), abs(high))
    if high - low > max(1e-12 * size, 1e-300):
        return low, high
    aside = max(0.5, 1e-6 * size)
    return (low / 2, high * 2) if log else (low - aside, high + aside)


def _share(value: float, ends: Point, log: bool) -> float:
    low, high, here = np.log10([*ends, value]) if log else (*ends, value)
    return float((here - low) / (high - low))
