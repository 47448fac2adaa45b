"""Which heads are compared: those of the published tables, and the ablations that the paper lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from papers.space_model.heads import Variant

INTER, INTRA = 0.2, 0.001
"""Weights of the published tables."""
LOSSES: dict[str, dict[str, Any]] = {
    "": {},
    " +inter": {"inter": INTER},
    " +intra": {"intra": INTRA},
    " +both": {"inter": INTER, "intra": INTRA},
}
RATES = (2e-4, 2e-3, 2e-2)
"""The published learning rate, and two at which a head of this size gets somewhere in as many steps."""


def plain() -> list[Variant]:
    """The heads without spaces; the official ones read the first token."""
    heads: tuple[Literal["linear", "hidden"], ...] = ("linear", "hidden")
    states: tuple[Literal["first", "mean"], ...] = ("first", "mean")
    return [Variant(f"{head}, {reads}", head, reads) for head in heads for reads in states]


def spaces(n_latent: int, losses: Sequence[str] = tuple(LOSSES)) -> list[Variant]:
    """The Space Model of one size with the published losses."""
    return [Variant(f"space {n_latent}{name}", n_latent=n_latent, **LOSSES[name]) for name in losses]


def at_rates(variants: Sequence[Variant], rates: Sequence[float]) -> list[Variant]:
    """Every head at every learning rate; the rate joins the name."""
    return [dataclasses.replace(v, name=f"{v.name} @{rate:g}", learning_rate=rate) for rate in rates for v in variants]


def small() -> list[Variant]:
    """The main table: plain heads and spaces of 3 at all rates, the losses at the first two."""
    losses = [name for name in LOSSES if name]
    return [*at_rates([*plain(), *spaces(3, ("",))], RATES), *at_rates(spaces(3, losses), RATES[:2])]


def large() -> list[Variant]:
    """Spaces of 64 and 128: costly, hence on fewer seeds."""
    sizes = [*spaces(64), *spaces(128, ("", " +both"))]
    return [*at_rates(sizes, RATES[:1]), *at_rates(spaces(64, ("",)), RATES[1:2])]


def ablations() -> list[Variant]:
    """One thing changed at a time, at ten times the published rate, where heads are trained out in 15 epochs."""
    base = Variant("space 3")
    changed = {
        "tanh off (linear, rank 3)": {"reads": "mean", "tanh": False},
        "tanh after the mean": {"reads": "mean"},
        "one shared space of 3": {"n_spaces": 1},
        "one shared space of 6 (the same model)": {"n_spaces": 1, "n_latent": 6},
        "4 spaces of 3": {"n_spaces": 4},
        "8 spaces of 3": {"n_spaces": 8},
        "a class reads its own space only": {"own_only": True},
        **{f"latent size {m}": {"n_latent": m} for m in (1, 2, 8, 16, 32)},
        **{f"inter {w:g}": {"inter": w} for w in (0.02, 0.2, 2.0)},
        **{f"inter {w:g}, labelled form": {"inter": w, "inter_variant": "labelled"} for w in (0.02, 0.2, 2.0)},
        "inter 2, labelled form, own space only": {"inter": 2.0, "inter_variant": "labelled", "own_only": True},
        **{f"intra {w:g}": {"intra": w} for w in (1e-4, 1e-3, 1e-2)},
        **{f"intra 0.001, eps {e:g}": {"intra": INTRA, "eps": e} for e in (1e-4, 1e-2, 1.0)},
        **{f"intra 0.01, eps {e:g}": {"intra": 10 * INTRA, "eps": e} for e in (1e-2, 1.0)},
    }  # fmt: skip
    found = [base, *(dataclasses.replace(base, name=name, **change) for name, change in changed.items())]
    return [dataclasses.replace(v, learning_rate=RATES[1]) for v in found]


def padded() -> list[Variant]:
    """What is compared with padding in the mean and without."""
    return at_rates([Variant("linear, mean", "linear", "mean"), *spaces(3, ("", " +both"))], RATES[:2])
