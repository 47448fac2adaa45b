"""`PrefixSimplexRegressor`: a simplex of prefixes and heads for a number a text."""

from __future__ import annotations

import os
from typing import Literal

from spacetune.encoders import Encoder, Layers, Mixing, Pooling, Reparametrisation
from spacetune.estimators.regressor import Regressor
from spacetune.estimators.settings import settings_of
from spacetune.fitting import UNCHOSEN, InsideMethod
from spacetune.heads import Sampling

__all__ = ["PrefixSimplexRegressor"]


class PrefixSimplexRegressor(Regressor):
    """Predict one number per text by the centroid of a simplex of prefixes in a frozen encoder.

    The paper speaks of classes only; numbers are ours. Settings and attributes mean what they mean in
    `PrefixSimplexClassifier`; there are no classes to weigh or smooth.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(PrefixSimplexRegressor(n_epochs=2).fit(X, X[:, 0] + 1).score(X, X[:, 0] + 1), 1)
    1.0
    """

    rules = UNCHOSEN

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        n_vertices: int = 6,
        adapter: Literal["prefix", "lora"] = "prefix",
        rank: int = 8,
        prefix_length: int = 10,
        layers: Layers | str = "auto",
        head: Literal["linear", "space"] = "linear",
        n_latent: int = 32,
        pooling: Pooling = "mean",
        position_shift: bool = False,
        reparametrisation: Reparametrisation = "none",
        hidden_size: int = 512,
        mixing: Mixing = "after",
        sampling: Sampling = "observation",
        shared_layers: bool = False,
        start_scale: float = 1.0,
        probe_start: bool = True,
        n_validation_samples: int = 5,
        diversity_weight: float = 0.0,
        dropout: float = 0.1,
        learning_rate: float = 1e-2,
        head_learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = 4,
        dev_fraction: float = 0.2,
        max_length: int | None = None,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.n_vertices = n_vertices
        self.adapter = adapter
        self.rank = rank
        self.prefix_length = prefix_length
        self.layers = layers
        self.head = head
        self.n_latent = n_latent
        self.pooling = pooling
        self.position_shift = position_shift
        self.reparametrisation = reparametrisation
        self.hidden_size = hidden_size
        self.mixing = mixing
        self.sampling = sampling
        self.shared_layers = shared_layers
        self.start_scale = start_scale
        self.probe_start = probe_start
        self.n_validation_samples = n_validation_samples
        self.diversity_weight = diversity_weight
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.head_learning_rate = head_learning_rate
        self.weight_decay = weight_decay
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.patience = patience
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.seed = seed

    def method(self) -> InsideMethod:
        """Return the way in which these settings learn."""
        return InsideMethod.of(settings_of(self))
