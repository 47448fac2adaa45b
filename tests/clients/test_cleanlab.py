"""cleanlab finds the same likely label errors in the same probabilities; skipped where it is not installed."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune.studies.data.confident_learning import confident_errors, confident_set_errors

filtering = pytest.importorskip("cleanlab.filter", reason="cleanlab is not installed")


@pytest.mark.parametrize("seed", range(20))
def test_the_same_rows_in_the_same_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_classes = int(rng.integers(2, 6))
    true = np.append(np.arange(n_classes), rng.integers(0, n_classes, 300))
    logits = rng.normal(size=(len(true), n_classes)) + 2.0 * np.eye(n_classes)[true]
    table = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    given = np.where(rng.random(len(true)) < 0.15, rng.integers(0, n_classes, len(true)), true)
    given[:n_classes] = np.arange(n_classes)
    theirs = filtering.find_label_issues(
        given, table, filter_by="confident_learning", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    ours, _ = confident_errors(given, table)
    assert ours.tolist() == theirs.tolist()
    assert len(ours) > 0


@pytest.mark.parametrize("seed", range(5))
def test_the_same_labels_of_sets(seed: int) -> None:
    from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class

    rng = np.random.default_rng(seed)
    true = rng.random((200, 3)) < 0.4
    table = 1 / (1 + np.exp(-(rng.normal(size=true.shape) + np.where(true, 2.0, -2.0))))
    given = true ^ (rng.random(true.shape) < 0.1)
    sets = [np.flatnonzero(row).tolist() for row in given]
    theirs = find_multilabel_issues_per_class(sets, table, filter_by="confident_learning", n_jobs=1)
    ours, _ = confident_set_errors(given, table)
    assert ours.any()
    np.testing.assert_array_equal(ours, theirs)
