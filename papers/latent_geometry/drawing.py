"""Small scatter plots as a static SVG, without a plotting library."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT, MARGIN = 206, 150, 42
STYLE = "font: 10px sans-serif; fill: #444"


@dataclass(frozen=True)
class Panel:
    """One scatter plot; x is the decimal logarithm of what the axis shows."""

    title: str
    x: np.ndarray
    y: np.ndarray


def figure(panels: list[Panel], label: str, across: int = 4) -> str:
    """Return panels side by side, rows of `across`."""
    rows = -(-len(panels) // across)
    width, height = across * WIDTH, rows * HEIGHT + 20
    parts = [_panel(panel, i % across * WIDTH, i // across * HEIGHT) for i, panel in enumerate(panels)]
    caption = f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle" style="{STYLE}">{escape(label)}</text>'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    return "\n".join([frame, '<rect width="100%" height="100%" fill="white"/>', *parts, caption, "</svg>", ""])


def _panel(panel: Panel, left: float, top: float) -> str:
    ends = _ends(panel.x), _ends(panel.y)
    inner = WIDTH - MARGIN - 12, HEIGHT - MARGIN - 18
    across = left + MARGIN + (panel.x - ends[0][0]) / np.diff(ends[0]) * inner[0]
    up = top + 20 + (ends[1][1] - panel.y) / np.diff(ends[1]) * inner[1]
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.4"/>' for a, b in zip(across, up, strict=True))
    floor = top + 20 + inner[1]
    axes = f"M{left + MARGIN - 5} {top + 18}V{floor + 5}H{left + MARGIN + inner[0] + 4}"
    ticks = [f"{value:.3g}" for value in (10 ** ends[0][0], 10 ** ends[0][1], ends[1][0], ends[1][1])]
    return "\n".join([
        f'<text x="{left + MARGIN}" y="{top + 12}" style="{STYLE}; font-weight: bold">{escape(panel.title)}</text>',
        f'<path d="{axes}" stroke="#999" fill="none"/>',
        f'<g fill="#2b6cb0" fill-opacity="0.6">{dots}</g>',
        f'<text x="{left + MARGIN}" y="{floor + 16}" style="{STYLE}">{ticks[0]}</text>',
        f'<text x="{left + MARGIN + inner[0]}" y="{floor + 16}" text-anchor="end" style="{STYLE}">{ticks[1]}</text>',
        f'<text x="{left + MARGIN - 8}" y="{floor + 2}" text-anchor="end" style="{STYLE}">{ticks[2]}</text>',
        f'<text x="{left + MARGIN - 8}" y="{top + 26}" text-anchor="end" style="{STYLE}">{ticks[3]}</text>',
    ])  # fmt: skip


def _ends(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
