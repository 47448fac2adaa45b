"""cleanlab finds the same likely label errors in the same probabilities; skipped where it is not installed."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune.studies.data.label_errors import confident_errors

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
