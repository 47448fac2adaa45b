"""Concept spaces as reports: the map of texts and tokens, angles and overlaps."""

from __future__ import annotations

import numpy as np

from spacetune.reports.charts import heat_map, scatter
from spacetune.reports.document import Document, Figure, Paragraph, Section
from spacetune.spaces import SpaceOverlap
from spacetune.studies import SpaceMap

__all__ = ["map_document", "overlap_document"]

HOVER_LETTERS = 80


def map_document(found: SpaceMap) -> Document:
    """Lay out a map of texts and tokens, and how far apart the spaces are."""
    names = [str(name) for name in found.classes]
    labels = [str(label) for label in found.labels]
    clouds = {
        name: [
            (float(x), float(y), _brief(text))
            for text, label, (x, y) in zip(found.texts, labels, found.positions, strict=True)
            if label == name
        ]
        for name in names
    }
    owners = np.array([str(label) for label in found.token_labels])
    small = {name: [(float(x), float(y)) for x, y in found.token_positions[owners == name]] for name in names}
    centres = {n: (float(x), float(y)) for n, (x, y) in zip(names, found.centres, strict=True) if np.isfinite(x)}
    first, second = found.explained
    caption = (
        f"{len(found.texts):,} texts (large), {len(found.token_positions):,} of their tokens (pale) and the classes' "
        f"centres (crosses) on the first two principal axes of the texts' vectors, which hold {first:.0%} and "
        f"{second:.0%} of their variance. A text stands in the middle of its tokens. Hover over a point for its text."
    )
    rows = [{"class": n, "texts": len(clouds[n]), "x": x, "y": y} for n, (x, y) in centres.items()]
    sections = [Section("Map", [Figure(scatter(clouds, small, centres), caption, rows)])]
    if found.overlap is not None:
        sections += _overlap_sections(found.overlap)
    return Document("Concept spaces", f"Texts from {found.source}.", sections)


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
