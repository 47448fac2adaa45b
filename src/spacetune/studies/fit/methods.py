"""The methods by name: which estimator each is, for classes and for numbers, and with which settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from spacetune.data import label_kind
from spacetune.errors import UsageError, did_you_mean
from spacetune.estimators import (
    LinearProbe,
    LinearProbeRegressor,
    PrefixSimplexClassifier,
    PrefixSimplexRegressor,
    SpaceClassifier,
    SpaceRegressor,
    TextEstimator,
)
from spacetune.estimators.settings import names_of

__all__ = [
    "METHODS",
    "Method",
    "Recipe",
    "check_method",
    "is_regression",
    "make_estimator",
    "settings_for",
    "usual_method",
]

Method = Literal["space", "probe", "tuned", "space-simplex", "prefix-simplex", "lora-simplex"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A method: its classifier, its regressor, and the settings that make it what it is."""

    classifier: type[TextEstimator]
    regressor: type[TextEstimator]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    def kind(self, regression: bool) -> type[TextEstimator]:
        """Return the estimator for numbers, or for classes."""
        return self.regressor if regression else self.classifier


METHODS: dict[Method, Recipe] = {
    "space": Recipe(SpaceClassifier, SpaceRegressor),
    "probe": Recipe(LinearProbe, LinearProbeRegressor),
    "tuned": Recipe(LinearProbe, LinearProbeRegressor, {"inside": "top"}),
    "space-simplex": Recipe(SpaceClassifier, SpaceRegressor, {"n_vertices": 6}),
    "prefix-simplex": Recipe(PrefixSimplexClassifier, PrefixSimplexRegressor),
    "lora-simplex": Recipe(PrefixSimplexClassifier, PrefixSimplexRegressor, {"adapter": "lora", "learning_rate": 1e-3}),
}

assert set(METHODS) == set(get_args(Method))


def check_method(method: str | None) -> None:
    """Raise `UsageError` unless there is such a method: one of `METHODS`, ``auto``, or None for the usual one."""
    if method is not None and method not in (known := ("auto", *METHODS)):
        near = did_you_mean(str(method), known)
        told = f"; did you mean {near!r}?" if near else ""
        raise UsageError(f"method must be one of {', '.join(known)}, got {method!r}{told}")


def usual_method(*, pairs: bool) -> Method:
    """Return the method where none is named: of pairs the probe, which reads the two texts apart."""
    return "probe" if pairs else "space"


def make_estimator(method: Method, regression: bool, settings: Mapping[str, Any], seed: int) -> TextEstimator:
    """Make a method's estimator.

    Raises
    ------
    UsageError
        If it has no setting of that name.
    """
    kind: Any = METHODS[method].kind(regression)
    known = set(names_of(kind))
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise UsageError(f"{kind.__name__} has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return kind(**{**METHODS[method].settings, **settings}, seed=seed)


def settings_for(method: Method, regression: bool, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the settings that the method has: what several methods can share."""
    known = set(names_of(METHODS[method].kind(regression)))
    return {name: value for name, value in settings.items() if name in known}


def is_regression(labels: Sequence[Any], task: str = "auto") -> bool:
    """Tell whether numbers are to be predicted."""
    return task == "regression" or (task == "auto" and label_kind(labels) == "regression")
