"""What training the upper layers too would take here."""

from __future__ import annotations

import logging
import math

from spacetune.encoders import Encoder
from spacetune.errors import UnsupportedByFamily
from spacetune.estimators import TextEstimator
from spacetune.fitting import tuning_seconds

__all__ = ["WORTH_IT", "tell_of_tuning", "tuning_cost"]

log = logging.getLogger("spacetune")

WORTH_IT = 1_000
"""Texts from which on tuning is worth a trial; the number is ours."""


def tuning_cost(encoder: Encoder, n_texts: int, n_tokens: int) -> float:
    """Return about how many seconds training the upper layers over these texts takes; infinity where none can be."""
    try:
        return tuning_seconds(encoder, n_texts, n_tokens)
    except UnsupportedByFamily:
        return math.inf


def tell_of_tuning(model: TextEstimator, n_tokens: int) -> None:
    """Log what ``inside="top"`` would take, where a model was fitted on a frozen encoder and on enough texts.

    Parameters
    ----------
    model
        Just fitted.
    n_tokens
        Of all its training texts.
    """
    frozen = model.learnt_.model.adapter is None and model.learnt_.encoder is None
    if not frozen or getattr(model, "inside", "") is not None or model.report_["n_texts"] < WORTH_IT:
        return
    seconds = tuning_cost(model.encoder_, model.report_["n_texts"], n_tokens)
    if seconds < math.inf:
        told = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
        log.info(
            "the encoder's upper layers were left as they are; tuning them too (method tuned) would take about %s here",
            told,
        )
