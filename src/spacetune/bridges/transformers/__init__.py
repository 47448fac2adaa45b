"""Fitted models as transformers classifiers. Importing this makes the type ``spacetune`` known to the Auto classes."""

from spacetune.bridges.transformers.export import export_transformers, to_transformers
from spacetune.bridges.transformers.modelling import (
    SpacetuneConfig,
    SpacetuneForSequenceClassification,
    SpacetuneOutput,
)

__all__ = [
    "SpacetuneConfig",
    "SpacetuneForSequenceClassification",
    "SpacetuneOutput",
    "export_transformers",
    "to_transformers",
]
