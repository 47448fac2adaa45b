"""`LinearProbe`: logistic or ridge regression on mean states. The honest baseline, explained just as exactly."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import Ridge
from torch import Tensor

from spacetune.encoders import Encoder, FeatureSource, FeatureStore, Layers, TokenFeatures
from spacetune.errors import DataError, UsageError
from spacetune.estimators.classifying import ClassifierParts, label_task, read_labels
from spacetune.estimators.logistic import logistic, logistic_each
from spacetune.estimators.regressing import RegressorParts
from spacetune.estimators.space_training import text_chunks
from spacetune.estimators.text_estimator import TextEstimator, dev_pair
from spacetune.training import MultiLabel, Regression, Task

__all__ = ["LinearProbe", "LinearProbeRegressor"]

Array = np.ndarray[Any, Any]
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Inverse regularisation strengths tried where the user names none, chosen on dev (ours)."""


class ProbeParts(TextEstimator):
    """A linear map of each text's mean state, layers side by side; hence a sum over tokens."""

    C: float | None
    dev_fraction: float
    seed: int
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

    def _solve(
        self,
        texts: Any,
        labels: Sequence[Any],
        dev: Any,
        task: Task,
        fit: Callable[[Array, Array, float], Any],
    ) -> tuple[Array, Array]:
        """Fit at every strength, keep the best on dev, refit on all texts; return dev logits and targets."""
        if self.C is not None and self.C <= 0:
            raise UsageError(f"C must be above 0, got {self.C!r}")
        features = self.features(texts, reset=True)
        targets = task.targets(labels).numpy()
        if len(features) != len(labels):
            raise DataError(f"labels must be one a text: {len(features)} texts, {len(labels)} labels")
        if len(features) < 2:
            raise DataError(f"n_samples={len(features)}: a fit needs at least 2 texts")
        self._note_input(texts, features)
        rows = means_of(features)
        mean, scale = rows.mean(0), rows.std(0)
        scale[scale < 1e-6] = 1.0
        rows = (rows - mean) / scale
        train, held, dev_rows, dev_targets = self._dev(texts, labels, dev, task, rows, targets)
        if dev is not None:
            dev_rows = (dev_rows - mean) / scale
        tried = {C: fit(rows[train], targets[train], C) for C in (STRENGTHS if self.C is None else (self.C,))}
        logits = {C: dev_rows @ weight.T + bias for C, (weight, bias) in tried.items()}
        self.strength_ = max(tried, key=lambda C: task.scores(logits[C], dev_targets)[task.monitor])
        weight, bias = tried[self.strength_] if len(held) == 0 else fit(rows, targets, self.strength_)
        self.coefficients_ = torch.from_numpy(weight / scale)
        self.intercept_ = torch.from_numpy(bias - (weight / scale) @ mean)
        return logits[self.strength_], dev_targets

    def _dev(
        self, texts: Any, labels: Sequence[Any], dev: Any, task: Task, rows: Array, targets: Array
    ) -> tuple[Array, Array, Array, Array]:
        train, held = self._part_for_dev(texts, labels, dev)
        if dev is not None:
            dev_texts, dev_labels = dev_pair(dev)
            return train, held, means_of(self.features(dev_texts)), task.targets(dev_labels).numpy()
        chosen = held if len(held) else train
        return train, held, rows[chosen], targets[chosen]

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

    def fit(self, X: Any, y: Any, *, dev: Any = None) -> Self:
        """Learn the probe.

        Parameters
        ----------
        X
            Strings, pairs of strings, token features, or a matrix of ready embeddings.
        y
            One class a text, or a list of classes a text.
        dev
            Labelled texts to choose the strength and the temperature by; None sets a part aside.

        Returns
        -------
        LinearProbe
            Itself.

        Raises
        ------
        DataError
            If texts or labels cannot be learnt from.
        """
        labels = read_labels(self, X, y)
        task = label_task(labels, self.class_weight, 0.0)
        weights = None if task.weights is None else dict(enumerate(task.weights.tolist()))

        def fit_one(rows: Array, targets: Array, C: float) -> tuple[Array, Array]:
            if isinstance(task, MultiLabel):
                return logistic_each(rows, targets, C)
            return logistic(rows, targets, C, weights)

        dev_logits, dev_targets = self._solve(X, labels, dev, task, fit_one)
        self._close_fit(task, task.targets(labels).numpy(), dev_logits, dev_targets)
        return self


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

    def fit(self, X: Any, y: Any, *, dev: Any = None) -> Self:
        """Learn the probe.

        Parameters
        ----------
        X
            Strings, pairs of strings, token features, or a matrix of ready embeddings.
        y
            One number a text.
        dev
            Labelled texts to choose the strength by; None sets a part aside.

        Returns
        -------
        LinearProbeRegressor
            Itself.

        Raises
        ------
        DataError
            If texts or labels cannot be learnt from.
        """
        numbers = self._numbers(y)
        self.task_ = Regression.of(numbers.tolist())

        def fit_one(rows: Array, targets: Array, C: float) -> tuple[Array, Array]:
            ridge = Ridge(alpha=0.5 / C).fit(rows, (targets - self.task_.mean) / self.task_.scale)
            return ridge.coef_[None, :], np.array([ridge.intercept_])

        dev_logits, dev_targets = self._solve(X, numbers.tolist(), dev, self.task_, fit_one)
        self._close_fit(numbers, dev_logits, dev_targets)
        return self


def means_of(source: FeatureSource) -> Array:
    """Return every text's mean states, layers side by side, ``(text, layer · dim)`` in float64."""
    parts = [source.take(rows).means().flatten(1) for rows in text_chunks(source)]
    return torch.cat(parts).double().numpy()
