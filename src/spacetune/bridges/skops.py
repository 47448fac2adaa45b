"""What skops, and through it MLflow, has to be told to trust: the plain classes that fitted estimators are made of."""

from __future__ import annotations

from spacetune.encoders import Encoder, Provenance
from spacetune.estimators import (
    LinearProbe,
    LinearProbeRegressor,
    PrefixSimplexClassifier,
    PrefixSimplexRegressor,
    SpaceClassifier,
    SpaceEncoder,
    SpaceRegressor,
)
from spacetune.estimators.inputs import FittedOn
from spacetune.fitting import Epoch, History, Learnt, MultiLabel, Regression, SingleLabel
from spacetune.fitting.lexicon import WordsChosen
from spacetune.fitting.linear_path import PathChosen
from spacetune.fitting.methods.inside import InsideChosen
from spacetune.fitting.methods.pair_spaces import PairSpacesChosen
from spacetune.fitting.methods.probe import ProbeChosen
from spacetune.fitting.methods.space import SpaceChosen
from spacetune.fitting.pairs import PairChosen
from spacetune.fitting.spaces import HeadSettings

__all__ = ["TRUSTED_TYPES"]

ESTIMATORS = (
    LinearProbe, LinearProbeRegressor, PrefixSimplexClassifier, PrefixSimplexRegressor, SpaceClassifier, SpaceEncoder,
    SpaceRegressor,
)  # fmt: skip
STATE = (
    Encoder, Epoch, FittedOn, HeadSettings, History, InsideChosen, Learnt, MultiLabel, PairChosen, PairSpacesChosen,
    PathChosen, ProbeChosen, Provenance, Regression, SingleLabel, SpaceChosen, WordsChosen,
)  # fmt: skip
PATHS = ("pathlib.PosixPath", "pathlib.WindowsPath")

TRUSTED_TYPES: list[str] = [*(f"{each.__module__}.{each.__qualname__}" for each in (*ESTIMATORS, *STATE)), *PATHS]
"""For ``skops.io.load(file, trusted=…)`` and ``mlflow.sklearn.log_model(model, skops_trusted_types=…)``.

Loading these makes arrays and plain values, and runs nothing that a file brings; an `Encoder` at rest is a name. A
`FeatureStore` is left out, since it writes to the folder that it names.
"""
