"""`LinearProbe`: logistic or ridge regression on mean states. The honest baseline, explained just as exactly."""

from __future__ import annotations

import os
from typing import Any, Literal

from spacetune.encoders import Encoder, FeatureStore, Layers
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.regressor import Regressor
from spacetune.estimators.settings import settings_of
from spacetune.fitting import SETTINGS, Flag, ProbeMethod

__all__ = ["LinearProbe", "LinearProbeRegressor"]

RULES = {**SETTINGS, "lexicon": Flag(none=True)}


class LinearProbe(Classifier):
    """Logistic regression on the mean hidden state of each text, with the layers concatenated.

    Parameters
    ----------
    encoder
        Folder or hub name, an `Encoder`, or None for the default encoder.
    layers
        Layers to read: a number, a list, ``all``, or ``auto`` (for pairs read apart those at one, two and three thirds
        of the depth; else as in `SpaceClassifier`).
    C
        Inverse strength of the L2 penalty on standardised features; None chooses on dev.
    inside
        ``top`` trains the upper layers of the encoder with the head, ``all`` all of them over the frozen embeddings;
        what does no better on dev than the probe is not kept. Texts are then read in one window.
    inside_size
        How many layers ``top`` trains; None is two thirds of them.
    encoder_learning_rate
        Learning rate of these layers; None is 1e-4, for pairs read apart half of it.
    inside_epochs
        Passes over the texts while they are trained; None chooses by their number.
    lexicon
        Weigh scores of wordpieces and pairs of neighbours against the head, where that helps on dev; for texts that
        are read apart, scores of what both have and of what only one has (`grams_of`). None does so beside tuned
        layers only.
    pairs
        ``apart`` reads the texts of a pair alone, each different text once, and lets their means meet in products and
        squares (`PairHead`); ``together`` reads a pair as one text; ``auto`` is apart.
    symmetric
        Whether swapping the texts of pairs read apart must change nothing; None lets dev choose.
    class_weight
        None, ``balanced``, or a dict from class to weight.
    dev_fraction
        Share of the texts set aside where `fit` gets no dev data; the final fit uses all texts.
    max_length
        Tokens read in one pass; None is the encoder's own limit.
    max_windows
        How many such passes a long text gets; what follows is cut. None is 16, or 1 where `max_length` is given.
    store
        Where features of training texts are kept; None keeps none.
    seed
        Seed of the split.

    Examples
    --------
    >>> texts = ["good fun", "a bore", "a joy", "dull", "lovely", "a mess"]
    >>> LinearProbe().fit(texts, ["pos", "neg"] * 3).predict(["great fun"]).tolist()
    ['pos']
    """

    rules = RULES

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        layers: Layers | str = "auto",
        C: float | None = None,
        inside: Literal["top", "all"] | None = None,
        inside_size: int | None = None,
        encoder_learning_rate: float | None = None,
        inside_epochs: int | None = None,
        lexicon: bool | None = None,
        pairs: Literal["auto", "apart", "together"] = "auto",
        symmetric: bool | None = None,
        class_weight: str | dict[Any, float] | None = None,
        dev_fraction: float = 0.1,
        max_length: int | None = None,
        max_windows: int | None = None,
        store: FeatureStore | Literal["auto"] | None = "auto",
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.C = C
        self.inside = inside
        self.inside_size = inside_size
        self.encoder_learning_rate = encoder_learning_rate
        self.inside_epochs = inside_epochs
        self.lexicon = lexicon
        self.pairs = pairs
        self.symmetric = symmetric
        self.class_weight = class_weight
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.max_windows = max_windows
        self.store = store
        self.seed = seed

    def method(self) -> ProbeMethod:
        """Return the way in which these settings learn."""
        return ProbeMethod.of(settings_of(self))


class LinearProbeRegressor(Regressor):
    """Ridge regression on every text's mean hidden state; settings as in `LinearProbe`, without those of classes.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> round(LinearProbeRegressor().fit(X, X[:, 0] + 1).score(X, X[:, 0] + 1), 1)
    1.0
    """

    rules = RULES

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        layers: Layers | str = "auto",
        C: float | None = None,
        inside: Literal["top", "all"] | None = None,
        inside_size: int | None = None,
        encoder_learning_rate: float | None = None,
        inside_epochs: int | None = None,
        lexicon: bool | None = None,
        pairs: Literal["auto", "apart", "together"] = "auto",
        symmetric: bool | None = None,
        dev_fraction: float = 0.1,
        max_length: int | None = None,
        max_windows: int | None = None,
        store: FeatureStore | Literal["auto"] | None = "auto",
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.C = C
        self.inside = inside
        self.inside_size = inside_size
        self.encoder_learning_rate = encoder_learning_rate
        self.inside_epochs = inside_epochs
        self.lexicon = lexicon
        self.pairs = pairs
        self.symmetric = symmetric
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.max_windows = max_windows
        self.store = store
        self.seed = seed

    def method(self) -> ProbeMethod:
        """Return the way in which these settings learn."""
        return ProbeMethod.of(settings_of(self))
