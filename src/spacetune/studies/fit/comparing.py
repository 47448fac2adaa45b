"""Two models on the same texts: whether one is better, and where they differ."""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.stats import binomtest

from spacetune.data import LabelledTexts
from spacetune.encoders import as_line
from spacetune.errors import DataError, UsageError
from spacetune.estimators import TextEstimator
from spacetune.fitting.tasks.task import named
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.answers import Answers
from spacetune.studies.fit.intervals import difference_intervals
from spacetune.studies.fit.scoring import seen_notes

__all__ = ["McNemar", "ModelComparison", "compare_models"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class McNemar:
    """Texts by who is right, and the exact two-sided p-value of only one being right as often as only the other."""

    both: int
    only_first: int
    only_second: int
    neither: int
    p: float

    @classmethod
    def of(cls, first: Array, second: Array) -> McNemar:
        """Count where either is right.

        >>> McNemar.of(np.array([True, True, True, False]), np.array([True, False, False, False]))
        McNemar(both=1, only_first=2, only_second=0, neither=1, p=0.5)
        """
        only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
        apart = only_first + only_second
        p = float(binomtest(only_first, apart).pvalue) if apart else 1.0
        return cls(int(np.sum(first & second)), only_first, only_second, int(np.sum(~first & ~second)), p)


@dataclasses.dataclass(frozen=True)
class ModelComparison(TableResult):
    """Two models' scores on the same texts, and how far apart they are.

    Parameters
    ----------
    source
        Where the texts came from.
    n_texts
        How many.
    names
        Of the two models.
    kind
        ``single``, ``multi`` or ``regression``.
    scores
        Of the first and of the second model.
    difference
        By score, the first less the second.
    intervals
        95 % bootstrap interval of every difference, both models scored on the same draws.
    mcnemar
        Who is right how often; None for regression. Of several labels a text's whole set must be right.
    differing
        The texts where they say different things: row, label, what the ``first`` and the ``second`` say; for
        regression the farthest apart first.
    notes
        Warnings, such as texts that a model was trained on.
    """

    source: str
    n_texts: int
    names: tuple[str, str]
    kind: str
    scores: tuple[dict[str, float], dict[str, float]]
    difference: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    mcnemar: McNemar | None
    differing: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a text where they differ."""
        return list(self.differing)


@checked_arguments
def compare_models(
    first: TextEstimator, second: TextEstimator, data: LabelledTexts, *, names: tuple[str, str] = ("first", "second")
) -> ModelComparison:
    """Score two fitted models on the same labelled texts, and say whether they differ by more than chance.

    Parameters
    ----------
    first, second
        Fitted on the same classes, or both on numbers.
    data
        Texts with labels of that kind; where they have weights, scores and intervals go by these.
    names
        What the models are called.

    Returns
    -------
    ModelComparison
        Differences with paired bootstrap intervals, McNemar's counts, and the texts where they differ.

    Raises
    ------
    DataError
        If the models do not predict the same, or the texts carry no labels that they know.
    """
    if len(names) != 2:
        raise UsageError(f"names must be two, one a model, got {len(names)}")
    task = first.task_
    if second.task_.kind != task.kind or second.task_.classes != task.classes:
        told = " and ".join(f"{name} gives {_given(m)}" for name, m in zip(names, (first, second), strict=True))
        raise DataError(f"two models that give the same are compared: {told}")
    a, b = both = [Answers.of(model, data) for model in (first, second)]
    scores = [each.task.scores(each.logits, each.targets, data.weights) for each in both]
    numbers = task.kind == "regression"
    return ModelComparison(
        source=data.source,
        n_texts=len(data),
        names=names,
        kind=task.kind,
        scores=(scores[0], scores[1]),
        difference={name: value - scores[1][name] for name, value in scores[0].items()},
        intervals=difference_intervals(task.kind, a.targets, a.decided, b.decided, data.weights),
        mcnemar=None if numbers else McNemar.of(*(_right(each) for each in both)),
        differing=tuple(_differing(data, a, b, numbers)),
        notes=tuple(
            f"{name}: {note}"
            for name, each in zip(names, both, strict=True)
            for note in seen_notes(each.model, each.data)
        ),
    )


def _right(answers: Answers) -> Array:
    """Return which texts ``(text,)`` are answered rightly; of several labels a text's whole set."""
    return (answers.decided == answers.targets).reshape(len(answers.targets), -1).all(1)


def _differing(data: LabelledTexts, a: Answers, b: Answers, numbers: bool) -> list[dict[str, Any]]:
    apart = np.abs(a.decided - b.decided).reshape(len(data), -1).sum(1)
    order = np.argsort(-apart, kind="stable") if numbers else np.arange(len(data))
    rows = list(zip(a.labels, a.said, b.said, map(as_line, data.inputs), strict=True))
    return [
        {"row": i + 1, **dict(zip(("label", "first", "second", "text"), rows[i], strict=True))}
        for i in order[apart[order] > 0].tolist()
    ]


def _given(model: TextEstimator) -> str:
    """Say what a model predicts."""
    kind = {"single": "one class of", "multi": "any of", "regression": "a number"}[model.task_.kind]
    return f"{kind} {named(model.task_.classes)}".rstrip()
