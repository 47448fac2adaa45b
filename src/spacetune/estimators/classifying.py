"""What every classifier here shares: labels in, probabilities and labels out, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from spacetune.data import label_kind
from spacetune.errors import DataError
from spacetune.estimators.inputs import holds_texts
from spacetune.training import (
    MultiLabel,
    SingleLabel,
    best_threshold,
    calibration_error,
    class_weights,
    fit_temperature,
    probabilities,
)

__all__ = ["ClassifierParts", "label_task", "read_labels"]

Array = np.ndarray[Any, Any]


def read_labels(estimator: Any, texts: Any, labels: Any) -> list[Any]:
    """Return labels as a list: one class a text, or a list of classes a text.

    Raises
    ------
    DataError
        If there are none, or they are numbers to predict, not classes.
    """
    if labels is None:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    if isinstance(labels, list | tuple) and labels and isinstance(labels[0], list | tuple | set):
        return [list(row) for row in labels]
    values = np.asarray(labels.to_list() if hasattr(labels, "to_list") else labels)  # pyright: ignore[reportAttributeAccessIssue]
    if values.ndim == 2 and values.shape[1] > 1:
        return [np.flatnonzero(row).tolist() for row in values]
    values = column_or_1d(values, warn=True)
    if not holds_texts(texts):
        check_classification_targets(values)
    elif label_kind(values.tolist()) == "regression":
        raise DataError("labels are numbers with fractions; use SpaceRegressor to predict them (--task regression)")
    return values.tolist()


def label_task(
    labels: Sequence[Any], class_weight: str | dict[Any, float] | None, label_smoothing: float
) -> SingleLabel | MultiLabel:
    """Choose the task from the labels.

    Raises
    ------
    DataError
        If there is one class only.
    """
    if not labels:
        raise DataError("there are no texts to learn from: 0 samples")
    if isinstance(labels[0], list):
        binarizer = MultiLabelBinarizer().fit(labels)
        counts = binarizer.transform(labels).sum(0)
        if len(counts) < 1:
            raise DataError("no text carries any label")
        return MultiLabel(binarizer.classes_.tolist(), class_weights(counts, class_weight, binarizer.classes_.tolist()))
    classes, counts = np.unique(np.asarray(labels), return_counts=True)
    if len(classes) < 2:
        raise DataError(
            f"a classifier needs at least 2 classes, got 1 class: all {len(labels)} labels are {classes.tolist()[0]!r}"
        )
    names = classes.tolist()
    # a user's own weights say what a mistake costs, so dev must be read in that coin
    monitor = "neg_log_loss" if isinstance(class_weight, dict) else "macro_f1"
    return SingleLabel(names, class_weights(counts, class_weight, names), label_smoothing, monitor)


class ClassifierParts:
    """Mixin: calibrated probabilities, labels, and the report of a fit."""

    class_weight: str | dict[Any, float] | None
    label_smoothing: float = 0.0
    classes_: Array
    kind_: str
    temperature_: float
    threshold_: float
    report_: dict[str, Any]

    def _read_labels(self, X: Any, y: Any) -> tuple[list[Any], SingleLabel | MultiLabel]:
        labels = read_labels(self, X, y)
        return labels, label_task(labels, self.class_weight, self.label_smoothing)

    def predict(self, X: Any) -> Any:
        """Return the strongest class of every text, or for multi-label every text's list of labels."""
        logits = self.predict_logits(X)  # pyright: ignore[reportAttributeAccessIssue]
        return self._labels(logits)

    def decision_function(self, X: Any) -> Array:
        """Return logits ``(text, class)``; for two classes ``(text,)``, the second's lead over the first."""
        logits = self.predict_logits(X)  # pyright: ignore[reportAttributeAccessIssue]
        binary = self.kind_ == "single" and len(self.classes_) == 2
        return logits[:, 1] - logits[:, 0] if binary else logits

    def predict_proba(self, X: Any) -> Array:
        """Return calibrated probabilities ``(text, class)``; rows sum to 1, except for multi-label."""
        logits = self.predict_logits(X)  # pyright: ignore[reportAttributeAccessIssue]
        return probabilities(logits, self.temperature_, self.kind_)

    def _labels(self, logits: Array) -> Any:
        if self.kind_ == "single":
            return self.classes_[logits.argmax(1)]
        return [self.classes_[row].tolist() for row in logits >= self.threshold_]

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
        return SingleLabel(names) if self.kind_ == "single" else MultiLabel(names, threshold=self.threshold_)

    def learned_facts(self) -> dict[str, Any]:
        """Return classes, kind, temperature and threshold as plain values."""
        return {
            "classes": self.classes_.tolist(),
            "kind": self.kind_,
            "temperature": self.temperature_,
            "threshold": self.threshold_,
        }

    def take_up_facts(self, facts: dict[str, Any]) -> None:
        """Take up what `learned_facts` described."""
        self.classes_ = _class_array(facts["classes"])
        self.kind_, self.temperature_, self.threshold_ = (
            facts["kind"],
            facts["temperature"],
            facts["threshold"],
        )


def _class_array(names: Sequence[Any]) -> Array:
    return np.asarray(list(names))
