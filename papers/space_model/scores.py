"""From cells to figures: means and spread over seeds, what dev would choose, paired differences with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t

Cells = Mapping[str, Any]
FEWEST = 3
"""Seeds from which on an interval is given."""


def of_set(cells: Cells, name: str) -> list[Any]:
    """Return the cells of a set, one a seed."""
    return [cell for key, cell in cells.items() if key.rsplit(".", 1)[0] == name]


def values(cells: Sequence[Any], variant: str, epoch: int, test: str, measure: str) -> list[float]:
    """Return one score of every seed, in per cent."""
    return [100 * cell["variants"][variant]["epochs"][str(epoch)][test][measure] for cell in cells]


def spread(found: Sequence[float]) -> str:
    """Return mean and standard deviation over seeds.

    >>> spread([80.0, 82.0]), spread([80.0])
    ('81.0 ± 1.4', '80.0')
    """
    middle = f"{np.mean(found):.1f}"
    return middle if len(found) < 2 else f"{middle} ± {np.std(found, ddof=1):.1f}"


def interval(gaps: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of paired differences and its 95 % t interval over seeds.

    >>> interval([1.0, 1.0, 1.0])
    (1.0, 1.0, 1.0)
    """
    middle = float(np.mean(gaps))
    half = float(t.ppf(0.975, len(gaps) - 1) * np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
    return middle, middle - half, middle + half


def gap_text(gaps: Sequence[float]) -> str:
    """Return a paired difference as text, with its interval where there are seeds enough for one.

    >>> gap_text([1.0, 3.0, 2.0])
    '+2.0 [-0.5, +4.5]'
    """
    if len(gaps) < FEWEST:
        return f"{np.mean(gaps):+.1f}"
    middle, low, high = interval(gaps)
    return f"{middle:+.1f} [{low:+.1f}, {high:+.1f}]"


def paired(a: Sequence[float], b: Sequence[float]) -> list[float]:
    return [x - y for x, y in zip(a, b, strict=True)]


def family(variant: str) -> str:
    """Return a head's name without its learning rate."""
    return variant.split(" @")[0]


def chosen(cells: Sequence[Any]) -> dict[str, tuple[str, int]]:
    """Return for every head the learning rate and number of epochs with the best mean macro-F1 on dev."""
    best: dict[str, tuple[float, str, int]] = {}
    for variant, told in cells[0]["variants"].items():
        for epoch in map(int, told["epochs"]):
            score = float(np.mean(values(cells, variant, epoch, "dev", "macro_f1")))
            if score > best.get(family(variant), (-1.0,))[0]:
                best[family(variant)] = (score, variant, epoch)
    return {name: (variant, epoch) for name, (_, variant, epoch) in best.items()}
