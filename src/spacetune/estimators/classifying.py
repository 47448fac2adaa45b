"""What every classifier here shares: labels in, probabilities and labels out, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score

from spacetune.estimators.labels import label_task, read_labels
from spacetune.training import (
    MultiLabel,
    SingleLabel,
    best_threshold,
    calibration_error,
    fit_temperature,
    probabilities,
)

__all__ = ["ClassifierParts"]

Array = np.ndarray[Any, Any]


class ClassifierParts:
    """Mixin: calibrated probabilities, labels, and the report of a fit."""

    class_weight: str | dict[Any, float] | None
    label_smoothing: float = 0.0
    classes_: Array
    kind_: str
    indicator_: bool
    temperature_: float
    threshold_: float
    report_: dict[str, Any]

    def _read_labels(self, X: Any, y: Any) -> tuple[list[Any], SingleLabel | MultiLabel]:
        labels = read_labels(self, X, y)
        return labels, label_task(labels, self.class_weight, self.label_smoothing)

    def predict(self, X: Any) -> Any:
        """Return the strongest class of every text; for several labels a text what y was.

        Where y was an indicator, that is an indicator ``(text, label)`` of 0 and 1; else every text's list of labels.
        """
        logits = self.predict_logits(X)  # pyright: ignore[reportAttributeAccessIssue]
        return self._as_given(logits >= self.threshold_) if self.kind_ == "multi" else self._labels(logits)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of texts predicted rightly; of several labels a text's whole set must be right.

        That is scikit-learn's accuracy, for classes, an indicator and lists of labels alike.
        """
        if self.kind_ == "single":
            return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))
        carried = self.predict_logits(X) >= self.threshold_  # pyright: ignore[reportAttributeAccessIssue]
        return float(accuracy_score(self.task().targets(y).numpy(), carried, sample_weight=sample_weight))

    def decision_function(self, X: Any) -> Array:
        """Return logits ``(text, class)``; for two classes ``(text,)``, the second's lead over the first."""
        logits = self.predict_logits(X)  # pyright: ignore[reportAttributeAccessIssue]
        binary = self.kind_ == "single" and len(self.classes_) == 2
        return logits[:, 1] - logits[:, 0] if binary else logits

    def predict_proba(self, X: Any) -> Array:
        """Return calibrated probabilities ``(text, class)``; rows sum to 1, except for multi-label.

        A text's row is the same whatever texts are beside it, to the rounding of what the encoder computes in: within
        1e-5 in float32, and within 0.02 in bfloat16, where texts that share a pass are added up in another order. A
        caller who needs more takes ``Encoder.from_pretrained(dtype="float32")``.
        """
        logits = self.predict_logits(X)  # pyright: ignore[reportAttributeAccessIssue]
        return probabilities(logits, self.temperature_, self.kind_)

    def _labels(self, logits: Array) -> Any:
        if self.kind_ == "single":
            return self.classes_[logits.argmax(1)]
        return self._names(logits >= self.threshold_)

    def _names(self, carried: Array) -> list[list[Any]]:
        """Return the names of the labels that every text carries, ``(text, label)``."""
        return [self.classes_[row].tolist() for row in carried]

    def _as_given(self, carried: Array) -> Any:
        """Return the labels that every text carries as y gave them: 0 and 1, or lists of names."""
        return carried.astype(int) if self.indicator_ else self._names(carried)

    def _outcome(self, logits: Array) -> dict[str, Any]:
        label = self._labels(logits)[0]
        return {
            "probabilities": probabilities(logits, self.temperature_, self.kind_)[0],
            "classes": tuple(self.classes_.tolist()),
            "predicted": label.item() if isinstance(label, np.generic) else label,
        }

    def _close_fit(self, task: SingleLabel | MultiLabel, targets: Array, dev_logits: Array, dev_targets: Array) -> None:
        """Calibrate on dev, and write down how good the model is."""
        self.kind_ = task.kind
        self.indicator_ = isinstance(task, MultiLabel) and task.indicator
        self.classes_ = _class_array(task.classes)
        self.temperature_ = fit_temperature(dev_logits, dev_targets, task.kind)
        self.threshold_ = best_threshold(dev_logits, dev_targets) if task.kind == "multi" else 0.0
        self.report_ = {
            "n_texts": len(targets),
            "dev": getattr(self, "dev_", ""),
            "dev_scores": task.scores(dev_logits, dev_targets),
            "baseline": task.baseline(targets, dev_targets),
            **self.calibration(dev_logits, dev_targets),
        }

    def calibration(self, logits: Array, targets: Array) -> dict[str, float]:
        """Return the expected calibration error before and after the temperature."""
        found: dict[str, float] = {}
        for name, temperature in (("ece_raw", 1.0), ("ece", self.temperature_)):
            p = probabilities(logits, temperature, self.kind_)
            if self.kind_ == "multi":
                found[name] = calibration_error(p.ravel(), targets.ravel() == 1)
            else:
                found[name] = calibration_error(p.max(1), p.argmax(1) == targets)
        return found

    def task(self) -> SingleLabel | MultiLabel:
        """Return the fitted model's task, to score new labels by."""
        names = self.classes_.tolist()
        if self.kind_ == "single":
            return SingleLabel(names)
        return MultiLabel(names, threshold=self.threshold_, indicator=self.indicator_)

    def learned_facts(self) -> dict[str, Any]:
        """Return classes, kind, temperature and threshold as plain values."""
        return {
            "classes": self.classes_.tolist(),
            "kind": self.kind_,
            "temperature": self.temperature_,
            "threshold": self.threshold_,
            "indicator": self.indicator_,
        }

    def take_up_facts(self, facts: dict[str, Any]) -> None:
        """Take up what `learned_facts` described."""
        self.classes_ = _class_array(facts["classes"])
        self.kind_, self.temperature_, self.threshold_ = (
            facts["kind"],
            facts["temperature"],
            facts["threshold"],
        )
        self.indicator_ = facts.get("indicator", False)  # models of 0.1 do not say


def _class_array(names: Sequence[Any]) -> Array:
    return np.asarray(list(names))
