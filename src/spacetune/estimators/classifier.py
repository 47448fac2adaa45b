"""`Classifier`: labels in, probabilities and labels out, calibrated on dev."""

# The types of NumPy, SciPy and scikit-learn are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import abc
from typing import Any

import numpy as np
from scipy.special import logit
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from spacetune.data import read_weights
from spacetune.errors import DataError, UsageError
from spacetune.estimators.inputs import Given, Sample
from spacetune.estimators.labels import label_task, read_labels
from spacetune.estimators.text_estimator import TextEstimator
from spacetune.estimators.uncertainty import Uncertainty, uncertainty_of
from spacetune.fitting import MultiLabel, SingleLabel, calibration_errors, fit_temperature, probabilities

__all__ = ["Classifier"]

Array = np.ndarray[Any, Any]


class Classifier(ClassifierMixin, TextEstimator, abc.ABC):
    """Base of the classifiers: one class a text, or several labels.

    Attributes
    ----------
    classes_
        The classes, sorted.
    temperature_
        What logits are divided by before they become probabilities; found on dev.
    """

    class_weight: str | dict[Any, float] | None
    task_: SingleLabel | MultiLabel
    temperature_: float

    @property
    def classes_(self) -> Array:
        """The classes, in the order of the logits."""
        return np.asarray(list(self.task_.classes))

    @property
    def kind_(self) -> str:
        """``single`` or ``multi``."""
        return self.task_.kind

    def _read_labels(self, X: Given, y: object) -> list[Any]:
        return read_labels(self, y, of_texts=X.kind == "texts")

    def _task_of(self, sample: Sample) -> SingleLabel | MultiLabel:
        smoothing: float = getattr(self, "label_smoothing", 0.0)
        return label_task(sample.labels, self.class_weight, smoothing, sample.weights)

    def predict(self, X: object, *, n_samples: int = 0, abstain_above: float | None = None) -> Any:
        """Return the strongest class of every text; for multi-label, its labels in the form that y had.

        Where y was an indicator, that is an indicator ``(text, label)`` of 0 and 1; else a list of labels per text.

        Parameters
        ----------
        X
            What it was fitted on: texts, features, or a matrix.
        n_samples
            Number of random points of a simplex that predict together; 0 predicts at the centroid.
        abstain_above
            Give None for a text whose total uncertainty (in [0, 1], see `uncertainty`) is above this.

        Raises
        ------
        UsageError
            If the threshold is not between 0 and 1, or there is no simplex to sample from.
        """
        if abstain_above is not None and not 0 <= abstain_above <= 1:
            raise UsageError(f"abstain_above must be between 0 and 1, got {abstain_above!r}")
        if n_samples == 0 and abstain_above is None:
            logits = self.predict_logits(X)
            return self._labels(logits)
        found = self.uncertainty(X, n_samples=n_samples)
        labels = self._labels(self._logits_of(found.probabilities))
        if abstain_above is None:
            return labels
        unsure = found.total > abstain_above
        if self.kind_ == "multi":
            return [None if u else row for row, u in zip(labels, unsure, strict=True)]
        return np.where(unsure, None, labels.astype(object))

    def predict_proba(self, X: object, *, n_samples: int = 0) -> Array:
        """Return calibrated probabilities ``(text, class)``; rows sum to 1, except for multi-label.

        With `n_samples` they are the mean over that number of random points of the simplex.

        A text's row is the same whatever texts are beside it, to the rounding of what the encoder computes in: within
        1e-5 in float32, and within 0.02 in bfloat16, where texts that share a pass are added up in another order. For
        closer agreement pass ``Encoder.from_pretrained(dtype="float32")``.
        """
        if n_samples:
            return self.uncertainty(X, n_samples=n_samples).probabilities
        logits = self.predict_logits(X)
        return probabilities(logits, self.temperature_, self.kind_)

    def predict_log_proba(self, X: object) -> Array:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def uncertainty(self, X: object, *, n_samples: int = 20, seed: int = 0) -> Uncertainty:
        """Predict at random points of the simplex, and say how far they disagree.

        Parameters
        ----------
        X
            What `predict` takes.
        n_samples
            Number of points; each costs a pass over the texts, under adapters through the encoder. 0 reads the
            centroid alone: then the mutual information is 0.
        seed
            Seed of the points.

        Returns
        -------
        Uncertainty
            Mean probabilities; total uncertainty; its parts, expected entropy and mutual information.
        """
        logits = self.ensemble_logits(X, n_samples, seed) if n_samples else self.predict_logits(X)[None]
        each = np.stack([probabilities(one, self.temperature_, self.kind_) for one in logits])
        return uncertainty_of(each, self.kind_, tuple(self.classes_.tolist()))

    def score(self, X: object, y: Any, sample_weight: object = None) -> float:
        """Return the share of texts predicted rightly; for multi-label a text's whole set must be right.

        That is scikit-learn's accuracy, for classes, an indicator and lists of labels alike.
        """
        logits = self.predict_logits(X)
        n_labels = y.shape[0] if hasattr(y, "shape") else len(y)
        if n_labels != len(logits):
            raise DataError(f"there must be one label per text: {len(logits)} texts, {n_labels} labels")
        weights = None if sample_weight is None else read_weights(sample_weight, len(logits))
        if isinstance(self.task_, SingleLabel):
            predicted = self.task_.labels(logits)
            return float(accuracy_score(y, predicted, sample_weight=weights))
        targets = self.task_.targets(y).numpy()
        carried = self.task_.decided(logits, targets)
        return float(accuracy_score(targets, carried, sample_weight=weights))

    def decision_function(self, X: object) -> Array:
        """Return logits ``(text, class)``; for two classes ``(text,)``, the second's lead over the first."""
        logits = self.predict_logits(X)
        binary = self.kind_ == "single" and len(self.task_.classes) == 2
        return logits[:, 1] - logits[:, 0] if binary else logits

    def outcome(self, logits: Array) -> dict[str, Any]:
        """Return prediction, probabilities and class names of one text's logits ``(1, class)``."""
        label = self.task_.labels(logits)[0]
        return {
            "probabilities": probabilities(logits, self.temperature_, self.kind_)[0],
            "classes": tuple(self.classes_.tolist()),
            "predicted": label.item() if isinstance(label, np.generic) else label,
        }

    def _settle(self, task: Any, logits: Array, targets: Array, weights: Array | None) -> dict[str, float]:
        self.temperature_ = fit_temperature(logits, targets, task.kind, weights)
        self.task_ = task.settled(logits, targets, weights).plain()
        return calibration_errors(logits, targets, self.temperature_, self.kind_)

    def facts(self) -> dict[str, Any]:
        """Return classes, kind, temperature and threshold as plain values."""
        several = self.task_ if isinstance(self.task_, MultiLabel) else MultiLabel((), threshold=0.0)
        return {
            "classes": self.classes_.tolist(),
            "kind": self.kind_,
            "temperature": self.temperature_,
            "threshold": several.threshold,
            "indicator": several.indicator,
        }

    def take_facts(self, facts: dict[str, Any]) -> None:
        """Become a classifier of the classes that such plain values describe; version 0.1 says no ``indicator``."""
        self.temperature_ = facts["temperature"]
        if facts["kind"] == "single":
            self.task_ = SingleLabel(facts["classes"])
        else:
            indicator = facts.get("indicator", False)
            self.task_ = MultiLabel(facts["classes"], threshold=facts["threshold"], indicator=indicator)

    def _labels(self, logits: Array) -> Any:
        """Return the labels that texts carry as y gave them: 0 and 1, or names."""
        if isinstance(self.task_, MultiLabel) and self.task_.indicator:
            return self.task_.carried(logits).astype(int)
        return self.task_.labels(logits)

    def _logits_of(self, p: Array) -> Array:
        """Return logits that decide as these probabilities do."""
        return p if self.kind_ == "single" else self.temperature_ * logit(p)
