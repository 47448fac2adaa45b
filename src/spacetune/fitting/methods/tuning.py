"""Layers trained under a head, as several methods ask for it."""

from __future__ import annotations

from spacetune.fitting.data import FitData
from spacetune.fitting.layers import LayerSettings, TunedHead, TunedLayers, fit_layers
from spacetune.fitting.methods.method import Reading, Run
from spacetune.fitting.schedule import Schedule

__all__ = ["RATE", "size_conflict", "tune"]

RATE = 1e-4
"""Learning rate of the layers, where the user names none."""


def tune(
    head: TunedHead,
    data: FitData,
    run: Run,
    reading: Reading,
    schedule: Schedule,
    *,
    rate: float | None,
    head_rate: float,
    share: float | None,
) -> TunedLayers:
    """Train the layers above the frozen ones, and a head on them.

    Parameters
    ----------
    head
        Where to start; it is trained.
    data
        Frozen features and targets.
    run
        Of the encoder.
    reading
        Which layers.
    schedule
        Of a training whose epoch dev chooses.
    rate
        Of the layers; None is the usual one.
    head_rate
        Of the head.
    share
        Of the epochs, where it was chosen before; None lets dev choose.
    """
    assert run.encoder is not None
    above = reading.above(run.encoder.n_layers)
    assert above is not None
    settings = LayerSettings(above, RATE if rate is None else rate, head_rate)
    return fit_layers(
        run.encoder, data, head, settings, run.task, schedule if share is None else schedule.for_share(share),
        checkpoint=run.checkpoint if share is None else None, progress=run.progress,
    )  # fmt: skip


def size_conflict(inside: str | None, size: int | None, sized: str = "'top'") -> str | None:
    """Say where a size has nothing to be the size of; `sized` names what has one."""
    if size is None or inside == "top":
        return None
    return f"inside_size goes with inside={sized}, not with inside={inside!r}"
