"""An estimator's settings by name, as its constructor has them."""

# The types of scikit-learn are partial.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import functools
from typing import Any, TypeVar

from sklearn.base import BaseEstimator

__all__ = ["as_fitted", "names_of", "settings_of"]

E = TypeVar("E", bound=BaseEstimator)
PLAIN = (bool, int, float, str, tuple, list, dict)
"""Of what is not the same object any more once it was pickled."""


@functools.cache
def names_of(kind: type[BaseEstimator]) -> tuple[str, ...]:
    """Return the names of a class's settings, in alphabetical order, from its constructor's signature."""
    return tuple(kind._get_param_names())


def settings_of(model: BaseEstimator) -> dict[str, Any]:
    """Return what ``get_params(deep=False)`` does; the signature is read once a class, which one text would notice."""
    return {name: getattr(model, name) for name in names_of(type(model))}


def as_fitted(model: E, fitted_with: dict[str, Any]) -> E:
    """Return an estimator with the settings of its last fit: itself, but where some were set since for the next."""
    now = settings_of(model)
    changed = any(not _same(value, now[name]) for name, value in fitted_with.items())
    return type(model)(**fitted_with) if changed else model


def _same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, PLAIN) and type(one) is type(other) and one == other)
