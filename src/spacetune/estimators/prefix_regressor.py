"""`PrefixSimplexRegressor`: a simplex of prefixes and heads for a number a text."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
from sklearn.base import RegressorMixin
from torch import Tensor

from spacetune.encoders import Encoder, Layers, Pooling
from spacetune.estimators.prefix_estimator import PrefixEstimator
from spacetune.estimators.regressing import RegressorParts
from spacetune.prefixes import Reparametrisation
from spacetune.prefixes.sampling import Sampling

__all__ = ["PrefixSimplexRegressor"]


class PrefixSimplexRegressor(RegressorParts, RegressorMixin, PrefixEstimator):
    """Predict a number a text by the centroid of a simplex of prefixes in a frozen encoder.

    The paper speaks of classes only; numbers are ours. Settings mean what they mean in `PrefixSimplexClassifier`.

    Parameters
    ----------
    encoder
        Folder or hub name, an `Encoder`, or None for the default encoder.
    n_vertices
        Corners of the simplex.
    adapter
        What the corners are: ``prefix``, or ``lora`` for low-rank changes of queries and values (`LoraSimplex`).
    rank
        Of a corner, for ``adapter="lora"``.
    prefix_length
        Virtual tokens.
    layers
        Layers whose mean states the head reads; ``auto`` is all.
    head
        ``linear`` or ``space``.
    n_latent
        Width of a space.
    pooling
        ``mean`` or ``pooler``.
    position_shift
        Put real tokens behind the prefix in position.
    reparametrisation
        ``none``, ``shared`` or ``per-layer``.
    hidden_size
        Of the perceptrons.
    mixing
        ``after`` or ``before`` the perceptrons.
    sampling
        Fresh points for every ``observation``, or one for a ``batch``.
    shared_layers
        One point for all layers and the head.
    start_scale
        Standard deviation of the vertices' random start.
    probe_start
        Start the heads from ridge regression.
    n_validation_samples
        Repeats of dev at fresh points; 0 validates at the centroid.
    diversity_weight
        Weight of the squared cosine between a random pair of vertices.
    dropout
        Share of the head's inputs left out in every training step.
    learning_rate
        Full learning rate of the prefixes.
    head_learning_rate
        Full learning rate of the heads.
    weight_decay
        Decoupled decay of both.
    n_epochs
        Passes over the texts at most; None chooses by their number.
    batch_size
        Texts a step; None chooses by their number.
    patience
        Epochs without a better dev R² after which to stop.
    dev_fraction
        Share of the texts set aside where `fit` gets no dev data.
    max_length
        Tokens above which a text is cut.
    seed
        Of the start, the order, the points and the split.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(PrefixSimplexRegressor(n_epochs=2).fit(X, X[:, 0] + 1).score(X, X[:, 0] + 1), 1)
    1.0
    """

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
        mixing: Literal["after", "before"] = "after",
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

    def predict_spread(self, X: Any, *, n_samples: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and the standard deviation ``(text,)`` of predictions at random points of the simplex."""
        each = np.stack([self.task_.values(one) for one in self.ensemble_logits(X, n_samples, seed)])
        return each.mean(0), each.std(0)

    def learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return what `fit` learned as plain values and tensors."""
        facts, tensors = self._tensors()
        return {**self.learned_facts(), **facts}, tensors

    def take_up(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Become the model that `learned` described."""
        self.take_up_facts(facts)
        self._take_up(facts, tensors, 1)
