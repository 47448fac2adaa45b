"""Which unlabelled texts to label next: those a model is unsure of, and unlike each other."""

# The types of NumPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from spacetune.data import DataNote, LabelledTexts
from spacetune.encoders import TextInput, as_columns
from spacetune.errors import DataError, UsageError
from spacetune.estimators import TextEstimator
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.hashes import text_hashes
from spacetune.fitting import logits_of
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.mapping import chosen_vectors
from spacetune.studies.predicting import predictions_of

__all__ = ["Suggestion", "Suggestions", "choose_rows", "suggest_texts"]

Array = np.ndarray[Any, Any]
AMONG = 10
"""Of so many times the texts wanted, the least sure, they are chosen; ours, from SST-2, Subj, MR and OLID."""


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A text to label.

    Parameters
    ----------
    row
        Its row, from 1.
    predicted
        What the model says.
    probability
        Of that class; of several labels that of the one least sure.
    text
        The text, or the pair.
    """

    row: int
    predicted: Any
    probability: float
    text: TextInput


@dataclasses.dataclass(frozen=True)
class Suggestions(TableResult):
    """Texts to label next, the least sure first.

    Parameters
    ----------
    source
        Where the texts came from.
    n_texts
        How many there were to choose from: equal ones count once, and those that the model was trained on not.
    chosen
        The texts.
    notes
        Which texts were passed over.
    """

    source: str
    n_texts: int
    chosen: tuple[Suggestion, ...]
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a text."""
        return [vars(each) | as_columns(each.text) for each in self.chosen]


@checked_arguments
def suggest_texts(model: TextEstimator, data: LabelledTexts, n_texts: int = 50, *, seed: int = 0) -> Suggestions:
    """Suggest which texts to label next.

    Parameters
    ----------
    model
        A fitted classifier: what was labelled so far made it.
    data
        Texts without labels, or whose labels are not looked at.
    n_texts
        How many to suggest; fewer where there are no more.
    seed
        Of the draws.

    Returns
    -------
    Suggestions
        The texts, the least sure first.

    Raises
    ------
    UsageError
        If `n_texts` is below 1, or the model predicts numbers.
    DataError
        If no text is left to label, or the texts are not what the model reads.

    Examples
    --------
    >>> from spacetune import LinearProbe
    >>> model = LinearProbe().fit(["good fun", "a bore"] * 9, ["good", "bad"] * 9)
    >>> found = suggest_texts(model, LabelledTexts(["Good fun", "a train", "fun, mostly", "a train"]), 2)
    >>> sorted(each.text for each in found.chosen)
    ['a train', 'fun, mostly']
    """
    if n_texts < 1 or not isinstance(model, Classifier):
        raise UsageError(f"suggestions are at least 1, of a model of classes; got {n_texts} and {type(model).__name__}")
    if model.fitted_.pairs != (data.pairs is not None):
        raise DataError(f"the model reads {'pairs of' if model.fitted_.pairs else 'single'} texts; got {data!r}")
    rows, notes = _fresh(model, data)
    part = data.take(rows)
    source = model.features(part.inputs)
    found = predictions_of(model, part.inputs, logits_of(model.learnt_.model.on_top, source), 0)
    table = found.probabilities
    assert table is not None
    sure = table.max(1) if model.kind_ == "single" else np.maximum(table, 1 - table).min(1)
    vectors = chosen_vectors(model, source, np.arange(len(part)))
    chosen = choose_rows(vectors, table, n_texts, np.random.default_rng(seed), several=model.kind_ == "multi")
    return Suggestions(
        source=data.source,
        n_texts=len(part),
        chosen=tuple(
            Suggestion(rows[i] + 1, found.predicted[i], float(sure[i]), found.texts[i]) for i in chosen.tolist()
        ),
        notes=notes,
    )


def choose_rows(
    vectors: Array, table: Array, n_texts: int, rng: np.random.Generator, *, several: bool = False
) -> Array:
    """Choose texts that are unsure and unlike each other (Zhdanov 2019), the least sure first.

    Unsure is a text whose two likeliest classes lie close, or where labels go together one that has a label near 0.5.
    The ten times as many least sure texts are put into as many clusters as texts are wanted, by k-means whose weights
    are the unsureness, and the text nearest to every centre is taken.

    Parameters
    ----------
    vectors
        ``(text, width)``: what the model reads.
    table
        Probabilities ``(text, class)``.
    n_texts
        How many to choose.
    rng
        Of the centres to start from.
    several
        Whether classes go together: every column is a probability of its own.

    Examples
    --------
    >>> vectors = np.array([[0.0], [0.1], [9.0], [9.2], [5.0]])
    >>> table = np.array([[0.5, 0.5], [0.51, 0.49], [0.55, 0.45], [0.6, 0.4], [1.0, 0.0]])
    >>> choose_rows(vectors, table, 2, np.random.default_rng(0)).tolist()
    [0, 2]
    """
    top = np.sort(table, axis=1)
    unsure = 1 - (np.abs(2 * table - 1).min(1) if several else top[:, -1] - top[:, -2])
    pool = np.argsort(-unsure, kind="stable")[: AMONG * n_texts]
    if len(pool) <= n_texts:
        return pool
    means = KMeans(n_texts, max_iter=30, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different texts than centres
        apart = means.fit(vectors[pool], sample_weight=unsure[pool] + 1e-9).transform(vectors[pool])
    nearest = np.argsort(apart.min(1), kind="stable")
    first = np.unique(apart.argmin(1)[nearest], return_index=True)[1]
    chosen = np.sort(nearest[first])
    others = np.setdiff1d(np.arange(len(pool)), chosen)
    return pool[np.sort(np.append(chosen, others[: n_texts - len(chosen)]))]


def _fresh(model: TextEstimator, data: LabelledTexts) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows of different texts, not empty, that the model was not trained on, and a note on the others."""
    trained, known = set(model.fitted_.hashes.tolist()), set[str]()
    rows: list[int] = []
    for row, key in enumerate(data.keys):
        if key not in known and key.strip() and int(text_hashes([key])[0]) not in trained:
            rows.append(row)
        known.add(key)
    apart = [row + 1 for row in sorted({*range(len(data))} - {*rows})]
    if not rows:
        raise DataError(
            f"{data.source} holds no text that is not labelled yet: all are empty or repeat a training text"
        )
    what = "text{s} {were} passed over: empty, or the same as an earlier text or one that the model was trained on"
    return rows, (str(DataNote.of("repeats", apart, what)),) if apart else ()
