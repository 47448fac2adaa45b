"""The draws: K texts of a set, test texts of it, and those of sets from elsewhere that ask the same."""

from __future__ import annotations

import dataclasses

from benchmarks.few_shot.cells import pools
from spacetune import LabelledTexts
from spacetune.data import few_shot_split

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
    pool, _ = pools(draw.data, n_test)
    train, dev = few_shot_split(pool, draw.K or len(pool), dev_fraction=dev_fraction if draw.K else 0.1, seed=draw.seed)
    return Drawn(train, dev, {name: pools(name, n_test)[1] for name in [draw.data, *ELSEWHERE.get(draw.data, [])]})
