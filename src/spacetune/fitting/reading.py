"""Logits of any number of texts, a bounded number at a time."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch

from spacetune.encoders import FeatureSource, TokenFeatures
from spacetune.fitting.inputs import FrozenInputs, Inputs, text_chunks
from spacetune.heads import Head

__all__ = ["CHUNK_TEXTS", "logits_of"]

CHUNK_TEXTS = 256


def logits_of(head: Head, source: Inputs | FeatureSource) -> np.ndarray[Any, Any]:
    """Return a head's logits ``(text, output)`` of features in memory or on disk."""
    runs = [rows for some in text_chunks(source.lengths) for rows in some.split(CHUNK_TEXTS)] or [torch.arange(0)]
    whole = source.source if isinstance(source, FrozenInputs) and source.rows is None else source
    with torch.inference_mode():
        if isinstance(whole, TokenFeatures):
            ends = itertools.accumulate(map(len, runs))
            parts = [head.logits(whole.between(end - len(rows), end)) for rows, end in zip(runs, ends, strict=True)]
        else:
            parts = [head.logits(source.take(rows)) for rows in runs]
    return torch.cat(parts).numpy()
