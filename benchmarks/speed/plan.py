"""How much is measured."""

from __future__ import annotations

import dataclasses

MAX_LENGTH = 256


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 3
    short_every: int = 4
    long_every: int = 100
    fit_every: int = 1
    notebook: tuple[tuple[int, int], ...] = ((32, 6), (256, 2))
    calls: int = 200
    sizes: tuple[int, ...] = (1000, 4000)


QUICK = Plan(rounds=2, short_every=60, long_every=1250, fit_every=12, notebook=((32, 1),), calls=20, sizes=(100, 300))
