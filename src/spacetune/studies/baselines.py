"""What any score must be read against: the majority, words counted, and the same encoder without spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

from spacetune.encoders import TextInput

__all__ = ["tfidf_baseline"]

STRENGTHS = (1.0, 10.0)
WORDS = r"(?u)\w+|[^\w\s]"


def tfidf_baseline(
    train: Sequence[TextInput],
    dev: Sequence[TextInput],
    test: Sequence[TextInput],
    task: Any,
    targets: Any,
    dev_targets: Any,
) -> tuple[Any, np.ndarray[Any, Any]] | None:
    """Fit TF-IDF of words and word pairs with logistic (or ridge) regression, its strength chosen on dev.

    Parameters
    ----------
    train
        Training texts; pairs are joined.
    dev
        Texts to choose the strength by.
    test
        Texts to predict.
    task
        What is learnt.
    targets
        Targets of the training texts.
    dev_targets
        Targets of the dev texts.

    Returns
    -------
    tuple or None
        The task as settled on dev, and the logits of the test texts; None where no training text holds a word to count.
    """
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORDS)
    if not any(text.strip() for text in _joined(train)):
        return None
    rows = vectorizer.fit_transform(_joined(train))
    dev_rows, test_rows = vectorizer.transform(_joined(dev)), vectorizer.transform(_joined(test))
    fits = [_decide(task, rows, targets, C) for C in STRENGTHS]
    best = max(fits, key=lambda decide: task.scores(decide(dev_rows), dev_targets)[task.monitor])
    return task.settled(best(dev_rows), dev_targets), best(test_rows)


def _joined(texts: Sequence[TextInput]) -> list[str]:
    return [text if isinstance(text, str) else " ".join(text) for text in texts]


def _decide(task: Any, rows: Any, targets: Any, C: float) -> Any:
    """Fit at one strength; return a function from rows to logits in the task's order."""
    if task.kind == "regression":
        ridge = Ridge(alpha=1 / C).fit(rows, (targets - task.mean) / task.scale)
        return lambda x: ridge.predict(x)[:, None]
    if task.kind == "multi":
        many = OneVsRestClassifier(LogisticRegression(C=C, max_iter=200)).fit(rows, targets)
        return lambda x: np.asarray(many.decision_function(x))
    one = LogisticRegression(C=C, max_iter=300).fit(rows, targets)

    def decide(x: Any) -> Any:
        logits = np.full((x.shape[0], task.n_outputs), -1e9)
        logits[:, one.classes_] = one.predict_log_proba(x)
        return logits

    return decide
