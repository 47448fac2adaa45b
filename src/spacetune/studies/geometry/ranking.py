"""Which layer to read, from measures alone: what they say of these texts, and how far that was ever right."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from spacetune.data import LabelledTexts
from spacetune.encoders import FeatureStore, Texts
from spacetune.results import TableResult
from spacetune.studies.geometry.layer_evidence import BASELINES, measures_of, records, stored_evidence
from spacetune.studies.geometry.measure_table import MeasureTable
from spacetune.studies.geometry.measuring import EncoderLike, measure, open_encoder
from spacetune.studies.geometry.pick_record import PickRecord

__all__ = ["FEW_SETS", "LayerRanking", "rank_layers"]

FEW_SETS = 10
"""Data sets below which no measure is called better than another way of picking (our choice)."""


@dataclasses.dataclass(frozen=True)
class LayerRanking(TableResult):
    """Layers that the measures would pick for these texts, with the measures' record.

    Parameters
    ----------
    picks
        One row a measure, those of least regret first: the layers from its first choice to its last, and its record
        over the data sets of the evidence (``best`` of ``of``, mean ``regret`` with its interval).
    baselines
        The records of ways to pick that look at no measure.
    verdict
        In words: is any measure worth following.
    about
        How the evidence was made.
    table
        The measures of these texts.
    notes
        Warnings.
    """

    picks: tuple[dict[str, Any], ...]
    baselines: tuple[PickRecord, ...]
    verdict: str
    about: str
    table: MeasureTable
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a measure, then one a baseline."""
        return [*self.picks, *({"first": None, "order": [], **record.to_dict()} for record in self.baselines)]


def rank_layers(
    encoder: EncoderLike,
    texts: Texts | LabelledTexts,
    *,
    sample: int = 2_000,
    seed: int = 0,
    store: FeatureStore | Literal["auto"] | None = "auto",
    progress: bool | None = None,
) -> LayerRanking:
    """Rank an encoder's layers for texts by measures of their geometry, without labels and without training.

    Every measure that the evidence covers is worked out at every layer, and layers are put in the order in which the
    measure prefers them (greatest or least first, as the evidence settled). Beside each order stands how often that
    measure picked the best layer on the evidence's data sets, and what following it cost.

    Parameters
    ----------
    encoder
        An `Encoder`, a folder or hub name, or None for the default encoder.
    texts
        Strings, pairs, or `LabelledTexts`; labels are not looked at.
    sample
        Tokens for the measures that need more than moments; the evidence used 2,000.
    seed
        Seed of the sample.
    store
        Where features are kept.
    progress
        True or False to force the progress bars on or off.

    Returns
    -------
    LayerRanking
        Orders, records, baselines, and a verdict.
    """
    opened = open_encoder(encoder)
    evidence = stored_evidence(opened.source.sha256)
    record = {entry.by: entry for entry in records(evidence)}
    names = [name for name in record if name in set(measures_of(evidence))]
    table = measure(opened, texts, measures=names, sample=sample, seed=seed, store=store, progress=progress)
    picks = [_pick(name, record[name], table) for name in names]
    notes = list(table.notes)
    if opened.source.sha256 != evidence.sha256:
        notes.append(f"the evidence is of {evidence.encoder}; for {opened.name} the records may not hold")
    return LayerRanking(
        picks=tuple(pick for pick in picks if pick["first"] is not None),
        baselines=tuple(record[name] for name in record if name in BASELINES),
        verdict=verdict(record),
        about=evidence.about,
        table=table,
        notes=tuple(notes),
    )


def _pick(name: str, record: PickRecord, table: MeasureTable) -> dict[str, Any]:
    values = {entry.layer: entry.value for entry in table.values if entry.measure == name and entry.value is not None}
    order = sorted(values, key=lambda layer: values[layer] or 0.0, reverse=record.direction == "greatest")
    return {"first": order[0] if order else None, "order": order, **record.to_dict()}


def verdict(record: dict[str, PickRecord]) -> str:
    """Say in a sentence whether a measure did better than looking at none."""
    measures = [entry for entry in record.values() if entry.by not in BASELINES]
    top = min(measures, key=lambda entry: entry.regret)
    plain = min((record[name] for name in ("last layer", "same layer")), key=lambda entry: entry.regret)
    small = record["small probe"]
    advice = f"no measure is shown to be better than {BASELINES[plain.by]}"
    if top.of < FEW_SETS:
        advice = f"{top.of} data sets are too few to tell"
    elif top.high < plain.regret:
        advice = "follow it"
    return (
        f"the best measure, {top.by}, picked the best layer on {top.best:g} of {top.of} data sets and lost "
        f"{top.regret:.3f} [{top.low:.3f}, {top.high:.3f}] on average; {BASELINES[plain.by]} lost {plain.regret:.3f}, "
        f"a probe on 100 labelled texts {small.regret:.3f}: {advice}"
    )
