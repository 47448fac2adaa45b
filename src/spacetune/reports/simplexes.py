"""A learnt simplex as a report: its score over the simplex and over training, and how far its points agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console

from spacetune.errors import counted
from spacetune.estimators.uncertainty import Uncertainty
from spacetune.reports.charts import curves, dots
from spacetune.reports.document import Document, Figure, Part, Section, Table
from spacetune.reports.frames import WIDTH, Point, ends_of, graded, line, svg, words
from spacetune.reports.markup import Markup, tag
from spacetune.reports.scoring import INTERVALS, score_ends
from spacetune.reports.terminal import ScoreTable, draw_notes, plain
from spacetune.studies import SimplexPoint, SimplexScores

__all__ = ["draw_simplex", "polygon", "simplex_document", "uncertainty_document"]

SIZE, RADIUS = 290, 118
MOST_ROWS = 400


def simplex_document(found: SimplexScores) -> Document:
    """Lay out the scores over a simplex, along the ways to its vertices, and over the epochs of its fit."""
    name = found.score.replace("_", "-")
    corners, texts = counted(found.n_vertices, "vertex", "vertices"), counted(found.n_texts, "text")
    about = (
        f"{found.model} with {corners} on {texts} from {found.source}. All layers and the head are taken at one point "
        "of the simplex; the centroid is the model that is used."
    )
    sections = [Section("Over the simplex", [_corners(found, name), _map(found, name), _ways(found, name)])]
    if found.epochs:
        sections.append(Section("Stochastic validation", _validation(found)))
    sections.append(Section("All points", [Table(found.rows())], folded=True))
    return Document("Simplex", _finding(found, name), sections, about, found.notes)


def _finding(found: SimplexScores, name: str) -> str:
    """Say how the centroid stands to the vertices and to random points."""
    centre, spread = found.of("centroid")[0], found.spread()
    corners = [point.scores[found.score] for point in found.of("vertex")]
    interval = (
        "" if centre.interval is None else f" (95 % interval {centre.interval[0]:.3f} to {centre.interval[1]:.3f})"
    )
    return (
        f"At the centroid {name} is {centre.scores[found.score]:.3f}{interval}, at the vertices {min(corners):.3f} "
        f"to {max(corners):.3f}, at random points {spread['least']:.3f} to {spread['greatest']:.3f}; the mean "
        f"prediction of the points has {found.ensemble[found.score]:.3f}."
    )


def _corners(found: SimplexScores, name: str) -> Figure:
    told = summary(found)
    rows = [(row["at"], row[found.score], row["interval"]) for row in told]
    spread = found.spread()
    caption = (
        f"{INTERVALS} The {counted(len(found.of('sample')), 'point')} drawn uniformly have {name} "
        f"{spread['mean']:.3f} on average ({spread['least']:.3f} to {spread['greatest']:.3f}); the ensemble is their "
        "mean prediction."
    )
    return Figure(dots(rows, name, score_ends(rows)), caption, [_without_interval(row) for row in told])


def summary(found: SimplexScores) -> list[dict[str, Any]]:
    """Return one row a vertex, one for the centroid and one for the ensemble: where, all scores, the interval."""
    rows = [
        {"at": f"vertex {point.vertex}" if point.kind == "vertex" else "centroid", **point.scores,
         "interval": point.interval}
        for point in (*found.of("centroid"), *found.of("vertex"))
    ]  # fmt: skip
    return [*rows, {"at": "ensemble", **found.ensemble, "interval": found.ensemble_interval}]


def _without_interval(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "interval"}


def _map(found: SimplexScores, name: str) -> Figure:
    flat = "" if found.n_vertices < 4 else " Different points of the simplex can fall on one place of the polygon."
    caption = (
        f"The simplex laid flat: vertices (numbered), the centroid (square), lines to the vertices and random points, "
        f"coloured by {name}. A point lies at the mean of the corners, weighted as the vertices are.{flat} "
        "Hover over a point for its score."
    )
    return Figure(polygon(found.points, found.score), caption)


def polygon(points: Sequence[SimplexPoint], score: str) -> Markup:
    """Draw points of a simplex on the regular polygon of its vertices, coloured from the worst to the best score."""
    corners = _corner_places(len(points[0].weights))
    low, high = ends_of(point.scores[score] for point in points)
    edges = [line(*a, *b, "grid") for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
    spokes = [line(WIDTH / 2, SIZE / 2, *corner, "grid") for corner in corners]
    order = sorted(points, key=lambda point: ("sample", "way", "vertex", "centroid").index(point.kind))
    drawn = [_dot(point, _weighted(point.weights, corners), score, (low, high)) for point in order]
    names = [_number(i + 1, *corner) for i, corner in enumerate(corners)]
    scale = tag("p", f"{low:.3f} ", tag("i"), f" {high:.3f}", class_="scale")
    height = max(y for _, y in corners) + SIZE / 2 - RADIUS
    return tag("div", svg(f"{score} over the simplex", height, edges, spokes, drawn, names), scale)


def _corner_places(n: int) -> list[Point]:
    first = math.pi if n == 2 else math.pi / 2
    turns = [first - 2 * math.pi * i / n for i in range(n)]
    return [(WIDTH / 2 + RADIUS * math.cos(a), SIZE / 2 - RADIUS * math.sin(a)) for a in turns]


def _weighted(weights: Sequence[float], corners: Sequence[Point]) -> Point:
    x, y = np.asarray(weights) @ np.asarray(corners)
    return float(x), float(y)


def _dot(point: SimplexPoint, place: Point, score: str, ends: Point) -> Markup:
    (x, y), value = place, point.scores[score]
    looks = graded((value - ends[0]) / ((ends[1] - ends[0]) or 1.0))
    told = {"vertex": f"vertex {point.vertex}", "way": f"{point.share:.0%} of the way to vertex {point.vertex}"}
    title = tag("title", f"{told.get(point.kind, point.kind)}: {value:.4f}")
    if point.kind == "centroid":
        shape = tag("rect", x=f"{x - 6:.1f}", y=f"{y - 6:.1f}", width=12, height=12)
    else:
        radius = {"vertex": 8, "way": 4.5, "sample": 3.5}[point.kind]
        shape = tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius)
    return tag("g", tag("g", shape, title, class_="bead"), **looks)


def _number(number: int, x: float, y: float) -> Markup:
    across, down = (x - WIDTH / 2) / RADIUS, (y - SIZE / 2) / RADIUS
    return words(str(number), x + 17 * across, y + 17 * down + 4, "middle", class_="value")


def _ways(found: SimplexScores, name: str) -> Figure:
    centre = found.of("centroid")[0].scores[found.score]
    lines: dict[str, list[Point]] = {f"vertex {i + 1}": [(0.0, centre)] for i in range(found.n_vertices)}
    for point in (*found.of("way"), *found.of("vertex")):
        lines[f"vertex {point.vertex}"].append((point.share, point.scores[found.score]))
    caption = (
        f"{name.capitalize()} on the straight line from the centroid (0) to every vertex (1), all other weights equal."
    )
    return Figure(curves(lines, "share of the way", name), caption)


def _validation(found: SimplexScores) -> list[Part]:
    name, shown = found.monitor, found.monitor.replace("_", "-")
    rows = [{"at": float(row["epoch"]), **row} for row in found.epochs]
    kept = next((row["at"] for row in rows if row["kept"]), None)
    repeated = [row for row in rows if f"{name}_q10" in row]
    band = {shown: [(row["at"], row[f"{name}_q10"], row[f"{name}_q90"]) for row in repeated]}
    drawing = curves({shown: [(r["at"], r[name]) for r in rows]}, "epoch", f"{shown} on dev", mark=kept, bands=band)
    how = "at the centroid"
    if repeated:
        how = "mean over repeats, each text at fresh points; bars from the 10 % to the 90 % quantile"
    caption = f"{shown.capitalize()} on the dev texts of the fit after every epoch: {how}. "
    figures: list[Part] = [Figure(drawing, f"{caption}The dashed line is the epoch that was kept.", found.epochs)]
    if repeated:
        deviation = [(row["at"], row[f"{name}_std"]) for row in repeated]
        top = max(value for _, value in deviation)
        drawing = curves({"spread": deviation}, "epoch", "standard deviation", mark=kept, y=(0.0, top))
        figures.append(Figure(drawing, f"Standard deviation of {shown} over the repeats."))
    return figures


def uncertainty_document(found: Uncertainty) -> Document:
    """Lay out how far the points of a simplex agree on every text."""
    ordered = sorted(zip(found.total.tolist(), found.expected.tolist(), found.mutual.tolist(), strict=True))
    place = [float(i + 1) for i in range(len(ordered))]
    lines = {
        name: list(zip(place, [row[i] for row in ordered], strict=True))
        for i, name in enumerate(("total", "expected", "mutual"))
    }
    caption = "Texts by total uncertainty: expected (the text is open) plus mutual (the points disagree)."
    figure = Figure(curves(lines, "text", "share of the largest entropy", y=(0.0, 1.0)), caption)
    rows = found.rows()
    about = f"{counted(len(rows), 'text')}, {counted(found.n_samples, 'point')} of the simplex."
    total, mutual = float(found.total.mean()), float(found.mutual.mean())
    finding = (
        f"The mean uncertainty is {total:.3f} of the largest entropy; {mutual:.3f} of it is disagreement between "
        "points of the simplex, the rest is that the texts themselves are open to every point."
    )
    sections = [
        Section("Spread over the simplex", [figure]),
        Section("Texts", [Table(rows[:MOST_ROWS])], folded=True),
    ]
    return Document("Uncertainty", finding, sections, about)


def draw_simplex(console: Console, found: SimplexScores) -> None:
    """Print the scores at the centroid, the vertices and of the ensemble, and the spread of the random points."""
    draw_notes(console, found.notes)
    corners, texts = counted(found.n_vertices, "vertex", "vertices"), counted(found.n_texts, "text")
    title = f"{found.model}, {corners}, {texts} from {found.source}"
    console.print(ScoreTable([_without_interval(row) for row in summary(found)], title))
    spread = found.spread()
    name = found.score.replace("_", "-")
    line = f"{len(found.of('sample'))} random points: {name} {spread['mean']:.4f} on average, standard deviation "
    console.print(plain(f"{line}{spread['std']:.4f}, {spread['least']:.4f} to {spread['greatest']:.4f}"))
