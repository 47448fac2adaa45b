"""The draws: K texts of a set, test texts of it, and those of sets from elsewhere that ask the same."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from benchmarks.common import split
from spacetune import LabelledTexts
from spacetune.data import few_shot_split

TEST = {
    "sst2": ("train", "dev"), "cola": ("train", "dev"), "rte": ("train", "dev"), "sma": ("train", "test"),
    "hatexplain": ("train", "test"), "olid": ("train", "test"), "imdb": ("train", "test"),
}  # fmt: skip
"""Parts to draw from and to test on; GLUE's published dev where test labels are not public."""
ONE_PART = {"subj": "all", "mr": "all", "qnli": "dev", "qqp": "train"}
"""Sets of one part: test texts come from 2,000 of it that are never drawn from."""
ELSEWHERE = {"imdb": ["sst2"], "mr": ["imdb"], "hatexplain": ["olid"], "olid": ["hatexplain"]}
"""Where a model of a set is tested too."""
COMMON = {"pos": "positive", "neg": "negative", "hatespeech": "offensive", "OFF": "offensive", "NOT": "normal"}
"""Names that classes of two such sets have in common; probabilities of classes that fall together are added."""


@dataclasses.dataclass(frozen=True)
class Draw:
    """Which texts; K = 0 are all of a set, a tenth of them dev."""

    data: str
    K: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Texts to train on, to choose by, and to test on, by set; the first is of the same set."""

    train: LabelledTexts
    dev: LabelledTexts
    tests: dict[str, LabelledTexts]


def texts_of(draw: Draw, n_test: int, dev_fraction: float) -> Drawn:
    """Draw K texts by the seed; the test texts are the same for every draw."""
    pool, _ = pools(draw.data)
    train, dev = few_shot_split(pool, draw.K or len(pool), dev_fraction=dev_fraction if draw.K else 0.1, seed=draw.seed)
    return Drawn(train, dev, {name: tests(name, n_test) for name in [draw.data, *ELSEWHERE.get(draw.data, [])]})


@functools.cache
def tests(data: str, n_test: int) -> LabelledTexts:
    """Return a fixed sample of a set's test texts."""
    _, test = pools(data)
    rows = np.random.default_rng(1).permutation(len(test))[:n_test]
    return test.take(sorted(rows.tolist()))


@functools.cache
def pools(data: str) -> tuple[LabelledTexts, LabelledTexts]:
    """Return what is drawn from, and what is tested on."""
    if data in TEST:
        train, test = TEST[data]
        return split(data, train), split(data, test)
    everything = split(data, ONE_PART[data])
    order = np.random.default_rng(0).permutation(len(everything)).tolist()
    return everything.take(order[:-2000]), everything.take(order[-2000:])
