"""Concept spaces as reports: the map of texts and tokens, flat and in space; angles and overlaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from spacetune.heads.spaces import SpaceOverlap
from spacetune.reports.charts import heat_map
from spacetune.reports.clouds import scatter, turning
from spacetune.reports.document import Document, Figure, Paragraph, Section
from spacetune.studies import SpaceMap

__all__ = ["map_document", "overlap_document"]

HOVER_LETTERS = 80

Array = np.ndarray[Any, Any]


def map_document(found: SpaceMap) -> Document:
    """Lay out a map of texts and tokens, flat and in space, and how far apart the spaces are."""
    names = [str(name) for name in found.classes]
    centres = {n: place for n, place in zip(names, found.centres, strict=True) if np.isfinite(place).all()}
    figures = [_flat(found, names, centres)]
    if found.positions.shape[1] > 2:
        figures.append(_in_space(found, names, centres))
    sections = [Section("Map", figures)]
    if found.overlap is not None:
        sections += _overlap_sections(found.overlap)
    return Document("Concept spaces", f"Texts from {found.source}.", sections)


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
        f"{len(found.texts):,} texts (large), {len(found.token_positions):,} of their tokens (pale) and the classes' "
        f"centres (crosses) on the first two principal axes of the texts' vectors, which hold {first:.0%} and "
        f"{second:.0%} of their variance. A text stands in the middle of its tokens. Hover over a point for its text."
    )
    rows = [
        {"class": name, "texts": len(clouds[name]), **dict(zip("xyz", place.tolist(), strict=False))}
        for name, place in centres.items()
    ]
    return Figure(scatter(clouds, small, flat), caption, rows)


def _in_space(found: SpaceMap, names: list[str], centres: dict[str, Array]) -> Figure:
    caption = (
        f"The same texts and centres on the first three axes; the third holds {found.explained[2]:.0%} of the "
        "variance. Drag to turn, or use the arrow keys."
    )
    return Figure(turning(_by_class(found, names), centres), caption)


def overlap_document(overlap: SpaceOverlap) -> Document:
    """Lay out angles and overlaps between the spaces."""
    return Document("Concept spaces", f"{len(overlap.names)} spaces compared.", _overlap_sections(overlap))


def _overlap_sections(overlap: SpaceOverlap) -> list[Section]:
    names = overlap.names
    angles = heat_map(overlap.principal_angle, names, names, shades=1 - overlap.principal_angle / 90, digits=0)
    shared = heat_map(overlap.operator_overlap, names, names, shades=overlap.operator_overlap)
    sections = [
        Section(
            "Principal angles",
            [Figure(angles, "Mean principal angle between two spaces' operators, in degrees: 0 the same, 90 apart.")],
        ),
        Section(
            "Overlap",
            [
                Figure(shared, "Mean squared cosine of the principal angles, in [0, 1]."),
                Paragraph(f"Two random spaces of this size would overlap by {overlap.chance_overlap:.4f}."),
            ],
        ),
    ]
    if overlap.centroid_cosine is not None:
        cosine = heat_map(overlap.centroid_cosine, names, names, shades=np.clip(overlap.centroid_cosine, 0, 1))
        caption = "Cosine between the spaces' mean centroids over the texts."
        sections.append(Section("Centroids", [Figure(cosine, caption)]))
    return sections


def _brief(text: object) -> str:
    whole = text if isinstance(text, str) else " | ".join(text)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return whole if len(whole) <= HOVER_LETTERS else f"{whole[:HOVER_LETTERS]}…"
