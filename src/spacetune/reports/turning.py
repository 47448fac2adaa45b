"""Points in space as a drawing that turns: the first view is drawn here, `turning.js` draws the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.reports.charts import legend, look
from spacetune.reports.frames import WIDTH, svg, words
from spacetune.reports.markup import Markup, tag

__all__ = ["turning"]

HEIGHT, SCALE = 320, 140
YAW, PITCH = 0.6, 0.35

Array = np.ndarray[Any, Any]


def turning(clouds: Mapping[str, Sequence[tuple[Array, str]]], centres: Mapping[str, Array]) -> Markup:
    """Draw labelled points in space by group, with a cross at every group's centre.

    By group `clouds` hold a point ``(3,)`` and what to say on hover.
    """
    reach = max((float(np.linalg.norm(p)) for cloud in clouds.values() for p, _ in cloud), default=1.0) or 1.0
    drawn: list[Markup] = [_axis(i) for i in range(3)]
    for i, (name, cloud) in enumerate(clouds.items()):
        points = [_placed(p / reach, tag("circle", r=3), tag("title", f"{name}: {told}")) for p, told in cloud]
        drawn.append(tag("g", points, class_=f"ball {look(i)}"))
    for i, name in enumerate(clouds):
        if name in centres:
            cross = [
                tag("path", d=f"M{-r} 0h{2 * r}M0 {-r}v{2 * r}", class_=kind) for r, kind in ((7, ""), (5.7, "inner"))
            ]
            placed = _placed(centres[name] / reach, cross, tag("title", f"centre of {name}"))
            drawn.append(tag("g", placed, class_=f"cross {look(i)}"))
    label = "texts by class in three dimensions; drag, or use the arrow keys, to turn"
    frame = f"{WIDTH // 2} {HEIGHT // 2} {SCALE}"
    picture = svg(
        label, HEIGHT, drawn, kind="chart turning", tabindex=0, data_frame=frame, data_angles=f"{YAW} {PITCH}"
    )
    return tag("div", picture, legend([(name, {"class_": look(i)}) for i, name in enumerate(clouds)]))


def _projected(point: Array) -> tuple[float, float, float]:
    """Return place and nearness in the first view, as `turning.js` works them out."""
    x, y, z = map(float, point)
    across, back = x * math.cos(YAW) + z * math.sin(YAW), z * math.cos(YAW) - x * math.sin(YAW)
    up, near = y * math.cos(PITCH) - back * math.sin(PITCH), y * math.sin(PITCH) + back * math.cos(PITCH)
    return WIDTH / 2 + SCALE * across, HEIGHT / 2 - SCALE * up, near


def _placed(point: Array, *children: Any) -> Markup:
    x, y, near = _projected(point)
    where = f"translate({x:.1f} {y:.1f}) scale({1 + 0.35 * near:.2f})"
    return tag("g", *children, transform=where, data_p=" ".join(f"{value:.3f}" for value in point))


def _axis(i: int) -> Markup:
    end = np.eye(3)[i]
    x, y, _ = _projected(end)
    told = {"x1": WIDTH // 2, "y1": HEIGHT // 2, "x2": f"{x:.1f}", "y2": f"{y:.1f}"}
    shaft = tag("line", **told, class_="grid", data_p=" ".join(f"{value:g}" for value in end))
    return tag("g", shaft, _placed(end * 1.06, words(str(i + 1), 0, 4, "middle")))
