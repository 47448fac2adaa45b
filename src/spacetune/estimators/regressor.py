"""`Regressor`: numbers in, numbers out. Logits are standardised numbers."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, column_or_1d

from spacetune.data import read_weights
from spacetune.encoders import Texts, as_inputs, each_once
from spacetune.errors import DataError, UsageError
from spacetune.estimators.inputs import Given, Sample
from spacetune.estimators.text_estimator import TextEstimator
from spacetune.explanations import Unit
from spacetune.fitting import Regression
from spacetune.heads import PairHead

__all__ = ["Regressor"]

Array = np.ndarray[Any, Any]


class Regressor(RegressorMixin, TextEstimator, abc.ABC):
    """Base of the regressors: one number a text."""

    task_: Regression
    kind_ = "regression"

    def _read_labels(self, X: Given, y: object) -> list[Any]:
        del X
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        try:
            dense = getattr(y, "toarray", lambda: y)
            given = np.asarray(dense(), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"labels must be numbers, since the model predicts a number: {error}") from error
        numbers = column_or_1d(given, warn=True)
        if not len(numbers):
            raise DataError("there are no texts to learn from: 0 samples")
        if not np.isfinite(numbers).all():
            raise DataError("labels to predict must be finite numbers; input y contains NaN or infinity")
        if len(numbers) > 1 and (numbers == numbers[0]).all():
            told = f"all {len(numbers):,} labels are {numbers[0]:g}"
            raise DataError(f"a regressor needs numbers that differ, and {told}: there is nothing to learn from them")
        return numbers.tolist()

    def _task_of(self, sample: Sample) -> Regression:
        return Regression.of(sample.labels, sample.weights)

    def predict(self, X: object) -> Array:
        """Return one number per text."""
        logits = self.predict_logits(X)
        return self.task_.labels(logits)

    def score(self, X: object, y: object, sample_weight: object = None) -> float:
        """Return R², as scikit-learn has it."""
        predicted = self.predict(X)
        weights = None if sample_weight is None else read_weights(sample_weight, len(predicted))
        return float(r2_score(y, predicted, sample_weight=weights))

    def similarity(self, first: Texts, second: Texts) -> Array:
        """Return the number of every pair of a first and a second text, ``(first, second)``; each text is encoded once.

        Raises
        ------
        UsageError
            If the model did not learn from pairs whose texts are read apart.
        DataError
            If there are no texts on one of the sides.
        """
        check_is_fitted(self)
        if not isinstance(self.head_, PairHead):
            raise UsageError("similarity needs a model of pairs read apart; fit it on pairs, with pairs='apart'")
        ours, others = as_inputs(first), as_inputs(second)
        if not ours or not others:
            raise DataError(f"similarity needs texts on both sides, got {len(ours)} and {len(others)}")
        different, places = each_once([*ours, *others])
        features = self.encoder_.encode(different, layers=self.layers_ or (-1,))
        sides = torch.as_tensor(places).split([len(ours), len(others)])
        both = tuple(features.take(side) for side in sides)
        logits, words = self.head_.grid(*both), self.lexicon_
        logits = logits if words is None else logits + words.grid(*both)
        return np.stack([self.task_.labels(row) for row in logits.numpy()])

    def predict_spread(self, X: object, *, n_samples: int = 20, seed: int = 0) -> tuple[Array, Array]:
        """Return the mean and the standard deviation ``(text,)`` of predictions at random points of the simplex."""
        each = np.stack([self.task_.labels(one) for one in self.ensemble_logits(X, n_samples, seed)])
        return each.mean(0), each.std(0)

    def outcome(self, logits: Array) -> dict[str, Any]:
        """Return the prediction of one text's logits ``(1, 1)``; it has no probabilities."""
        predicted, unit = float(self.task_.labels(logits)[0]), Unit(self.task_.scale, self.task_.mean)
        return {"probabilities": None, "classes": ("value",), "predicted": predicted, "unit": unit}

    def _settle(self, task: Any, logits: Array, targets: Array, weights: Array | None) -> dict[str, float]:
        del logits, targets, weights
        self.task_ = task
        return {}

    def facts(self) -> dict[str, Any]:
        """Return the labels' mean and scale as plain values."""
        return {"mean": self.task_.mean, "scale": self.task_.scale}

    def take_facts(self, facts: dict[str, Any]) -> None:
        """Become a regressor of numbers with this mean and scale."""
        self.task_ = Regression(facts["mean"], facts["scale"])
