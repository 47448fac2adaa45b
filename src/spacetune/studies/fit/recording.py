"""What a fit found out beside its model, kept in it: the table, the warnings on the data, how its spaces overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spacetune.estimators import SpaceClassifier, TextEstimator
from spacetune.heads import SpaceHead
from spacetune.studies.fit.score_rows import Row

__all__ = ["record"]


def record(model: TextEstimator, table: Sequence[Row], notes: Sequence[str]) -> None:
    """Add to a fitted model's report what its card and `report_` show of this fit.

    Parameters
    ----------
    model
        The fitted model.
    table
        One row per method and split; seconds are left out, so that equal fits are saved as equal models.
    notes
        Warnings on the data.
    """
    kept = [{name: value for name, value in row.items() if name != "seconds"} for row in table]
    model.report_ |= {"table": kept, "notes": list(notes)} | _overlap(model)


def _overlap(model: TextEstimator) -> dict[str, Any]:
    """Return how far the concept spaces overlap, and random ones of their size; nothing where there are not two."""
    if not isinstance(model, SpaceClassifier) or not isinstance(model.head_, SpaceHead):
        return {}
    if len(model.classes_) < 2:
        return {}
    found = model.spaces()
    return {"space_overlap": found.mean_overlap, "chance_overlap": found.chance_overlap}
