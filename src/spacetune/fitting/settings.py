"""What the estimators' settings may be, by name: one table, which every `fit` looks through first."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from spacetune.encoders import FeatureStore
from spacetune.errors import UsageError

__all__ = ["SETTINGS", "UNCHOSEN", "Number", "Rule", "check_settings"]


class Rule(Protocol):
    """What a setting may be."""

    def allows(self, value: object) -> bool:
        """Tell whether a value may stand."""
        ...


@dataclasses.dataclass(frozen=True)
class Number:
    """A finite number from `least` (or above it) to `most`, a whole one where said; or one of the words in `also`."""

    least: float
    most: float = math.inf
    whole: bool = False
    above: bool = False
    also: tuple[str | None, ...] = ()

    def allows(self, value: object) -> bool:
        """Tell whether a value may stand; True and False are no numbers."""
        if value is None or isinstance(value, str):
            return value in self.also
        if not isinstance(value, Integral if self.whole else Real) or isinstance(value, bool):
            return False
        number: Any = value
        return self.least <= number <= self.most and number < math.inf and not (self.above and number == self.least)

    def __str__(self) -> str:
        low = f"finite and above {self.least}" if self.above else f"at least {self.least}"
        return low if self.most == math.inf else f"between {self.least} and {self.most}"


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few words, or None where that may stand too."""

    words: tuple[str, ...]
    none: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether it is one of them."""
        return (value is None and self.none) or (isinstance(value, str) and value in self.words)

    def __str__(self) -> str:
        words = [*self.words, "None"] if self.none else self.words
        return f"{', '.join(words[:-1])} or {words[-1]}"


@dataclasses.dataclass(frozen=True)
class Flag:
    """True or False, or None where that may stand too."""

    none: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether it is one of them."""
        return isinstance(value, bool | np.bool_) or (value is None and self.none)

    def __str__(self) -> str:
        return "True, False or None" if self.none else "True or False"


@dataclasses.dataclass(frozen=True)
class Store:
    """Where features are kept."""

    def allows(self, value: object) -> bool:
        """Tell whether it is a store, ``auto`` or None."""
        return value is None or isinstance(value, FeatureStore) or (isinstance(value, str) and value == "auto")

    def __str__(self) -> str:
        return "'auto', None or a FeatureStore"


COUNT, SOME = Number(1, whole=True), Number(1, whole=True, also=(None,))
SIZE, RATE, RATE_OR_NONE = Number(0), Number(0, above=True), Number(0, above=True, also=(None,))

SETTINGS: Mapping[str, Rule] = {
    "C": Number(0, above=True, also=(None,)),
    "adapter": Choice(("prefix", "lora")),
    "batch_size": SOME,
    "dev_fraction": Number(0.01, 0.5),
    "diversity_weight": SIZE,
    "dropout": Number(0, 0.95),
    "encoder_learning_rate": RATE_OR_NONE,
    "head": Choice(("linear", "space")),
    "head_learning_rate": SIZE,
    "hidden_size": COUNT,
    "inside": Choice(("top", "all", "lora", "prefix"), none=True),
    "inside_epochs": SOME,
    "inside_size": SOME,
    "inter_variant": Choice(("labelled", "labelled-2024", "label-free-2023")),
    "inter_weight": SIZE,
    "intra_weight": SIZE,
    "label_smoothing": Number(0, 0.95),
    "learning_rate": RATE_OR_NONE,
    "lexicon": Flag(),
    "linear_path": Flag(none=True),
    "max_length": SOME,
    "max_windows": SOME,
    "mixing": Choice(("after", "before")),
    "n_epochs": SOME,
    "n_latent": Number(1, whole=True, also=("auto",)),
    "n_validation_samples": Number(0, whole=True),
    "n_vertices": COUNT,
    "pairs": Choice(("auto", "apart", "together")),
    "patience": Number(0, whole=True, also=(None,)),
    "pooling": Choice(("mean", "pooler")),
    "position_shift": Flag(),
    "prefix_length": Number(0, whole=True),
    "probe_start": Flag(),
    "rank": COUNT,
    "reparametrisation": Choice(("none", "shared", "per-layer")),
    "sampling": Choice(("observation", "batch")),
    "seed": Number(0, 2**32 - 1, whole=True),
    "shared_layers": Flag(),
    "start_scale": SIZE,
    "store": Store(),
    "symmetric": Flag(none=True),
    "train_encoder": Flag(),
    "weight_decay": SIZE,
}
"""A setting means the same, and may be the same, in every estimator that has it."""

UNCHOSEN: Mapping[str, Rule] = {**SETTINGS, "learning_rate": RATE, "n_latent": COUNT}
"""Of estimators that choose neither by the number of texts."""


def check_settings(settings: Mapping[str, Any], rules: Mapping[str, Rule] = SETTINGS) -> None:
    """Check settings by name; those without a rule are checked where they are used.

    Raises
    ------
    UsageError
        If a value may not stand.
    """
    for name, value in settings.items():
        rule = rules.get(name)
        if rule is None or rule.allows(value):
            continue
        raise UsageError(f"{name} must be {_wanted(rule, value)}, got {value!r:.80}")


def _wanted(rule: Rule, value: object) -> str:
    """Say what is wanted: a number out of bounds is told the bounds, and what is no such number all that may stand."""
    if not isinstance(rule, Number):
        return str(rule)
    if isinstance(value, Integral if rule.whole else Real) and not isinstance(value, bool) and value == value:
        return str(rule)
    words = "".join(f", or {word!r}" for word in rule.also)
    return f"a {'whole ' if rule.whole else ''}number, {rule}{words}"
