"""A lexicon put into a fitted model, since whether a fit keeps one hangs on its dev part."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np
import torch

from spacetune.estimators import TextEstimator
from spacetune.heads import pair_keys, token_pairs

M = TypeVar("M", bound=TextEstimator)


def with_lexicon(model: M, texts: list[str]) -> M:
    """Give every second wordpiece and pair of neighbours a random score, and the pair between two windows."""
    read = model.encoder_.tokenize(texts)
    ids, lengths = torch.from_numpy(read.token_ids).long(), torch.from_numpy(read.lengths)
    seam = pair_keys(ids[lengths[0] - 1][None], ids[:1])
    known = torch.cat([ids, token_pairs(ids, lengths)[1]]).unique()[::2]
    grams = torch.cat([known, seam]).unique()
    drawn = np.random.default_rng(0).normal(size=(len(grams), model.task_.n_outputs)).astype(np.float32)
    arrays = {**model.learnt_.arrays, "lexicon.grams": grams.numpy(), "lexicon.weights": drawn}
    model.learnt_ = dataclasses.replace(model.learnt_, arrays=arrays)
    return model
