"""The data sets of the study as features of the frozen default encoder's last layer, and samples drawn by seed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks.common import HERE as BENCHMARKS
from benchmarks.quality.sets import Parts, parts
from torch import Tensor

from spacetune import Encoder, LabelledTexts
from spacetune.data import few_shot
from spacetune.encoders import TokenFeatures, default_store
from spacetune.fitting import SingleLabel

HERE = Path(__file__).resolve().parent
MAX_LENGTH = 128
SAMPLED = {"imdb": (5000, 500, 1000), "sst2": (10_000, 1000, 1000)}
"""Texts drawn at most of train, dev and test, stratified, by seed 0; other sets are whole."""
TOXIC = {"hatespeech": 0, "offensive": 0, "normal": 1}
OFFENSIVE = {"OFF": 0, "NOT": 1}
SENTIMENT = {"neg": 0, "negative": 0, "pos": 1, "positive": 1}


@dataclasses.dataclass(frozen=True)
class Ready:
    """One part of a data set: token features, targets, and what heads of one state a text read."""

    features: TokenFeatures
    targets: Tensor
    means: Tensor
    first: Tensor

    def take(self, rows: Tensor) -> Ready:
        return Ready(self.features.take(rows), self.targets[rows], self.means[rows], self.first[rows])

    def __len__(self) -> int:
        return len(self.targets)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """One data set, ready for every head."""

    train: Ready
    dev: Ready
    test: Ready
    classes: tuple[Any, ...]


def sampled(name: str) -> Parts:
    """Return train, dev and test of a set of the suite, drawn by seed 0 where it is too large for this machine."""
    data = parts(name, json.loads((BENCHMARKS / "quality" / "config.json").read_text())["sets"][name])
    if name not in SAMPLED:
        return data
    n_train, n_dev, n_test = SAMPLED[name]
    return Parts(draw(data.train, n_train), draw(data.dev, n_dev), draw(data.test, n_test))


def draw(data: LabelledTexts, n: int, seed: int = 0) -> LabelledTexts:
    """Return a stratified sample, or all where there are no more."""
    return few_shot(data, n, seed=seed) if n < len(data) else data


def sample(part: Ready, n: int, seed: int) -> Ready:
    """Return a stratified sample of a part, or all where there are no more."""
    return part.take(torch.tensor(sampled_rows(part.targets.tolist(), n, seed)))


def sampled_rows(labels: list[Any], n: int, seed: int) -> list[int]:
    """Return the rows of a stratified sample, or of all where there are no more."""
    rows = LabelledTexts([str(i) for i in range(len(labels))], labels)
    return [int(text) for text in draw(rows, n, seed).texts]


def relabelled(data: Parts, names: dict[Any, int]) -> Parts:
    """Give a set the two classes that it shares with another."""

    def other(part: LabelledTexts) -> LabelledTexts:
        return dataclasses.replace(part, labels=[names[label] for label in part.labels or []], names=None)

    return Parts(other(data.train), other(data.dev), other(data.test))


def prepared(encoder: Encoder, data: Parts) -> Prepared:
    """Encode a set, from the store where it was encoded before."""
    classes = tuple(sorted(set(data.train.labels or [])))
    train, dev, test = (
        ready(encode(encoder, p.inputs), p.labels or [], classes) for p in (data.train, data.dev, data.test)
    )
    return Prepared(train, dev, test, classes)


def encode(encoder: Encoder, texts: Sequence[Any]) -> TokenFeatures:
    """Return the last layer's states, in memory."""
    store = default_store()
    if store is None:
        return encoder.encode(texts, layers=-1, progress=False)
    found = store.encode(encoder, texts, layers=-1, progress=False)
    return found if isinstance(found, TokenFeatures) else found.take(torch.arange(len(found)))


def ready(features: TokenFeatures, labels: Sequence[Any], classes: Sequence[Any]) -> Ready:
    """Put targets beside features, with every text's mean state and first token's state, ``(text, dim)``."""
    first = features.values[features.offsets[:-1], 0].float()
    return Ready(features, SingleLabel(classes).targets(labels), features.means()[:, 0], first)
