"""What any score must be read against: the majority, words counted, and the same encoder without spaces."""

# The types of NumPy, SciPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

from spacetune.data import LabelledTexts
from spacetune.encoders import TextInput
from spacetune.fitting import Regression, Task, standing, unlogged
from spacetune.fitting.linear import logistic

__all__ = ["TfidfBaseline"]

Array = np.ndarray[Any, Any]
Decide = Callable[[csr_matrix], Array]
"""From counted words ``(text, word)`` to logits."""
STRENGTHS = (1.0, 10.0)
WORDS = r"(?u)\w+|[^\w\s]"


class TfidfBaseline:
    """TF-IDF of words and word pairs with logistic (or ridge) regression; pairs of texts are joined.

    Parameters
    ----------
    task
        What is learnt; once fitted, `task` is it as settled on dev.

    Examples
    --------
    >>> from spacetune.fitting import SingleLabel
    >>> data = LabelledTexts(["good fun", "a bore"] * 4, ["pos", "neg"] * 4)
    >>> words = TfidfBaseline(SingleLabel(["neg", "pos"])).fit(data, data)
    >>> words.logits(["fun"]).argmax(1).tolist()
    [1]
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self._decide: Decide | None = None

    def fit(self, train: LabelledTexts, dev: LabelledTexts) -> Self:
        """Learn from training texts; choose the strength, and what else decisions need, on dev."""
        targets = self._targets(dev)
        rows = self._count(train)
        if rows is None:
            return self
        dev_rows = self._vectorizer.transform(_joined(dev.inputs))
        fits = {C: _decide(self.task, rows, self._targets(train), train.weights, C) for C in STRENGTHS}
        logits = {C: decide(dev_rows) for C, decide in fits.items()}
        scores = {C: self.task.scores(each, targets, dev.weights) for C, each in logits.items()}
        self._C = max(fits, key=lambda C: standing(scores[C], self.task.monitor))
        self.task, self._decide = self.task.settled(logits[self._C], targets, dev.weights), fits[self._C]
        return self

    def refit(self, data: LabelledTexts) -> Self:
        """Learn anew from these texts, at the strength chosen."""
        rows = self._count(data)
        if self._decide is not None and rows is not None:
            self._decide = _decide(self.task, rows, self._targets(data), data.weights, self._C)
        return self

    def logits(self, texts: Sequence[TextInput]) -> Array | None:
        """Return logits ``(text, output)``; None where no training text holds a word to count."""
        return None if self._decide is None else self._decide(self._vectorizer.transform(_joined(texts)))

    def _count(self, data: LabelledTexts) -> Any:
        if not any(text.strip() for text in _joined(data.inputs)):
            return None
        self._vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORDS)
        return self._vectorizer.fit_transform(_joined(data.inputs))

    def _targets(self, data: LabelledTexts) -> Array:
        return self.task.targets(data.labels or []).numpy()


def _joined(texts: Sequence[TextInput]) -> list[str]:
    return [text if isinstance(text, str) else " ".join(text) for text in texts]


def _decide(task: Task, rows: csr_matrix, targets: Array, weights: Array | None, C: float) -> Decide:
    """Fit at one strength; return a function from rows to logits in the task's order."""
    if isinstance(task, Regression):
        with unlogged():
            ridge = Ridge(alpha=1 / C).fit(rows, (targets - task.mean) / task.scale, weights)
        return lambda x: np.asarray(ridge.predict(x), dtype=float)[:, None]
    if task.kind == "multi":
        if task.weights is not None:
            fits = [_of_label(rows, each, C, float(weight), weights)
                    for each, weight in zip(targets.T, task.weights, strict=True)]  # fmt: skip
            weight, bias = (np.stack(part) for part in zip(*fits, strict=True))
            return lambda x: np.asarray(x @ weight.T + bias)
        with unlogged(), config_context(enable_metadata_routing=True), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Label .* is present in all training examples")
            each = LogisticRegression(C=C, max_iter=200).set_fit_request(sample_weight=True)
            many = OneVsRestClassifier(each).fit(rows, targets, sample_weight=weights)
        shape = (-1, task.n_outputs)  # scikit-learn gives one label's decisions as they are, without a column
        return lambda x: np.asarray(many.decision_function(x), dtype=float).reshape(shape)
    with unlogged():
        of_classes = None if task.weights is None else dict(enumerate(task.weights.tolist()))
        one = LogisticRegression(C=C, max_iter=300, class_weight=of_classes).fit(rows, targets, weights)

    def decide(x: csr_matrix) -> Array:
        found = np.asarray(one.predict_log_proba(x))
        logits = np.full((len(found), task.n_outputs), -1e9)
        logits[:, one.classes_] = found
        return logits

    return decide


def _of_label(
    rows: csr_matrix, targets: Array, C: float, weight: float, weights: Array | None
) -> tuple[Array, np.floating[Any]]:
    """Return weights and bias of one of several labels, whose texts weigh so much more than the others."""
    each, bias = logistic(rows, targets.astype(int), C, {0: 1.0, 1: weight}, weights)
    return each[1] - each[0], bias[1] - bias[0]
