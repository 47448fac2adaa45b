"""`LinearProbe`: logistic or ridge regression on mean states. The honest baseline, explained just as exactly."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from torch import Tensor

from spacetune.encoders import Encoder, FeatureSource, FeatureStore, Layers, TokenFeatures
from spacetune.estimators.classifying import ClassifierParts
from spacetune.estimators.logistic import linear
from spacetune.estimators.regressing import RegressorParts
from spacetune.estimators.settings import check_settings
from spacetune.estimators.space_training import SpaceData, text_chunks
from spacetune.estimators.text_estimator import TextEstimator
from spacetune.training import Checkpoint, standing

__all__ = ["LinearProbe", "LinearProbeRegressor"]

Array = np.ndarray[Any, Any]
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Inverse regularisation strengths tried where the user names none, chosen on dev (ours)."""


class ProbeParts(TextEstimator):
    """A linear map of each text's mean state, layers side by side; hence a sum over tokens."""

    C: float | None
    strength_: float
    coefficients_: Tensor
    intercept_: Tensor

    def logits_of(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)`` of features."""
        return features.means().flatten(1).double() @ self.coefficients_.T + self.intercept_

    def scores_of(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        return features.values.flatten(1).double() @ self.coefficients_.T / lengths.unsqueeze(1)

    def bias_of(self) -> Tensor:
        """Return what every logit starts with, ``(output,)``."""
        return self.intercept_

    def _check_settings(self) -> None:
        check_settings(self.get_params(deep=False))

    def refits(self, n_texts: int) -> bool:
        """Tell whether `fit` learns in the end from the part too that it set aside: a probe always does."""
        return True

    def _learn(self, data: SpaceData, X: Any, dev: Any, checkpoint: Checkpoint | None) -> Array:
        """Fit at every strength, keep the best on dev; return dev logits."""
        rows, targets, dev_targets = means_of(data.train), data.targets.numpy(), data.dev_targets.numpy()
        dev_rows = rows if data.dev is data.train else means_of(data.dev)
        tried = {C: self._fitted(rows, targets, C) for C in (STRENGTHS if self.C is None else (self.C,))}
        logits = {C: dev_rows @ weight.T + bias for C, (weight, bias) in tried.items()}
        scores = {C: self._task.scores(each, dev_targets) for C, each in logits.items()}
        self.strength_ = max(tried, key=lambda C: standing(scores[C], self._task.monitor))
        self.coefficients_, self.intercept_ = map(torch.from_numpy, tried[self.strength_])
        return logits[self.strength_]

    def _learn_again(self, source: FeatureSource, targets: Tensor) -> None:
        fitted = self._fitted(means_of(source), targets.numpy(), self.strength_)
        self.coefficients_, self.intercept_ = map(torch.from_numpy, fitted)

    def _fitted(self, rows: Array, targets: Array, C: float) -> tuple[Array, Array]:
        """Fit on standardised rows; return what to do with rows as they are."""
        mean, scale = rows.mean(0), rows.std(0)
        scale[scale < 1e-6] = 1.0
        weight, bias = linear(self._task, (rows - mean) / scale, targets, C)
        return weight / scale, bias - (weight / scale) @ mean

    def learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return what `fit` learned as plain values and tensors."""
        tensors = {
            "coefficients": self.coefficients_,
            "intercept": self.intercept_,
            "train_hashes": torch.from_numpy(self.train_hashes_),
        }
        return {**self.learned_facts(), "C": self.strength_}, tensors  # pyright: ignore[reportAttributeAccessIssue]

    def take_up(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Become the model that `learned` described."""
        self.take_up_facts(facts)  # pyright: ignore[reportAttributeAccessIssue]
        self.strength_ = facts["C"]
        self.coefficients_, self.intercept_ = tensors["coefficients"], tensors["intercept"]
        width = len(getattr(self, "classes_", (0,)))
        if self.coefficients_.dim() != 2 or {*self.coefficients_.shape[:1], *self.intercept_.shape} != {width}:
            raise RuntimeError(f"its coefficients are {tuple(self.coefficients_.shape)} for {width} outputs")
        self.train_hashes_ = tensors["train_hashes"].numpy()


class LinearProbe(ClassifierParts, ClassifierMixin, ProbeParts):
    """Logistic regression on every text's mean hidden state, layers side by side.

    Parameters
    ----------
    encoder
        Folder or hub name, an `Encoder`, or None for the default encoder.
    layers
        Layers to read: a number, a list, ``all``, or ``auto``.
    C
        Inverse strength of the L2 penalty on standardised features; None chooses on dev.
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
        Of the split.

    Examples
    --------
    >>> LinearProbe().fit(["good fun", "a bore"] * 5, ["pos", "neg"] * 5).predict(["fun"]).tolist()
    ['pos']
    """

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        layers: Layers | str = "auto",
        C: float | None = None,
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
        self.class_weight = class_weight
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.max_windows = max_windows
        self.store = store
        self.seed = seed


class LinearProbeRegressor(RegressorParts, RegressorMixin, ProbeParts):
    """Ridge regression on every text's mean hidden state; settings as in `LinearProbe`.

    Parameters
    ----------
    encoder
        Folder or hub name, an `Encoder`, or None for the default encoder.
    layers
        Layers to read.
    C
        Inverse strength of the L2 penalty; None chooses on dev.
    dev_fraction
        Share of the texts set aside where `fit` gets no dev data.
    max_length
        Tokens read in one pass; None is the encoder's own limit.
    max_windows
        How many such passes a long text gets; what follows is cut. None is 16, or 1 where `max_length` is given.
    store
        Where features of training texts are kept; None keeps none.
    seed
        Of the split.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> round(LinearProbeRegressor().fit(X, X[:, 0] + 1).score(X, X[:, 0] + 1), 1)
    1.0
    """

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        layers: Layers | str = "auto",
        C: float | None = None,
        dev_fraction: float = 0.1,
        max_length: int | None = None,
        max_windows: int | None = None,
        store: FeatureStore | Literal["auto"] | None = "auto",
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.C = C
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.max_windows = max_windows
        self.store = store
        self.seed = seed


def means_of(source: FeatureSource) -> Array:
    """Return every text's mean states, layers side by side, ``(text, layer · dim)`` in float64."""
    parts = [source.take(rows).means().flatten(1) for rows in text_chunks(source)]
    return torch.cat(parts).double().numpy()
