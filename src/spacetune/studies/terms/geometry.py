"""Which term shapes the space: geometry of each term alone; and how training moves the terms."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from spacetune.dissection import TERMS, MeasureName, dissect, dissect_windows
from spacetune.encoders import Encoder, Texts
from spacetune.errors import DataError, UsageError
from spacetune.geometry import SampleSizeWarning, compute
from spacetune.results import TableResult

__all__ = ["TermGeometry", "TermShift", "term_geometry", "term_shift"]

USUAL = ("average_cosine", "isoscore", "eee", "participation_ratio")


@dataclasses.dataclass(frozen=True)
class TermGeometry(TableResult):
    """One row a term in `table`, and one for the whole embedding: its measures, and the norm of its mean vector.

    `n_truncated` of the texts that were read were cut at their ends.
    """

    encoder: str
    layer: int
    n_tokens: int
    n_truncated: int
    table: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a term."""
        return list(self.table)


@dataclasses.dataclass(frozen=True)
class TermShift(TableResult):
    """One row a layer in `table`: every term's mean importance before and after, and the difference."""

    before: str
    after: str
    measure: str
    table: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a layer."""
        return list(self.table)


def term_geometry(
    encoder: Encoder | str | None,
    texts: Texts,
    layer: int = -1,
    *,
    measures: Sequence[str] = USUAL,
    max_tokens: int = 20_000,
) -> TermGeometry:
    """Measure each term as a set of points of its own, beside the whole embedding.

    Parameters
    ----------
    encoder
        As in `dissect`.
    texts
        Strings or pairs; texts after the first `max_tokens` tokens are not read.
    layer
        Whose hidden states.
    measures
        Names from the geometry catalogue.
    max_tokens
        About how many tokens to measure.

    Returns
    -------
    TermGeometry
        A term that is zero throughout (attention at layer 0) has no row.

    Raises
    ------
    DataError
        If there are fewer than 2 tokens.
    UsageError
        If `max_tokens` is below 2.
    """
    if max_tokens < 2:
        raise UsageError(f"max_tokens must be at least 2, got {max_tokens}")
    kept: list[torch.Tensor] = []
    name, number, n_truncated = "", 0, 0
    for window in dissect_windows(encoder, texts, layer, window=8192):
        kept.append(torch.cat([window.terms[:, 0], window.states], dim=1))
        name, number = window.provenance.encoder, window.layers[0]
        n_truncated += window.provenance.n_truncated
        if sum(map(len, kept)) >= max_tokens:
            break
    points = torch.cat(kept)[:max_tokens].double().numpy() if kept else torch.zeros(0, 5, 1).numpy()
    if len(points) < 2:
        raise DataError(f"geometry needs at least 2 tokens, got {len(points)}")
    rows: list[dict[str, Any]] = []
    for i, term in enumerate((*TERMS, "embedding")):
        if points[:, i].any():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SampleSizeWarning)
                found = compute(points[:, i], measures)
            centre = float((points[:, i].mean(0) ** 2).sum() / (points[:, i] ** 2).sum(1).mean())
            rows.append({"term": term, "mean_share": centre, **found.values})
    return TermGeometry(name, number, len(points), n_truncated, tuple(rows))


def term_shift(
    before: Encoder | str | None,
    after: Encoder | str,
    texts: Texts,
    *,
    measure: MeasureName = "relative_dot_product",
) -> TermShift:
    """Compare the terms' mean importances in two encoders, as before and after fine-tuning, on the same texts.

    Parameters
    ----------
    before
        An encoder, as in `dissect`.
    after
        One with the same number of layers.
    texts
        Strings or pairs.
    measure
        Which importance.

    Returns
    -------
    TermShift
        Layer by layer.

    Raises
    ------
    UsageError
        If the encoders differ in depth.
    """
    sides = [dissect(encoder, texts, "all") for encoder in (before, after)]
    if sides[0].layers != sides[1].layers:
        raise UsageError(
            f"both encoders must have as many layers, got {len(sides[0].layers) - 1} and {len(sides[1].layers) - 1}"
        )
    rows = [
        {"layer": old["layer"]}
        | {f"{term} before": old[term] for term in TERMS}
        | {f"{term} after": new[term] for term in TERMS}
        | {f"{term} change": new[term] - old[term] for term in TERMS}
        for old, new in zip(sides[0].curves(measure), sides[1].curves(measure), strict=True)
    ]
    return TermShift(sides[0].provenance.encoder, sides[1].provenance.encoder, measure, tuple(rows))
