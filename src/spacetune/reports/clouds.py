"""Points by class: flat, and in space as a drawing that turns; its first view is drawn here, others by `turning.js`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.reports.charts import N_HUES, legend, look
from spacetune.reports.frames import WIDTH, Frame, Point, svg, words
from spacetune.reports.markup import Markup, tag

__all__ = ["scatter", "turning"]

HEIGHT, SCALE = 320, 140
YAW, PITCH = 0.6, 0.35

Array = np.ndarray[Any, Any]


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
