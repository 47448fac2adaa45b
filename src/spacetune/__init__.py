"""spacetune: small, explained text models in the latent space of a frozen Transformer.

``import spacetune`` loads no torch: every public name is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacetune.data import LabelledTexts as LabelledTexts
    from spacetune.data import few_shot as few_shot
    from spacetune.data import read_texts as read_texts
    from spacetune.dissection import dissect as dissect
    from spacetune.encoders import Encoder as Encoder
    from spacetune.errors import SpacetuneError as SpacetuneError
    from spacetune.estimators import LinearProbe as LinearProbe
    from spacetune.estimators import PrefixSimplexClassifier as PrefixSimplexClassifier
    from spacetune.estimators import SpaceClassifier as SpaceClassifier
    from spacetune.estimators import SpaceEncoder as SpaceEncoder
    from spacetune.estimators import SpaceRegressor as SpaceRegressor
    from spacetune.geometry import list_measures as list_measures
    from spacetune.reports import render as render
    from spacetune.results import Result
    from spacetune.studies import compare as compare
    from spacetune.studies import measure as measure

__version__ = "0.2.0.dev0"

_HOMES = {
    "Encoder": "encoders",
    "LabelledTexts": "data",
    "LinearProbe": "estimators",
    "PrefixSimplexClassifier": "estimators",
    "SpaceClassifier": "estimators",
    "SpaceEncoder": "estimators",
    "SpaceRegressor": "estimators",
    "SpacetuneError": "errors",
    "compare": "studies",
    "dissect": "dissection",
    "few_shot": "data",
    "list_measures": "geometry",
    "measure": "studies",
    "read_texts": "data",
    "render": "reports",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spacetune' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"spacetune.{_HOMES[name]}"), name)


def draw_as_text(result: Result) -> str:
    """Return what is printed of a result."""
    return importlib.import_module("spacetune.reports").printed(result)


def draw_in_notebook(result: Result) -> str:
    """Return the HTML that a notebook shows of a result; results themselves know nothing of reports."""
    return importlib.import_module("spacetune.reports").notebook(result)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
