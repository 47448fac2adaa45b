"""Which labels are likely wrong: confident learning on the out-of-sample probabilities of a probe."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import torch

from spacetune.data import DataNote, LabelKind, LabelledTexts, label_kind
from spacetune.encoders import Encoder, FeatureSource, TextInput, TokenFeatures, as_columns
from spacetune.errors import DataError, UsageError, agreed
from spacetune.estimators import LinearProbe
from spacetune.estimators.labels import label_task
from spacetune.fitting import MultiLabel, text_chunks
from spacetune.fitting.tasks.task import named
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.data.confident_learning import confident_errors, confident_set_errors
from spacetune.studies.folds import text_folds

__all__ = ["LabelError", "LabelErrors", "find_label_errors"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class LabelError:
    """One label that is likely wrong, or one text's set of labels.

    Parameters
    ----------
    row
        Its row, from 1.
    label
        The label given; of several labels all of the text's.
    suggested
        The class that a probe which did not see the text gives it; of several the labels with the likely wrong ones
        taken out and the missing ones put in.
    confidence
        The probe's probability of the given label; of several, that the likeliest mistake among them is none.
    suggested_confidence
        Its probability of the suggested one; of several, that this mistake is one.
    text
        The text, or the pair.
    """

    row: int
    label: object
    suggested: object
    confidence: float
    suggested_confidence: float
    text: TextInput


@dataclasses.dataclass(frozen=True)
class LabelErrors(TableResult):
    """Labels that are likely wrong, the least likely label first.

    Parameters
    ----------
    source
        Where the texts came from.
    n_texts
        How many labels were judged, or sets of labels.
    n_folds
        Folds of the cross-validation.
    accuracy
        Of the probe on texts that it did not see, of sets the share that it gives whole: where it is low, little can be
        told from it.
    thresholds
        By class the mean probability of that class over the texts that are labelled so.
    errors
        The labels found.
    notes
        Which texts, or labels, were not judged.
    kind
        ``single``: one class a text; ``multi``: a set of labels a text.
    """

    source: str
    n_texts: int
    n_folds: int
    accuracy: float
    thresholds: dict[str, float]
    errors: tuple[LabelError, ...]
    notes: tuple[str, ...] = ()
    kind: LabelKind = "single"

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a label found."""
        return [vars(each) | as_columns(each.text) for each in self.errors]


@checked_arguments
def find_label_errors(
    data: LabelledTexts, encoder: str | Encoder | None = None, *, n_folds: int = 5, seed: int = 0
) -> LabelErrors:
    """Find labels that are likely wrong, by confident learning (Northcutt et al. 2021).

    A linear probe gives every text probabilities, fitted and calibrated on the other folds; equal texts share a fold.
    Which labels they speak against, `confident_errors` says; of texts with several labels, `confident_set_errors`.

    Parameters
    ----------
    data
        Texts or pairs with one class each, or a set of labels.
    encoder
        Folder or hub name, an `Encoder`, or None for the default.
    n_folds
        Folds of the cross-validation.
    seed
        Seed of the folds.

    Returns
    -------
    LabelErrors
        With the given label, the suggested one, and how likely either is.

    Raises
    ------
    DataError
        If labels are numbers to predict, or there are not two classes with a text for every fold; of sets, not one
        label that as many texts carry, and as many do not.
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
    kind = label_kind(data.labels) if data.labels else "regression"
    if kind == "regression":
        raise DataError(f"{data.source}: label errors are looked for in classes, one a text or several")
    find = _in_sets if kind == "multi" else _in_classes
    return find(data, encoder, n_folds, seed)


def _in_classes(data: LabelledTexts, encoder: str | Encoder | None, n_folds: int, seed: int) -> LabelErrors:
    rows, notes = _judged(data, n_folds)
    part = data.take(rows)
    labels, inputs = part.labels or [], part.inputs
    task = label_task(labels, None, 0.0)
    given, classes = task.targets(labels).numpy(), task.classes
    table = _out_of_sample(part, given, given, encoder, n_folds, seed)
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


def _in_sets(data: LabelledTexts, encoder: str | Encoder | None, n_folds: int, seed: int) -> LabelErrors:
    task = label_task(data.labels or [], None, 0.0)
    assert isinstance(task, MultiLabel)
    carried, inputs = task.targets(data.labels).numpy().astype(bool), data.inputs
    judged, notes = _judged_labels(data, task, carried, n_folds)
    table = _out_of_sample(data, carried.astype(int), _rarest(carried, judged), encoder, n_folds, seed)[:, judged]
    given = carried[:, judged]
    wrong, thresholds = confident_set_errors(given, table)
    least = np.where(wrong, np.where(given, table, 1 - table), 1.0).min(1)
    order = [int(i) for i in np.argsort(least, kind="stable") if wrong[i].any()]
    mended = carried.copy()
    mended[:, judged] ^= wrong
    labels, suggested = task.names(carried), task.names(mended)
    return LabelErrors(
        source=data.source,
        n_texts=len(data),
        n_folds=n_folds,
        accuracy=float(np.mean(((table > 0.5) == given).all(1))),
        thresholds={str(task.classes[k]): float(t) for k, t in zip(judged, thresholds, strict=True)},
        errors=tuple(
            LabelError(i + 1, labels[i], suggested[i], float(least[i]), float(1 - least[i]), inputs[i]) for i in order
        ),
        notes=notes,
        kind="multi",
    )


def _judged(data: LabelledTexts, n_folds: int) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows whose class has a different text for every fold, and a note on the others."""
    labels = data.labels or []
    counts = Counter(label for label, _ in set(zip(labels, data.keys, strict=True)))
    rows = [i for i, label in enumerate(labels) if counts[label] >= n_folds]
    if len({labels[i] for i in rows}) < 2:
        raise DataError(
            f"{data.source}: two classes with at least {n_folds} different texts each, one a fold, are needed"
        )
    apart = sorted({*range(len(labels))} - {*rows})
    what = "text{s} {were} not judged: fewer than {least} different texts have the same label"
    return rows, (str(DataNote.of("tiny", [i + 1 for i in apart], what, least=n_folds)),) if apart else ()


def _judged_labels(
    data: LabelledTexts, task: MultiLabel, carried: Array, n_folds: int
) -> tuple[list[int], tuple[str, ...]]:
    """Return the labels that a different text for every fold carries, and as many do not; and a note on the others."""
    keys = np.asarray(data.keys, dtype=object)
    enough = [min(len({*keys[has]}), len({*keys[~has]})) >= n_folds for has in carried.T]
    judged, apart = np.flatnonzero(enough).tolist(), np.flatnonzero(~np.asarray(enough)).tolist()
    if task.n_outputs < 2 or not judged:
        raise DataError(
            f"{data.source}: two labels, and one that at least {n_folds} different texts carry and {n_folds} do not, "
            "are needed"
        )
    names = named([task.classes[k] for k in apart])
    what = "label{s} {are} carried, or not carried, by fewer than {least} different texts and {were} not judged"
    return judged, (f"{agreed(len(apart), what, least=n_folds)}: {names}",) if apart else ()


def _rarest(carried: Array, judged: list[int]) -> Array:
    """Return the rarest judged label of every text, by which folds are made alike; -1 where it carries none."""
    rarest = np.full(len(carried), -1)
    for k in sorted(judged, key=lambda k: int(carried[:, k].sum()), reverse=True):
        rarest[carried[:, k]] = k
    return rarest


def _out_of_sample(
    data: LabelledTexts, given: Array, alike: Array, encoder: str | Encoder | None, n_folds: int, seed: int
) -> Array:
    """Return every text's probabilities ``(text, class)`` by a probe that was fitted on the other folds.

    `given` are class numbers, or an indicator; the folds have about the same shares of what `alike` tells.
    """
    means = _mean_features(LinearProbe(encoder).features(data.inputs))
    table = np.zeros(given.shape if given.ndim == 2 else (len(given), given.max() + 1))
    for train, held in text_folds(alike, data.keys, n_folds, seed):
        probe = LinearProbe(seed=seed).fit(means.take(torch.as_tensor(train)), given[train])
        table[np.ix_(held, probe.classes_)] = probe.predict_proba(means.take(torch.as_tensor(held)))
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
