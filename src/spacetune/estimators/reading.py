"""Logits of any number of texts in bounded memory: features are made, read and let go run by run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from spacetune.encoders import TokenFeatures, as_given, as_inputs, each_once, holds_texts
from spacetune.errors import DataError
from spacetune.estimators.inputs import check_kind

if TYPE_CHECKING:
    from spacetune.estimators.text_estimator import TextEstimator

__all__ = ["Read", "read_logits"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Read:
    """What a model makes of texts, in their order.

    Parameters
    ----------
    logits
        ``(text, output)``, before any temperature.
    n_tokens
        ``(text,)``: tokens that were read.
    truncated
        ``(text,)``: which were cut.
    """

    logits: Array
    n_tokens: Array
    truncated: Array


def read_logits(model: TextEstimator, given: Any) -> Read:
    """Return logits of texts, features or a matrix; equal texts are computed once.

    Raises
    ------
    DataError
        If a model fitted on one kind of input is given another, or there are no texts.
    """
    given = as_given(given)
    if not holds_texts(given):
        source = model.features(given, stored=False)
        lengths = source.lengths.numpy()
        return Read(model.logits_of_source(source), lengths, np.zeros(len(lengths), dtype=bool))
    check_kind(model, given, reset=False)
    inputs = as_inputs(given)
    if not inputs:
        raise DataError("there are no texts to encode")
    texts, place = each_once(inputs)
    runs = [_read(model, features) for features in model.feature_runs(texts)]
    whole = (np.concatenate([getattr(run, field.name) for run in runs]) for field in dataclasses.fields(Read))
    return Read(*(column[place] for column in whole))


def _read(model: TextEstimator, features: TokenFeatures) -> Read:
    assert features.truncated is not None
    return Read(model.logits_of_source(features), features.lengths.numpy(), features.truncated.numpy())
