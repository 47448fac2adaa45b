"""The cosine of two texts, without any training but of a scale: what pairs read apart must be read against."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from spacetune.data import LabelledTexts
from spacetune.estimators import LinearProbe
from spacetune.fitting import Task, fit_linear, text_chunks
from spacetune.fitting.linear import spread
from spacetune.studies.fit.intervals import decisions, score_intervals
from spacetune.studies.fit.score_rows import Parts, Row, shown

__all__ = ["cosine_rows", "cosines"]

STRENGTH = 10.0


def cosines(reader: LinearProbe, data: LabelledTexts) -> np.ndarray[Any, Any]:
    """Return the cosine of every pair's mean states of the last layer, ``(pair, 1)``."""
    source = reader.features(data.inputs)
    parts = [source.take(rows).halves().means().double().view(len(rows), 2, -1) for rows in text_chunks(source.lengths)]
    both = torch.cat(parts)
    return torch.nn.functional.cosine_similarity(both[:, 0], both[:, 1], dim=1).numpy()[:, None]


def cosine_rows(encoder: Any, task: Task, data: Parts) -> list[Row]:
    """Return the rows of the plain cosine: threshold, or scale, of logistic or ridge regression on dev alone."""
    began = time.perf_counter()
    reader = LinearProbe(encoder, layers=-1, pairs="apart")
    of_dev = cosines(reader, data.dev)
    targets = task.targets(data.dev.labels or []).numpy()
    mean, scale = spread(of_dev, data.dev.weights)
    weight, bias = fit_linear(task, (of_dev - mean) / scale, targets, STRENGTH, data.dev.weights)
    given = {"dev": of_dev} if data.test is None else {"dev": of_dev, "test": cosines(reader, data.test)}
    logits = {split: (rows - mean) / scale @ weight.T + bias for split, rows in given.items()}
    settled, seconds = task.settled(logits["dev"], targets, data.dev.weights), time.perf_counter() - began
    rows: list[Row] = []
    for split, found in logits.items():
        truth, weights = task.targets(data.scored[split].labels or []).numpy(), data.scored[split].weights
        about = {"method": "cosine", "split": split, "n": len(truth), "seconds": seconds}
        intervals = score_intervals(task.kind, truth, decisions(settled, found, truth), weights)
        rows.append({**about, **shown(settled.scores(found, truth, weights)), "intervals": intervals})
    return rows
