"""When to give no answer: thresholds on how sure a classifier is, chosen on held-out texts."""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from spacetune.data import LabelledTexts
from spacetune.errors import DataError, UsageError
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.text_estimator import TextEstimator
from spacetune.fitting import probabilities
from spacetune.results import TableResult, jsonable
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.answers import Answers
from spacetune.studies.fit.digest import fit_digest
from spacetune.studies.fit.scoring import seen_notes

__all__ = [
    "Threshold",
    "Thresholds",
    "as_thresholds",
    "choose_thresholds",
    "cut_of",
    "read_thresholds",
    "single_label",
]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Threshold:
    """A threshold, and what it does on the held-out texts.

    Parameters
    ----------
    predicted
        The class whose predictions it is for; None for all.
    value
        A prediction is given where its probability is at least this; None where no threshold does what was asked.
    n_texts
        Held-out texts predicted so.
    kept
        How many of them keep their prediction.
    right
        How many of these are right.
    low, high
        95 % Clopper-Pearson interval of the share that is right among the kept; it does not tell of the choice.
    """

    predicted: object
    value: float | None
    n_texts: int
    kept: int
    right: int
    low: float | None
    high: float | None


ROUNDING = 1e-6
"""Of a count: 0.55 of 100 is a little more than 55 in binary numbers."""
OTHERS = "these thresholds are of other classes than the model's; choose them with this model"
ANOTHER = "these thresholds were chosen with another model, or with an earlier fit of it; choose them with this one"


@dataclasses.dataclass(frozen=True)
class Thresholds(TableResult):
    """Thresholds below which a classifier is unsure.

    Parameters
    ----------
    source
        Where the held-out texts came from.
    asked
        What they were chosen for: ``precision``, ``cost`` or ``keep``.
    level
        Which precision, cost or share.
    thresholds
        One for all, or one a class.
    notes
        Warnings, such as texts that the model was trained on.
    classes
        Of the model that they were chosen for; empty where a probability was named for any model.
    fit
        Which fit they were chosen for, as a digest; empty likewise, and in files written before there was one.
    """

    source: str
    asked: str
    level: float
    thresholds: tuple[Threshold, ...]
    notes: tuple[str, ...] = ()
    classes: tuple[Any, ...] = ()
    fit: str = ""

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a threshold."""
        return [
            {**vars(each), "coverage": each.kept / each.n_texts if each.n_texts else None}
            | {"precision": each.right / each.kept if each.kept else None}
            for each in self.thresholds
        ]

    def sure(self, model: Classifier, logits: Array) -> Array:
        """Return which texts ``(text,)`` of these logits the model is sure of.

        Raises
        ------
        UsageError
            If the thresholds are of other classes than the model's, or of another fit.
        """
        if self.classes and set(self.classes) != set(jsonable(model.task_.classes)):
            raise UsageError(OTHERS)
        if self.fit and self.fit != fit_digest(model):
            raise UsageError(ANOTHER)
        found, by = _sureness(model, logits), {each.predicted: each.value for each in self.thresholds}
        if set(by) == {None}:
            values = np.full(len(logits), _or_none_reaches(by[None]))
        elif set(by) == set(model.task_.classes):
            values = np.array([_or_none_reaches(by[name]) for name in model.task_.classes])[logits.argmax(1)]
        else:
            raise UsageError(OTHERS)
        return found >= values


@checked_arguments
def choose_thresholds(
    model: TextEstimator,
    data: LabelledTexts,
    *,
    precision: float | None = None,
    cost: float | None = None,
    keep: float | None = None,
    by_class: bool = False,
) -> Thresholds:
    """Choose on held-out texts below which probability of its prediction a classifier says that it is unsure.

    Parameters
    ----------
    model
        A fitted classifier of one class a text.
    data
        Labelled texts that it was not fitted on.
    precision
        The lowest threshold at which this share of what is kept is right: a wanted risk is 1 less that.
    cost
        What an unanswered text costs where a wrong answer costs 1: the threshold with the least sum.
    keep
        The highest threshold at which this share of the texts is kept, right or wrong: what lies below is out of
        scope, as far as these texts are the scope.
    by_class
        Whether every predicted class gets a threshold of its own.

    Returns
    -------
    Thresholds
        For `predict_texts`, with what they keep here, and how much of it is right.

    Raises
    ------
    UsageError
        If not exactly one of precision, cost and keep is given, above 0 and at most 1; or the model does not give one
        class a text.
    DataError
        If the texts carry no labels that the model knows.

    Examples
    --------
    >>> from spacetune import LinearProbe
    >>> model = LinearProbe().fit(["good fun", "a bore"] * 9, ["good", "bad"] * 9)
    >>> held = LabelledTexts(["good fun indeed", "a bore to me", "a good bore"], ["good", "bad", "good"])
    >>> found = choose_thresholds(model, held, precision=0.9)
    >>> found.thresholds[0].right >= 0.9 * found.thresholds[0].kept
    True
    """
    asked = {name: v for name, v in (("precision", precision), ("cost", cost), ("keep", keep)) if v is not None}
    numbers = all(isinstance(level, int | float | np.number) for level in asked.values())
    if len(asked) != 1 or not numbers or not all(0 < level <= 1 for level in asked.values()):
        raise UsageError(f"give one of precision, cost and keep, as a share (98 % is 0.98); got {asked or 'none'}")
    ((what, level),) = asked.items()
    classifier = single_label(model)
    answers = Answers.of(model, data)
    said, right = answers.decided, answers.decided == answers.targets
    scores = _sureness(classifier, answers.logits)
    groups = [(name, said == k) for k, name in enumerate(model.task_.classes)] if by_class else [(None, said >= 0)]
    return Thresholds(
        source=data.source,
        asked=what,
        level=level,
        thresholds=tuple(_threshold(name, scores[rows], right[rows], what, level) for name, rows in groups),
        notes=tuple(seen_notes(model, answers.data)),
        classes=tuple(jsonable(model.task_.classes)),
        fit=fit_digest(classifier),
    )


def cut_of(scores: Array, right: Array, asked: str, level: float) -> float | None:
    """Return the score from which texts are kept, for a wanted precision, at a cost, or keeping a share.

    It is halfway between the last score that is kept and the next one, so that rounding moves no text across it. Texts
    of equal scores are kept together. None where nothing can be kept.

    >>> scores, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    >>> [cut_of(scores, right, *each) for each in (("precision", 0.7), ("cost", 0.2), ("keep", 0.5))]
    [0.6, 0.75, 0.75]
    """
    order = np.argsort(-scores, kind="stable")
    ordered, wrong = scores[order], np.cumsum(~right[order])
    ends = np.flatnonzero(np.append(ordered[:-1] != ordered[1:], True)) if len(scores) else np.zeros(0, dtype=int)
    kept, wrong = ends + 1, wrong[ends]
    if asked == "keep":
        good = np.flatnonzero(kept >= level * len(scores) - ROUNDING)[:1]
    elif asked == "precision":
        good = np.flatnonzero(kept - wrong >= level * kept - ROUNDING)[-1:]
    else:
        totals = wrong + level * (len(scores) - kept)
        good = np.flatnonzero(totals == totals.min(initial=level * len(scores)))[-1:]
    return float(ordered[ends[good[0]] :][:2].mean()) if len(good) else None


def read_thresholds(place: Path) -> Thresholds:
    """Read thresholds that were written as JSON.

    Raises
    ------
    DataError
        If the file holds no thresholds, or such as cannot be.
    """
    if place.suffix != ".json":
        raise DataError(f"thresholds are read from a .json file, got {place.name}: write them with --out to one")
    try:
        told = json.loads(place.read_text(encoding="utf-8-sig"))
        rows = tuple(Threshold(**row) for row in told["thresholds"])
        fields: dict[str, Any] = {**told, "thresholds": rows, "notes": tuple(told["notes"])}
        fields["classes"] = tuple(told.get("classes", ()))
        found = Thresholds(**fields)
        values, names = [each.value for each in rows], [each.predicted for each in rows]
        numbers = all(value is None or (isinstance(value, int | float) and 0 <= value <= 1) for value in values)
        twice = len(set(names)) < len(names)
        set(found.classes)  # which must be names
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DataError(f"{place} holds no thresholds; 'spacetune thresholds … --out {place}' writes them") from None
    if not numbers or twice:
        what = "a class has two" if twice else f"each must be between 0 and 1, got {values!r:.80}"
        raise DataError(f"the thresholds in {place} cannot be used: {what}; choose them anew")
    return found


def as_thresholds(given: float | Thresholds) -> Thresholds:
    """Return thresholds as they are, and a probability as the threshold of all texts."""
    if isinstance(given, Thresholds):
        return given
    if not isinstance(given, int | float | np.number) or not 0 <= given <= 1:
        raise UsageError(f"abstain must be a probability between 0 and 1, or thresholds; got {given!r}")
    return Thresholds("", "probability", given, (Threshold(None, given, 0, 0, 0, None, None),))


def single_label(model: TextEstimator) -> Classifier:
    """Return the model as a classifier of one class a text, or refuse it."""
    if not isinstance(model, Classifier) or model.kind_ != "single":
        raise UsageError("only a model that gives one class per text can be unsure of it")
    return model


def _sureness(model: Classifier, logits: Array) -> Array:
    return probabilities(logits, model.temperature_, model.kind_).max(1)


def _threshold(name: object, scores: Array, right: Array, asked: str, level: float) -> Threshold:
    value = cut_of(scores, right, asked, level)
    kept = scores >= _or_none_reaches(value)
    n_kept, n_right = int(kept.sum()), int(right[kept].sum())
    ends = binomtest(n_right, n_kept).proportion_ci() if n_kept else None
    low, high = (None, None) if ends is None else (float(ends.low), float(ends.high))
    return Threshold(name, value, len(scores), n_kept, n_right, low, high)


def _or_none_reaches(value: float | None) -> float:
    return np.inf if value is None else value
