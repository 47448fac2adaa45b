"""Logits of any number of texts, a bounded number at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spacetune.encoders import FeatureSource, TokenFeatures
from spacetune.fitting.inputs import FrozenInputs, Inputs
from spacetune.heads import Head

__all__ = ["CHUNK_TEXTS", "logits_of"]

CHUNK_TEXTS = 256


def logits_of(head: Head, source: Inputs | FeatureSource) -> np.ndarray[Any, Any]:
    """Return a head's logits ``(text, output)`` of features in memory or on disk."""
    starts = range(0, max(1, len(source)), CHUNK_TEXTS)
    whole = source.source if isinstance(source, FrozenInputs) and source.rows is None else source
    with torch.inference_mode():
        if isinstance(whole, TokenFeatures):
            parts = [head.logits(whole.between(start, start + CHUNK_TEXTS)) for start in starts]
        else:
            rows = torch.arange(len(source))
            parts = [head.logits(source.take(rows[start : start + CHUNK_TEXTS])) for start in starts]
    return torch.cat(parts).numpy()
