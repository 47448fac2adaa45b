"""What training the upper layers too would take, said after a fit on frozen ones."""

from __future__ import annotations

import logging

from spacetune.errors import UnsupportedByFamily
from spacetune.estimators import SpaceClassifier, SpaceRegressor, TextEstimator
from spacetune.fitting import tuning_seconds

__all__ = ["tell_of_tuning"]

log = logging.getLogger("spacetune")

WORTH_IT = 1_000
"""Texts from which on tuning is worth a trial; below, it seldom beat the frozen encoder."""


def tell_of_tuning(model: TextEstimator, n_tokens: int) -> None:
    """Log the cost of ``inside="top"``, where a frozen encoder's head was fitted on enough texts.

    Parameters
    ----------
    model
        Just fitted.
    n_tokens
        Of all its training texts.
    """
    able = isinstance(model, SpaceClassifier | SpaceRegressor) and model.inside is None and not model.train_encoder
    if not able or model.report_["n_texts"] < WORTH_IT:
        return
    try:
        seconds = tuning_seconds(model.encoder_, n_tokens)
    except UnsupportedByFamily:
        return
    told = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    log.info("inside=top would train the encoder's upper layers too: about %s here, mostly for some points more", told)
