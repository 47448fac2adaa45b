"""Estimators with scikit-learn's interface, which take texts or a matrix of ready embeddings."""

from spacetune.estimators.loading import load_estimator
from spacetune.estimators.prefix import PrefixSimplexClassifier
from spacetune.estimators.prefix_regressor import PrefixSimplexRegressor
from spacetune.estimators.probe import LinearProbe, LinearProbeRegressor
from spacetune.estimators.space import SpaceClassifier
from spacetune.estimators.space_encoder import SpaceEncoder
from spacetune.estimators.space_regressor import SpaceRegressor
from spacetune.estimators.text_estimator import TextEstimator

__all__ = [
    "LinearProbe",
    "LinearProbeRegressor",
    "PrefixSimplexClassifier",
    "PrefixSimplexRegressor",
    "SpaceClassifier",
    "SpaceEncoder",
    "SpaceRegressor",
    "TextEstimator",
    "load_estimator",
]
