"""What a fit returns beside its model."""

from __future__ import annotations

import dataclasses
from typing import Any

from spacetune.results import TableResult
from spacetune.studies.fit.choosing import Choice
from spacetune.studies.fit.methods import Method
from spacetune.studies.fit.scoring import Scores

__all__ = ["FitReport"]


@dataclasses.dataclass(frozen=True)
class FitReport(TableResult):
    """One fit: what it learnt from, how long it took, and its scores beside the baselines'.

    Parameters
    ----------
    method
        ``space``, ``probe``, ``tuned``, ``space-simplex``, ``prefix-simplex`` or ``lora-simplex``.
    source
        Where the training texts came from.
    n_texts
        How many trained the model in the end.
    classes
        Their classes.
    dev
        How the dev part came about.
    table
        One row per method and split: ``method``, ``split``, ``n``, scores, ``seconds``, ``intervals`` of the scores; a
        baseline's also ``ahead``, the intervals of the model's scores less its, on the same texts.
    history
        How training went, in a sentence; empty for the probe.
    notes
        Data warnings.
    epochs
        One row an epoch: loss, dev scores, whether it was kept; empty for the probe.
    scored
        The model's scores in full, by split.
    choice
        How the method was chosen; None where it was given.
    unit
        ``text`` or ``pair``: what it is fitted on.
    """

    method: Method
    source: str
    n_texts: int
    classes: tuple[Any, ...]
    dev: str
    table: tuple[dict[str, Any], ...]
    history: str
    notes: tuple[str, ...]
    epochs: tuple[dict[str, Any], ...] = ()
    scored: dict[str, Scores] = dataclasses.field(default_factory=dict[str, Scores])
    choice: Choice | None = None
    unit: str = "text"

    def rows(self) -> list[dict[str, Any]]:
        """Return the table of scores, without the intervals."""
        return [
            {name: value for name, value in row.items() if name not in ("intervals", "ahead")} for row in self.table
        ]
