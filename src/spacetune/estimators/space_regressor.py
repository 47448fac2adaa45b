"""`SpaceRegressor`: the Space Model for a number a text."""

from __future__ import annotations

import os
from typing import Any, Literal

from sklearn.base import RegressorMixin
from torch import Tensor

from spacetune.encoders import Encoder, FeatureStore, Layers
from spacetune.estimators.regressing import RegressorParts
from spacetune.estimators.space_estimator import SpaceEstimator

__all__ = ["SpaceRegressor"]


class SpaceRegressor(RegressorParts, RegressorMixin, SpaceEstimator):
    r"""Predict a number a text from one concept space on a frozen encoder.

    .. math:: y = \mu + \sigma (b + \sum_k W_k \tfrac1T \sum_t \tanh(P h_t))

    The paper speaks of classes only; the single space for a number is ours. Settings mean what they mean in
    `SpaceClassifier`.

    Parameters
    ----------
    encoder
        Folder or hub name, an `Encoder`, or None for the default encoder.
    layers
        Layers to read.
    n_latent
        Width of the space.
    intra_weight
        Weight of the intra-space loss.
    dropout
        Share of centroid components left out in every training step.
    learning_rate
        Full learning rate of AdamW.
    weight_decay
        Its decoupled decay.
    n_epochs
        Passes over the texts at most; None chooses by their number.
    batch_size
        Texts a step; None chooses by their number.
    patience
        Epochs without a better dev R² after which to stop.
    dev_fraction
        Share of the texts set aside where `fit` gets no dev data.
    max_length
        Tokens read in one pass; None is the encoder's own limit.
    max_windows
        How many such passes a long text gets; what follows is cut. None is 16, or 1 where `max_length` is given.
    store
        Where features of training texts are kept, so that the same texts are never encoded twice; None keeps none.
    train_encoder
        Train the encoder too, from a copy.
    encoder_learning_rate
        Its learning rate.
    n_vertices
        Corners of a simplex of heads, learnt with a fresh random point for every text and layer; its centroid is the
        head. 1 learns one head.
    n_validation_samples
        With a simplex: repeats of dev at fresh points, whose mean score chooses the epoch; 0 validates the centroid.
    lexicon
        Weigh scores of wordpieces and pairs of neighbours against the head, where that helps on dev.
    seed
        Of the start, the order of texts, the dropout and the split.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> round(SpaceRegressor(seed=0).fit(X, X[:, 0]).score(X, X[:, 0]), 1) >= 0.9
    True
    """

    inter_weight = 0.0
    inter_variant = "labelled"

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
        train_encoder: bool = False,
        encoder_learning_rate: float = 5e-5,
        n_vertices: int = 1,
        n_validation_samples: int = 5,
        lexicon: bool = True,
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
        self.train_encoder = train_encoder
        self.encoder_learning_rate = encoder_learning_rate
        self.n_vertices = n_vertices
        self.n_validation_samples = n_validation_samples
        self.lexicon = lexicon
        self.seed = seed

    def learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return what `fit` learned as plain values and tensors."""
        return self.learned_facts(), self._head_tensors()

    def take_up(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Become the model that `learned` described."""
        self.take_up_facts(facts)
        self._take_up_head(tensors, 1)
