"""The cosine of two texts, without any training but of a scale: what pairs read apart must be read against."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from spacetune.data import LabelledTexts
from spacetune.estimators import LinearProbe
from spacetune.fitting import Task, fit_linear, text_chunks
from spacetune.fitting.linear import spread
from spacetune.studies.fit.score_rows import Parts, Row, logits_row

__all__ = ["cosine_rows", "cosines"]

STRENGTH = 10.0


def cosines(reader: LinearProbe, data: LabelledTexts) -> np.ndarray[Any, Any]:
    """Return the cosine of every pair's mean states of the last layer, ``(pair, 1)``."""
    source = reader.features(data.inputs)
    parts = [source.take(rows).halves().means().double().view(len(rows), 2, -1) for rows in text_chunks(source.lengths)]
    both = torch.cat(parts)
    return torch.nn.functional.cosine_similarity(both[:, 0], both[:, 1], dim=1).numpy()[:, None]


def cosine_rows(task: Task, data: Parts, settings: Mapping[str, Any]) -> list[Row]:
    """Return the rows of the plain cosine: threshold, or scale, of logistic or ridge regression on dev alone.

    `settings` say how texts are read: the encoder, its length limit, the store.
    """
    began = time.perf_counter()
    reader = LinearProbe(**settings, layers=-1, pairs="apart")
    found = {split: cosines(reader, texts) for split, texts in data.scored.items()}
    targets = task.targets(data.dev.labels or []).numpy()
    weights = data.dev.weights
    of_dev = spread(found["dev"], weights)
    weight, bias = fit_linear(task, of_dev.standard(found["dev"]), targets, STRENGTH, weights)
    logits = {split: of_dev.standard(rows) @ weight.T + bias for split, rows in found.items()}
    settled, seconds = task.settled(logits["dev"], targets, weights), time.perf_counter() - began
    return [logits_row("cosine", split, settled, data, each, seconds) for split, each in logits.items()]
