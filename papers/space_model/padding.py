"""States of padding, as the official code has them: texts padded to one width, the mask given to the encoder alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from benchmarks.quality.sets import Parts
from papers.space_model.data import Prepared, Ready, ready, sampled
from papers.space_model.experiments import facts
from papers.space_model.training import Recipe, train
from papers.space_model.variants import padded
from torch import Tensor

from spacetune import Encoder
from spacetune.encoders import TokenFeatures
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.passes.padded import rectangle
from spacetune.encoders.passes.trainable import TrainableEncoder

WIDTH = 64
BATCH = 256


def padding(encoder: Encoder, name: str, n_seeds: int) -> dict[str, Any]:
    """Train on the same states with padding in the mean and without."""
    kinds = both_ways(Encoder.from_pretrained(encoder.name, max_length=WIDTH), sampled(name))
    found: dict[str, Any] = {"width": WIDTH}
    for kind, data in kinds.items():
        tests = {"dev": data.dev, "test": data.test}
        recipe, n_classes = Recipe(32, (15,)), len(data.classes)
        found[kind] = [train(padded(), data.train, tests, recipe, n_classes=n_classes, seed=s) for s in range(n_seeds)]
        found |= facts(data, tests)
    return found


def both_ways(encoder: Encoder, data: Parts) -> dict[str, Prepared]:
    """Return a set twice: real tokens only, and every text as long as the width."""
    model = TrainableEncoder(encoder, (encoder.n_layers,), 0).runner.model.eval().to(encoder.dtype)
    classes = tuple(sorted(set(data.train.labels or [])))
    found: dict[str, list[Ready]] = {"masked": [], "padding in the mean": []}
    for part in (data.train, data.dev, data.test):
        states, mask = rectangles(encoder, model, part.inputs)
        for kind, kept in (("masked", mask), ("padding in the mean", torch.ones_like(mask))):
            found[kind].append(ready(ragged(states, kept), part.labels or [], classes))
    return {kind: Prepared(parts[0], parts[1], parts[2], classes) for kind, parts in found.items()}


def rectangles(encoder: Encoder, model: Any, texts: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """Return last states of every position ``(text, width, dim)``, and which are real tokens."""
    states: list[Tensor] = []
    masks: list[Tensor] = []
    for at in range(0, len(texts), BATCH):
        tokens = encoder.tokenize(texts[at : at + BATCH])
        ids, segments = torch.from_numpy(tokens.token_ids), torch.from_numpy(tokens.segment_ids)
        given, mask = rectangle(PackedBatch(ids, segments, tokens.lengths.tolist()), True)
        wide = {k: torch.nn.functional.pad(v, (0, WIDTH - v.shape[1])) for k, v in given.items()}
        with torch.inference_mode():
            states.append(model(**wide).last_hidden_state)
        masks.append(torch.nn.functional.pad(mask, (0, WIDTH - mask.shape[1])))
    return torch.cat(states), torch.cat(masks)


def ragged(states: Tensor, mask: Tensor) -> TokenFeatures:
    """Return the states under a mask, end to end."""
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), mask.sum(1).cumsum(0)])
    return TokenFeatures(states[mask].unsqueeze(1).clone(), offsets)
