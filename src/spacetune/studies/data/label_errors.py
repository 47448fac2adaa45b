"""Which labels are likely wrong: confident learning on the out-of-sample probabilities of a probe."""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold

from spacetune.data import DataNote, LabelledTexts, label_kind
from spacetune.encoders import Encoder, FeatureSource, TextInput, TokenFeatures, as_line
from spacetune.errors import DataError, UsageError
from spacetune.estimators import LinearProbe
from spacetune.estimators.labels import label_task
from spacetune.fitting import text_chunks
from spacetune.results import Result

__all__ = ["LabelError", "LabelErrors", "confident_errors", "find_label_errors"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class LabelError:
    """One label that is likely wrong.

    Parameters
    ----------
    row
        Its row, from 1.
    label
        The label given.
    suggested
        The class that a probe which did not see the text gives it.
    confidence
        The probe's probability of the given label.
    suggested_confidence
        Its probability of the suggested one.
    text
        The text, or the pair.
    """

    row: int
    label: Any
    suggested: Any
    confidence: float
    suggested_confidence: float
    text: TextInput


@dataclasses.dataclass(frozen=True)
class LabelErrors(Result):
    """Labels that are likely wrong, the least likely label first.

    Parameters
    ----------
    source
        Where the texts came from.
    n_texts
        How many labels were judged.
    n_folds
        Folds of the cross-validation.
    accuracy
        Of the probe on texts that it did not see: where it is low, little can be told from it.
    thresholds
        By class the mean probability of that class over the texts that are labelled so.
    errors
        The labels found.
    notes
        Which texts were not judged.
    """

    source: str
    n_texts: int
    n_folds: int
    accuracy: float
    thresholds: dict[str, float]
    errors: tuple[LabelError, ...]
    notes: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a label found."""
        return [vars(each) | {"text": as_line(each.text)} for each in self.errors]


def find_label_errors(
    data: LabelledTexts, encoder: str | Encoder | None = None, *, n_folds: int = 5, seed: int = 0
) -> LabelErrors:
    """Find labels that are likely wrong, by confident learning (Northcutt et al. 2021).

    A linear probe gives every text probabilities, fitted and calibrated on the other folds; equal texts share a fold.
    Which labels they speak against, `confident_errors` says.

    Parameters
    ----------
    data
        Texts or pairs with one class each.
    encoder
        Folder or hub name, an `Encoder`, or None for the default.
    n_folds
        Folds of the cross-validation.
    seed
        Of the folds.

    Returns
    -------
    LabelErrors
        With the given label, the suggested one, and how likely either is.

    Raises
    ------
    DataError
        If there is not one class a text, or there are not two classes with a text for every fold.
    UsageError
        If there are fewer than 2 folds.

    Examples
    --------
    >>> texts = [f"{word} {thing}" for thing in ("film", "play", "book", "song") for word in ("a lovely", "an awful")]
    >>> labels = ["good", "bad"] * 4
    >>> found = find_label_errors(LabelledTexts([*texts, "a lovely story"], [*labels, "bad"]), n_folds=2)
    >>> [(each.row, each.label, each.suggested) for each in found.errors]
    [(9, 'bad', 'good')]
    """
    if n_folds < 2:
        raise UsageError(f"n_folds must be at least 2, got {n_folds}")
    rows, notes = _judged(data, n_folds)
    part = data.take(rows)
    labels, inputs = part.labels or [], part.inputs
    task = label_task(labels, None, 0.0)
    given, classes = task.targets(labels).numpy(), task.classes
    table = _out_of_sample(part, given, encoder, n_folds, seed)
    wrong, thresholds = confident_errors(given, table)
    own, best = table[np.arange(len(given)), given], table.argmax(1)
    return LabelErrors(
        source=data.source,
        n_texts=len(part),
        n_folds=n_folds,
        accuracy=float(np.mean(best == given)),
        thresholds={str(name): float(value) for name, value in zip(classes, thresholds, strict=True)},
        errors=tuple(
            LabelError(rows[i] + 1, labels[i], classes[best[i]], float(own[i]), float(table[i].max()), inputs[i])
            for i in wrong.tolist()
        ),
        notes=notes,
    )


def _judged(data: LabelledTexts, n_folds: int) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows whose class has a different text for every fold, and a note on the others."""
    labels = data.labels or []
    if not labels or label_kind(labels) != "single":
        raise DataError(f"{data.source}: label errors are looked for where every text carries one class")
    counts = Counter(label for label, _ in set(zip(labels, data.keys, strict=True)))
    rows = [i for i, label in enumerate(labels) if counts[label] >= n_folds]
    if len({labels[i] for i in rows}) < 2:
        raise DataError(
            f"{data.source}: two classes with at least {n_folds} different texts each, one a fold, are needed"
        )
    apart = sorted({*range(len(labels))} - {*rows})
    what = f"texts are of classes with fewer than {n_folds} different texts: their labels were not judged"
    return rows, (str(DataNote.of("tiny", [i + 1 for i in apart], what)),) if apart else ()


def confident_errors(given: Array, table: Array) -> tuple[Array, Array]:
    r"""Return the texts whose labels probabilities speak against, the least likely label first; and the thresholds.

    The threshold of a class is the mean probability of that class over the texts labelled so. A text counts for the
    class whose threshold its probability reaches; where it reaches several, for the most likely class. Its label is
    likely wrong where that is another class than the label, and the label is not the most likely class. These are
    the off-diagonal cells of the confident joint, as cleanlab's ``filter_by="confident_learning"``.

    .. math:: t_j = \frac{1}{|X_j|} \sum_{x \in X_j} p_j(x)

    Parameters
    ----------
    given
        Class numbers ``(text,)``; every class occurs.
    table
        Out-of-sample probabilities ``(text, class)``.

    Examples
    --------
    >>> table = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.9, 0.1]])
    >>> confident_errors(np.array([0, 0, 1, 1]), table)
    (array([3]), array([0.85, 0.4 ]))
    """
    thresholds = np.array([table[given == k, k].mean() for k in range(table.shape[1])])
    reaches, best = table >= thresholds - 1e-6, table.argmax(1)
    counted = np.where(reaches.sum(1) > 1, best, reaches.argmax(1))
    wrong = np.flatnonzero(reaches.any(1) & (counted != given) & (best != given))
    return wrong[np.argsort(table[wrong, given[wrong]], kind="stable")], thresholds


def _out_of_sample(data: LabelledTexts, given: Array, encoder: str | Encoder | None, n_folds: int, seed: int) -> Array:
    """Return every text's probabilities ``(text, class)`` by a probe that was fitted on the other folds."""
    means = _mean_features(LinearProbe(encoder).features(data.inputs))
    table = np.zeros((len(given), given.max() + 1))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        divided = list(folds.split(given, given, data.keys))
    for train, held in divided:
        probe = LinearProbe(seed=seed).fit(means.take(torch.from_numpy(train)), given[train])
        table[np.ix_(held, probe.classes_)] = probe.predict_proba(means.take(torch.from_numpy(held)))
    return table


def _mean_features(source: FeatureSource) -> TokenFeatures:
    """Return every text as one token, its mean state, and a pair read apart as two: what a probe reads, and no more."""
    parts: list[TokenFeatures] = []
    for rows in text_chunks(source.lengths):
        read = source.take(rows)
        apart = read.first is not None
        means = (read.halves() if apart else read).means()
        each = 2 if apart else 1
        ones = torch.ones(len(rows), dtype=torch.long) if apart else None
        parts.append(TokenFeatures(means, torch.arange(0, len(means) + 1, each), first=ones))
    return TokenFeatures.concat(parts)
