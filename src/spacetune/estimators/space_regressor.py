"""`SpaceRegressor`: the Space Model for a number a text."""

from __future__ import annotations

import os
from typing import Literal

from spacetune.encoders import Encoder, FeatureStore, Layers
from spacetune.estimators.regressor import Regressor
from spacetune.estimators.settings import settings_of
from spacetune.estimators.space import space_head_of
from spacetune.fitting import SETTINGS, Method, space_method
from spacetune.heads import SpaceHead

__all__ = ["SpaceRegressor"]


class SpaceRegressor(Regressor):
    r"""Predict one number per text from one concept space on a frozen encoder.

    .. math:: y = \mu + \sigma (b + \sum_k W_k \tfrac1T \sum_t \tanh(P h_t))

    The paper speaks of classes only; the single space for a number is ours. Settings and attributes mean what they mean
    in `SpaceClassifier`; there are no classes to weigh or smooth, and no inter-space loss. Patience counts epochs
    without a better dev R².

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> round(SpaceRegressor(seed=0).fit(X, X[:, 0]).score(X, X[:, 0]), 1) >= 0.9
    True
    """

    rules = SETTINGS

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        layers: Layers | str = "auto",
        n_latent: int = 64,
        intra_weight: float = 0.0,
        dropout: float = 0.1,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.1,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = None,
        dev_fraction: float = 0.1,
        max_length: int | None = None,
        max_windows: int | None = None,
        store: FeatureStore | Literal["auto"] | None = "auto",
        inside: Literal["top", "all", "lora", "prefix"] | None = None,
        inside_size: int | None = None,
        train_encoder: bool = False,
        encoder_learning_rate: float | None = None,
        n_vertices: int = 1,
        n_validation_samples: int = 5,
        linear_path: bool | None = None,
        lexicon: bool = True,
        pairs: Literal["auto", "apart", "together"] = "auto",
        symmetric: bool | None = None,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.n_latent = n_latent
        self.intra_weight = intra_weight
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.patience = patience
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.max_windows = max_windows
        self.store = store
        self.inside = inside
        self.inside_size = inside_size
        self.train_encoder = train_encoder
        self.encoder_learning_rate = encoder_learning_rate
        self.n_vertices = n_vertices
        self.n_validation_samples = n_validation_samples
        self.linear_path = linear_path
        self.lexicon = lexicon
        self.pairs = pairs
        self.symmetric = symmetric
        self.seed = seed

    def method(self) -> Method:
        """Return the way in which these settings learn."""
        return space_method(settings_of(self))

    @property
    def space_head(self) -> SpaceHead:
        """The head, for its space and its weights; pairs that are read apart have none of this kind."""
        return space_head_of(self.head_)
