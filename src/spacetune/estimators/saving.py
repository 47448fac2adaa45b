"""What a fitted estimator's folder is made of."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import torch
from sklearn.base import BaseEstimator

from spacetune.errors import UsageError
from spacetune.estimators.card import model_card
from spacetune.estimators.inputs import FittedOn
from spacetune.estimators.settings import settings_of
from spacetune.fitting import Learnt
from spacetune.model_folder import SavedModel

__all__ = ["to_save"]


def to_save(
    model: BaseEstimator,
    learnt: Learnt,
    fitted: FittedOn,
    facts: Mapping[str, Any],
    report: Mapping[str, Any],
) -> SavedModel:
    """Return config, tensors and card of a fitted model.

    Parameters
    ----------
    model
        The estimator, whose class and settings are kept.
    learnt
        What it learned.
    fitted
        What it was fitted on.
    facts
        Its task and calibration.
    report
        Its dev scores.

    Raises
    ------
    UsageError
        If it was fitted on ready embeddings.
    """
    if fitted.kind != "texts" or fitted.provenance is None:
        raise UsageError("a model of ready embeddings has no encoder to name; save it with joblib, or fit on texts")
    settings = settings_of(model)
    config = {
        "spacetune": importlib.metadata.version("spacetune"),
        "model": type(model).__name__,
        "settings": {name: value for name, value in settings.items() if name not in ("encoder", "store")},
        "encoder": dataclasses.asdict(fitted.provenance),
        "learned": {**facts, **learnt.facts},
        "report": dict(report),
        "pairs": fitted.pairs,
    }
    if learnt.history is not None:
        config["history"] = learnt.history.to_dict()
    tensors = {**learnt.tensors, "train_hashes": torch.as_tensor(fitted.hashes)}
    card = model_card(config, fitted.provenance.longest)
    return SavedModel(config, tensors, card, None if learnt.encoder is None else learnt.encoder.save_pretrained)
