"""An estimator's settings by name, as its constructor has them."""

# The types of scikit-learn are partial.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import functools
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["names_of", "settings_of"]


@functools.cache
def names_of(kind: type[BaseEstimator]) -> tuple[str, ...]:
    """Return the names of a class's settings, in alphabetical order, from its constructor's signature."""
    return tuple(kind._get_param_names())


def settings_of(model: BaseEstimator) -> dict[str, Any]:
    """Return what ``get_params(deep=False)`` does; the signature is read once a class, which one text would notice."""
    return {name: getattr(model, name) for name in names_of(type(model))}
