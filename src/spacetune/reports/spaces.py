"""Concept spaces as reports: the map of texts and tokens, flat and in space; angles and overlaps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.encoders import TextInput, as_line
from spacetune.errors import counted
from spacetune.heads.spaces import SpaceOverlap
from spacetune.reports.charts import N_HUES, heat_map, legend, look
from spacetune.reports.document import Document, Figure, Section
from spacetune.reports.frames import WIDTH, Frame, Point, svg, words
from spacetune.reports.markup import Markup, tag
from spacetune.studies import SpaceMap

__all__ = ["map_document", "overlap_document", "overlap_section"]

HOVER_LETTERS = 80
NEAR = 3.0
"""Degrees within which angles are called alike (our choice)."""
HEIGHT, SCALE = 320, 140
YAW, PITCH = 0.6, 0.35
"""The first view of a drawing that turns; `turning.js` draws the others."""

Array = np.ndarray[Any, Any]


def map_document(found: SpaceMap) -> Document:
    """Lay out a map of texts and tokens, flat and in space, and how far apart the spaces are."""
    names = [str(name) for name in found.classes]
    centres = {n: place for n, place in zip(names, found.centres, strict=True) if np.isfinite(place).all()}
    figures = [_flat(found, names, centres)]
    if found.positions.shape[1] > 2:
        figures.append(_in_space(found, names, centres))
    sections = [Section("Map", figures)]
    finding = _map_finding(found, centres)
    if found.overlap is not None:
        sections.append(overlap_section(found.overlap, folded=True))
        finding = f"{finding} {overlap_finding(found.overlap)}"
    return Document("Concept spaces", finding, sections, f"{counted(len(found.texts), 'text')} from {found.source}.")


def _map_finding(found: SpaceMap, centres: dict[str, Array]) -> str:
    """Say how much of the texts' variance the map shows, and which classes lie nearest on it."""
    shown = f"The map shows {sum(found.explained[:2]):.0%} of the variance of the texts' vectors"
    pairs = itertools.combinations(centres, 2)
    apart = {pair: float(np.linalg.norm((centres[pair[0]] - centres[pair[1]])[:2])) for pair in pairs}
    if len(apart) < 2:
        return f"{shown}."
    near, far = min(apart, key=apart.__getitem__), max(apart, key=apart.__getitem__)
    return f"{shown}; nearest on it are {' and '.join(near)}, farthest apart {' and '.join(far)}."


def overlap_finding(overlap: SpaceOverlap) -> str:
    """Say how the angles between the spaces lie to those of random spaces."""
    n = len(overlap.names)
    if n < 2:
        return "One space has nothing to be compared with."
    upper = np.triu_indices(n, 1)
    angles = overlap.principal_angle[upper]
    low, high, chance = float(angles.min()), float(angles.max()), overlap.chance_angle
    told = f"Two spaces are {low:.1f}° to {high:.1f}° apart, two random ones of this size {chance:.1f}°"
    if max(chance - low, high - chance) < NEAR:
        return f"{told}: this is what random spaces have, and says nothing about the classes."
    nearest = int(angles.argmin())
    names = f"{overlap.names[upper[0][nearest]]} and {overlap.names[upper[1][nearest]]}"
    times = f"they overlap {overlap.mean_overlap / overlap.chance_overlap:.1f} times as much"
    alike = "all pairs about alike, the nearest" if high - low < NEAR else "most of all"
    return f"{told}: {times}, {alike} {names}."


def _by_class(found: SpaceMap, names: list[str]) -> dict[str, list[tuple[Array, str]]]:
    """Return the places of every class's texts, each with the beginning of its text."""
    clouds: dict[str, list[tuple[Array, str]]] = {name: [] for name in names}
    for text, label, place in zip(found.texts, found.labels, found.positions, strict=True):
        clouds[str(label)].append((place, _brief(text)))
    return clouds


def _flat(found: SpaceMap, names: list[str], centres: dict[str, Array]) -> Figure:
    clouds = {
        name: [(float(place[0]), float(place[1]), text) for place, text in cloud]
        for name, cloud in _by_class(found, names).items()
    }
    owners = np.array([str(label) for label in found.token_labels])
    small = {name: [(float(x), float(y)) for x, y in found.token_positions[owners == name, :2]] for name in names}
    flat = {name: (float(place[0]), float(place[1])) for name, place in centres.items()}
    first, second = found.explained[:2]
    caption = (
        f"{counted(len(found.texts), 'text')} (large), {counted(len(found.token_positions), 'token')} of theirs (pale) "
        "and the classes' centres (crosses) on the first two principal axes of the texts' vectors. A text lies at "
        "the mean of its tokens. Hover over a point for its text."
    )
    rows = [
        {"class": name, "texts": len(clouds[name]), **dict(zip("xyz", place.tolist(), strict=False))}
        for name, place in centres.items()
    ]
    axes = f"first principal axis ({first:.0%} of variance)", f"second principal axis ({second:.0%})"
    return Figure(scatter(clouds, small, flat, axes), caption, rows)


def _in_space(found: SpaceMap, names: list[str], centres: dict[str, Array]) -> Figure:
    caption = (
        f"The same texts and centres on the first three axes; the third holds {found.explained[2]:.0%} of the "
        "variance. Drag to turn, or use the arrow keys."
    )
    return Figure(turning(_by_class(found, names), centres), caption)


def overlap_document(overlap: SpaceOverlap) -> Document:
    """Lay out angles and overlaps between the spaces."""
    about = f"{counted(len(overlap.names), 'space')} compared."
    return Document("Concept spaces", overlap_finding(overlap), [overlap_section(overlap)], about)


def overlap_section(overlap: SpaceOverlap, *, folded: bool = False) -> Section:
    """Lay out every two spaces' angle and overlap, and their centroids where there are texts."""
    names = overlap.names
    angles = heat_map(overlap.principal_angle, names, names, shades=1 - overlap.principal_angle / 90, digits=0)
    shared = heat_map(overlap.operator_overlap, names, names, shades=overlap.operator_overlap)
    between = [
        Figure(
            angles,
            "Mean principal angle between two spaces' operators, in degrees: 0 the same, 90 apart; random ones have "
            f"{overlap.chance_angle:.0f}.",
        ),
        Figure(
            shared,
            "Overlap: mean squared cosine of the principal angles, in [0, 1]; two random spaces of this size have "
            f"{overlap.chance_overlap:.3f}.",
        ),
    ]
    if overlap.centroid_cosine is not None:
        cosine = heat_map(overlap.centroid_cosine, names, names, shades=np.clip(overlap.centroid_cosine, 0, 1))
        between.append(Figure(cosine, "Cosine between the spaces' mean centroids over the texts."))
    return Section("Between the spaces", between, folded)


def _brief(text: TextInput) -> str:
    whole = as_line(text)
    return whole if len(whole) <= HOVER_LETTERS else f"{whole[:HOVER_LETTERS]}…"


def scatter(
    clouds: Mapping[str, Sequence[tuple[float, float, str]]],
    small: Mapping[str, Sequence[Point]],
    centres: Mapping[str, Point],
    axes: tuple[str, str],
) -> Markup:
    """Draw labelled points by group, with small points below them and a cross at every group's centre.

    By group `clouds` hold ``(x, y, what to say on hover)``, `small` the points of a second kind, drawn small and pale.
    """
    everything = [p[:2] for cloud in (*clouds.values(), *small.values()) for p in cloud] or [(0.0, 0.0)]
    xs, ys = [p[0] for p in everything], [p[1] for p in everything]
    frame = Frame((min(xs), max(xs)), (min(ys), max(ys)), 330)
    drawn = frame.axes(*axes, numbers=False)
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
