"""What a fitted model says of labelled texts, beside what is true."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Self

import numpy as np

from spacetune.data import LabelledTexts
from spacetune.encoders import FeatureSource
from spacetune.estimators import TextEstimator
from spacetune.fitting import MultiLabel, Task, logits_of
from spacetune.studies.fit.intervals import decisions
from spacetune.studies.fit.matching import as_trained

__all__ = ["Answers"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Answers:
    """A model's answers to labelled texts, in their order.

    Parameters
    ----------
    model
        The model.
    data
        The texts, with labels written as the model's classes are.
    source
        What the model read of them.
    logits
        ``(text, output)``, before any temperature.
    targets
        What is true, in the model's own terms.
    """

    model: TextEstimator
    data: LabelledTexts
    source: FeatureSource
    logits: Array
    targets: Array

    @classmethod
    def of(cls, model: TextEstimator, data: LabelledTexts) -> Self:
        """Ask a fitted model; texts go through the store.

        Raises
        ------
        DataError
            If the texts carry no labels, or a label the model does not know.
        """
        data = as_trained(model.task_, model.fitted_.pairs, data)
        source = model.features(data.inputs)
        targets = model.task_.targets(data.labels or []).numpy()
        return cls(model, data, source, logits_of(model.learnt_.model.on_top, source), targets)

    @property
    def task(self) -> Task:
        """What the model learnt."""
        return self.model.task_

    @functools.cached_property
    def decided(self) -> Array:
        """What it predicts, in the terms of the targets."""
        return decisions(self.task, self.logits, self.targets)

    @property
    def labels(self) -> list[Any]:
        """What is true, as people read it: an indicator as names."""
        return self.task.names(self.targets == 1) if isinstance(self.task, MultiLabel) else self.data.labels or []

    @functools.cached_property
    def said(self) -> list[Any]:
        """What it predicts, as people read it: a class, a list of labels, or a number a text."""
        labels: Any = self.task.labels(self.logits)
        return labels.tolist() if isinstance(labels, np.ndarray) else labels
