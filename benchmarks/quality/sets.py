"""The data sets of the suite, each as train, dev and test; what is set aside is drawn by seed 0 for every method."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.common import split
from spacetune import LabelledTexts
from spacetune.data import split_dev

DEV_FRACTION = 0.1


@dataclasses.dataclass(frozen=True)
class Parts:
    """One data set, ready for every method."""

    train: LabelledTexts
    dev: LabelledTexts
    test: LabelledTexts


def parts(name: str, about: dict[str, Any]) -> Parts:
    """Read a set; a test part is drawn where none is published, and a dev part where none is."""
    train = split(name, about["train"])
    if "held_out" in about:
        train, test = _apart(train, about["held_out"])
    else:
        test = split(name, about["test"])
    if "dev" in about:
        return Parts(train, split(name, about["dev"]), test)
    train, dev = _apart(train, DEV_FRACTION)
    return Parts(train, dev, test)


def _apart(data: LabelledTexts, fraction: float) -> tuple[LabelledTexts, LabelledTexts]:
    rows, held = split_dev(data.labels or [], data.keys, fraction, 0)
    return data.take(rows.tolist()), data.take(held.tolist())
