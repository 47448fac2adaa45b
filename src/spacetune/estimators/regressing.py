"""What every regressor here shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from spacetune.errors import DataError
from spacetune.training import Regression

__all__ = ["RegressorParts"]

Array = np.ndarray[Any, Any]


class RegressorParts:
    """Mixin: numbers in their own units, and the report of a fit. Logits are standardised numbers."""

    task_: Regression
    report_: dict[str, Any]
    kind_ = "regression"

    def predict(self, X: Any) -> Array:
        """Return one number a text."""
        logits = self.predict_logits(X)  # pyright: ignore[reportAttributeAccessIssue]
        return self.task_.values(logits)

    def task(self) -> Regression:
        """Return the fitted model's task, to score new labels by."""
        return self.task_

    def _read_labels(self, X: Any, y: Any) -> tuple[list[Any], Regression]:
        """Read labels as finite numbers."""
        del X
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        try:
            given = np.asarray(y.toarray() if hasattr(y, "toarray") else y, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"labels must be numbers, since the model predicts a number: {error}") from error
        numbers = column_or_1d(given, warn=True)
        if not len(numbers):
            raise DataError("there are no texts to learn from: 0 samples")
        if not np.isfinite(numbers).all():
            raise DataError("labels to predict must be finite numbers; input y contains NaN or infinity")
        return numbers.tolist(), Regression.of(numbers.tolist())

    def _outcome(self, logits: Array) -> dict[str, Any]:
        return {
            "probabilities": None,
            "classes": ("value",),
            "predicted": float(self.task_.values(logits)[0]),
        }

    def _close_fit(self, task: Regression, targets: Array, dev_logits: Array, dev_targets: Array) -> None:
        self.task_ = task
        self.report_ = {
            "n_texts": len(targets),
            "dev": getattr(self, "dev_", ""),
            "dev_scores": task.scores(dev_logits, dev_targets),
            "baseline": task.baseline(targets, dev_targets),
        }

    def learned_facts(self) -> dict[str, Any]:
        """Return the labels' mean and scale as plain values."""
        return {"mean": self.task_.mean, "scale": self.task_.scale}

    def take_up_facts(self, facts: dict[str, Any]) -> None:
        """Take up what `learned_facts` described."""
        self.task_ = Regression(facts["mean"], facts["scale"])
