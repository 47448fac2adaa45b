"""The experiments with the paper's recipe: the main table, IMDB with its transfer, ablations, padding."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from papers.space_model.data import TOXIC, Prepared, Ready, encode, prepared, ready, relabelled, sample, sampled
from papers.space_model.training import Recipe, train
from papers.space_model.variants import ablations, large, small

from spacetune import Encoder
from spacetune.fitting import SingleLabel

RECIPES = {"sma": Recipe(32, (1, 5, 15)), "hatexplain": Recipe(256), "imdb": Recipe(256)}
"""Batch sizes of the notebooks; 1 epoch as well for SMA."""
DRAWN = {"imdb": 2000}
"""Training texts a seed, other ones for every seed, of sets too long for this machine."""


def comparison(encoder: Encoder, name: str, seed: int, heads: str = "small") -> dict[str, Any]:
    """Train the heads of the main table; IMDB's are also scored on HateXplain, as published."""
    data = prepared(encoder, sampled(name))
    tests = {"dev": data.dev, "test": data.test}
    if name == "imdb":
        other = relabelled(sampled("hatexplain"), TOXIC).test
        tests["hatexplain"] = ready(encode(encoder, other.inputs), other.labels or [], (0, 1))
    drawn = sample(data.train, DRAWN.get(name, len(data.train)), seed)
    variants = {"small": small, "large": large}[heads]()
    found = train(variants, drawn, tests, RECIPES[name], n_classes=len(data.classes), seed=seed)
    return found | facts(dataclasses.replace(data, train=drawn), tests)


def ablation(encoder: Encoder, name: str, seed: int) -> dict[str, Any]:
    """Change one thing at a time."""
    data = prepared(encoder, sampled(name))
    tests = {"dev": data.dev, "test": data.test}
    found = train(ablations(), data.train, tests, Recipe(32, (15,)), n_classes=len(data.classes), seed=seed)
    return found | facts(data, tests)


def facts(data: Prepared, tests: Mapping[str, Ready]) -> dict[str, Any]:
    """Return sizes, and the scores of always saying the commonest class of the training part."""
    task, provenance = SingleLabel(tuple(range(len(data.classes)))), data.train.features.provenance
    return {
        "majority": {name: task.baseline(data.train.targets.numpy(), p.targets.numpy()) for name, p in tests.items()},
        "n_train": len(data.train),
        "n_test": {name: len(part) for name, part in tests.items()},
        "n_train_tokens": len(data.train.features.values),
        "n_train_cut": None if provenance is None else provenance.n_truncated,
    }
