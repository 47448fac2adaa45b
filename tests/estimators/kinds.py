"""Every estimator, found automatically."""

from __future__ import annotations

import inspect

import spacetune.estimators
from spacetune.estimators import TextEstimator

KINDS = [
    kind
    for _, kind in inspect.getmembers(spacetune.estimators, inspect.isclass)
    if issubclass(kind, TextEstimator) and not inspect.isabstract(kind)
]
