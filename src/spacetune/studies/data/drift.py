"""Have the texts changed since training: in their classes, in how the model sees them, in their words."""

# The types of NumPy, SciPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control, hypergeom, ks_2samp, rankdata
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spacetune.data import LabelledTexts
from spacetune.encoders import FeatureSource
from spacetune.errors import DataError, UsageError
from spacetune.estimators import TextEstimator
from spacetune.fitting import logits_of
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.scoring import seen_notes
from spacetune.studies.mapping import chosen_vectors

__all__ = ["Drift", "LogitShift", "ShareChange", "measure_drift", "share_changes"]

Array = np.ndarray[Any, Any]
N_FOLDS = 5
STRENGTH = 1e-2
RARE = 5
LEVEL = 0.05
NORMAL = 1.959964


@dataclasses.dataclass(frozen=True)
class ShareChange:
    """The share of texts with a class or a word, before and now.

    Parameters
    ----------
    name
        The class or the word.
    before, now
        Shares of the reference and of the new texts.
    change
        Now less before.
    low, high
        Newcombe's 95 % interval of the change (1998, method 10).
    p
        Fisher's exact test, two-sided as twice the smaller tail; adjusted for the number of names (Benjamini-Hochberg).
    """

    name: str
    before: float
    now: float
    change: float
    low: float
    high: float
    p: float


@dataclasses.dataclass(frozen=True)
class LogitShift:
    """One class's mean logit before and now, Kolmogorov and Smirnov's distance, and its p-value, adjusted likewise."""

    name: str
    before: float
    now: float
    distance: float
    p: float


@dataclasses.dataclass(frozen=True)
class Drift(TableResult):
    """New texts against reference texts, as one model sees them.

    Parameters
    ----------
    source, reference
        Where the new and the reference texts came from.
    n_texts, n_reference
        How many.
    auc
        How well a linear classifier on the model's view of the texts tells new from reference, on texts it did not
        see: 0.5 not at all, 1 always.
    auc_low, auc_high
        DeLong's 95 % interval.
    classes
        Shares of the predicted classes; empty for regression.
    logits
        The model's logits, class by class: their means, and how far apart they are.
    words
        Words whose share changed by more than chance, the surest first.
    notes
        Warnings.
    """

    source: str
    reference: str
    n_texts: int
    n_reference: int
    auc: float
    auc_low: float
    auc_high: float
    classes: tuple[ShareChange, ...]
    logits: tuple[LogitShift, ...]
    words: tuple[ShareChange, ...]
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a class, a class's logits and a word."""
        parts = {"class": self.classes, "logit": self.logits, "word": self.words}
        return [{"of": of, **vars(each)} for of, found in parts.items() for each in found]


@checked_arguments
def measure_drift(
    model: TextEstimator, data: LabelledTexts, reference: LabelledTexts, *, n_words: int = 20, sample: int = 2000,
    seed: int = 0,
) -> Drift:  # fmt: skip
    """Measure how new texts differ from reference texts: best texts of the time of training, set aside from it.

    Parameters
    ----------
    model
        A fitted estimator.
    data
        The new texts; labels are not looked at.
    reference
        Texts to hold them against. A model is surer of texts it was trained on: a note says how many there are.
    n_words
        Most words named.
    sample
        Texts of either side that the domain classifier sees at most.
    seed
        Of that sample and of the folds.

    Returns
    -------
    Drift
        By class, by logits, by words; and how well the texts can be told apart at all.

    Raises
    ------
    UsageError
        If `sample` is below 5.
    DataError
        If either side has fewer than 5 different texts, or they are not what the model reads.

    Examples
    --------
    >>> from spacetune import LinearProbe
    >>> before, now = [f"good fun {i}" for i in range(20)], [f"a dull bore {i}" for i in range(20)]
    >>> model = LinearProbe().fit([*before, *now], ["good"] * 20 + ["bad"] * 20)
    >>> drift = measure_drift(model, LabelledTexts(now), LabelledTexts(before))
    >>> [(each.name, each.before, each.now) for each in drift.classes]
    [('bad', 0.0, 1.0), ('good', 1.0, 0.0)]
    >>> {each.name for each in drift.words} == {"good", "fun", "dull", "bore"}
    True
    """
    if sample < N_FOLDS:
        raise UsageError(f"sample must be at least {N_FOLDS} texts a side, got {sample}")
    for each in (data, reference):
        if len(set(each.keys)) < N_FOLDS or model.fitted_.pairs != (each.pairs is not None):
            what = "pairs" if model.fitted_.pairs else "texts"
            raise DataError(f"drift is measured over at least {N_FOLDS} different {what} a side; got {each!r}")
    sides = [model.features(each.inputs) for each in (reference, data)]
    before, now = (logits_of(model.learnt_.model.on_top, side) for side in sides)
    low, auc, high = _told_apart(model, (reference, data), sides, sample, seed)
    return Drift(
        source=data.source,
        reference=reference.source,
        n_texts=len(data),
        n_reference=len(reference),
        auc=auc,
        auc_low=low,
        auc_high=high,
        classes=_classes(model, before, now),
        logits=_logits(model, before, now),
        words=_words(reference, data)[:n_words],
        notes=(*(f"{reference.source}: {note}" for note in seen_notes(model, reference)),
               *(f"{data.source}: {note}" for note in seen_notes(model, data))),
    )  # fmt: skip


def share_changes(names: Sequence[Any], before: Array, n_before: int, now: Array, n_now: int) -> list[ShareChange]:
    """Compare counts of names among so many texts before and now.

    >>> change, = share_changes(["a"], np.array([1]), 10, np.array([5]), 10)
    >>> round(change.change, 3), round(change.low, 3), round(change.high, 3), round(change.p, 3)
    (0.4, -0.002, 0.676, 0.141)
    """
    total, both = n_before + n_now, before + now
    tails = hypergeom.cdf(now, total, both, n_now), hypergeom.sf(now - 1, total, both, n_now)
    a, b = before / n_before, now / n_now
    (low_a, high_a), (low_b, high_b) = _wilson(before, n_before), _wilson(now, n_now)
    low, high = b - a - np.hypot(b - low_b, high_a - a), b - a + np.hypot(high_b - b, a - low_a)
    columns = (a, b, b - a, low, high, _adjusted(np.minimum(1, 2 * np.minimum(*tails))))
    numbers = np.column_stack(columns).astype(float).tolist()
    return [ShareChange(str(name), *row) for name, row in zip(names, numbers, strict=True)]


def _wilson(count: Array, n: int) -> tuple[Array, Array]:
    """Return the ends of Wilson's 95 % interval of shares."""
    middle, half = count + NORMAL**2 / 2, NORMAL * np.sqrt(count * (n - count) / n + NORMAL**2 / 4)
    return (middle - half) / (n + NORMAL**2), (middle + half) / (n + NORMAL**2)


def _adjusted(p: Array) -> Array:
    return false_discovery_control(p) if len(p) else p


def _classes(model: TextEstimator, before: Array, now: Array) -> tuple[ShareChange, ...]:
    task = model.task_
    if task.kind == "regression":
        return ()
    if task.kind == "single":
        counts = [np.eye(task.n_outputs)[task.targets(task.labels(logits)).numpy()] for logits in (before, now)]
    else:
        counts = [task.carried(logits) for logits in (before, now)]
    a, b = (each.sum(0).astype(int) for each in counts)
    return tuple(share_changes(task.classes, a, len(before), b, len(now)))


def _logits(model: TextEstimator, before: Array, now: Array) -> tuple[LogitShift, ...]:
    tests: list[Any] = [ks_2samp(a, b) for a, b in zip(before.T, now.T, strict=True)]
    p = _adjusted(np.array([test.pvalue for test in tests]))
    means = zip(model.task_.classes or ("number",), before.mean(0).tolist(), now.mean(0).tolist(), strict=True)
    return tuple(
        LogitShift(str(name), a, b, float(test.statistic), float(each))
        for (name, a, b), test, each in zip(means, tests, p, strict=True)
    )


def _words(reference: LabelledTexts, data: LabelledTexts) -> tuple[ShareChange, ...]:
    """Return the words whose share of texts changed, the surest first; rare ones are left out."""
    lines = [[" ".join(row) if isinstance(row, tuple) else row for row in each.inputs] for each in (reference, data)]
    counter = CountVectorizer(binary=True, min_df=RARE)
    try:
        carried: Any = counter.fit_transform([*lines[0], *lines[1]])
    except ValueError:  # no word in so many texts
        return ()
    a, b = (np.asarray(part.sum(0)).ravel() for part in (carried[: len(reference)], carried[len(reference) :]))
    found = share_changes(counter.get_feature_names_out().tolist(), a, len(reference), b, len(data))
    return tuple(sorted((each for each in found if each.p < LEVEL), key=lambda each: (each.p, -abs(each.change))))


def _told_apart(
    model: TextEstimator, texts: Sequence[LabelledTexts], sides: Sequence[FeatureSource], sample: int, seed: int
) -> tuple[float, float, float]:
    """Return the area under the ROC curve of new against reference by cross-validation, between its interval's ends."""
    rng = np.random.default_rng(seed)
    rows = [np.sort(rng.choice(len(each), min(sample, len(each)), replace=False)) for each in texts]
    vectors = np.concatenate([chosen_vectors(model, side, each) for side, each in zip(sides, rows, strict=True)])
    new = np.repeat([0, 1], [len(each) for each in rows])
    keys = [key for each, chosen in zip(texts, rows, strict=True) for key in each.take(chosen.tolist()).keys]
    told = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=400))
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    scores = np.asarray(cross_val_predict(told, vectors, new, groups=keys, cv=folds, method="decision_function"))
    return _delong(scores[new == 0], scores[new == 1])


def _delong(negative: Array, positive: Array) -> tuple[float, float, float]:
    """Return low, area and high: DeLong et al. 1988, by ranks.

    >>> [round(v, 3) for v in _delong(np.array([1.0, 2, 3]), np.array([2.5, 4, 5]))]
    [0.581, 0.889, 1.0]
    """
    n, m = len(negative), len(positive)
    ranks = rankdata(np.concatenate([negative, positive]))
    below = (ranks[n:] - rankdata(positive)) / n
    above = 1 - (ranks[:n] - rankdata(negative)) / m
    area = float(below.mean())
    aside = NORMAL * float(np.sqrt(below.var(ddof=1) / m + above.var(ddof=1) / n))
    return max(area - aside, 0.0), area, min(area + aside, 1.0)
