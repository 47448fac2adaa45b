"""What a saved model's values must be: one table of names, types and ranges, and finite tensors of known names."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from spacetune.model_folder.saved_model import not_whole

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_config", "check_tensors"]


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a value must be, in words and as a check."""

    words: str
    holds: Callable[[object], bool]


def _whole(low: int, high: int) -> Rule:
    return Rule(f"a whole number from {low} to {high:,}", lambda v: type(v) is int and low <= v <= high)


def _one_of(*words: str) -> Rule:
    return Rule(" or ".join(map(repr, words)), lambda v: isinstance(v, str) and v in words)


def _number(value: object) -> TypeGuard[float]:
    return (type(value) is int or type(value) is float) and abs(value) < math.inf


def _names(value: object) -> bool:
    if not isinstance(value, list):
        return False
    kinds = {type(name) for name in value}
    return len(kinds) == 1 and kinds <= {str, int, float, bool} and len(set(value)) == len(value)


def _layers(value: object) -> bool:
    if not isinstance(value, list) or not value or not all(type(v) is int and 0 <= v < 10_000 for v in value):
        return False
    return value == sorted(set(value))


def _shape(value: object) -> bool:
    sizes = list(value.values()) if isinstance(value, dict) else []
    return all(type(v) is int and 0 <= v < 1 << 20 for v in sizes) and math.prod(max(1, v) for v in sizes) < 1 << 28


def _is(kind: type, words: str) -> Rule:
    return Rule(words, lambda v: type(v) is kind)


TEXT, TRUTH, OBJECT = _is(str, "a text"), _is(bool, "true or false"), _is(dict, "an object")
FINITE = Rule("a finite number", _number)
POSITIVE = Rule("a finite number above 0", lambda v: _number(v) and v > 0)

NEEDED = {
    "model": TEXT,
    "settings": OBJECT,
    "learned": OBJECT,
    "report": OBJECT,
    "encoder": OBJECT,
    "encoder.encoder": TEXT,
    "encoder.sha256": Rule("64 hexadecimal digits", lambda v: bool(re.fullmatch("[0-9a-f]{64}", str(v)))),
    "encoder.layers": Rule("ascending layer numbers", _layers),
    "encoder.max_length": _whole(1, 1 << 20),
}
OPTIONAL = {
    "pairs": TRUTH,
    "history": OBJECT,
    "report.n_texts": _whole(0, 1 << 50),
    "report.dev": TEXT,
    "report.dev_scores": OBJECT,
    "report.baseline": OBJECT,
    "encoder.max_windows": _whole(1, 1 << 20),
    "encoder.dtype": TEXT,
    "learned.classes": Rule("different class names of one type", _names),
    "learned.kind": _one_of("single", "multi"),
    "learned.temperature": POSITIVE,
    "learned.indicator": TRUTH,
    "learned.threshold": FINITE,
    "learned.mean": FINITE,
    "learned.scale": POSITIVE,
    "learned.C": POSITIVE,
    "learned.above": _whole(0, 1 << 12),
    "learned.adapter": _one_of("prefix", "lora", "layers"),
    "learned.n_vertices": _whole(1, 1 << 12),
    "learned.hidden_size": _whole(1, 1 << 16),
    "learned.mixing": _one_of("after", "before"),
    "learned.reparametrisation": _one_of("none", "shared", "per-layer"),
    "learned.sampling": _one_of("observation", "batch"),
    "learned.shared_layers": TRUTH,
    "learned.position_shift": TRUTH,
    "learned.shape": Rule("sizes of whole numbers, within 2^28 numbers in all", _shape),
    "settings.hidden_size": _whole(1, 1 << 16),
    "settings.n_vertices": _whole(1, 1 << 12),
    "settings.rank": _whole(1, 1 << 16),
}
ABSENT = object()
WHOLE = ("train_hashes", "lexicon.grams")
"""Tensors of whole numbers."""


def check_config(config: Mapping[str, Any], place: object) -> None:
    """Check every value that a model is built from.

    Raises `ModelFileError` if one is missing, or not what it must be; it is named.
    """
    for name, rule in (NEEDED | OPTIONAL).items():
        value: object = config
        for key in name.split("."):
            value = value.get(key, ABSENT) if isinstance(value, dict) else ABSENT
        if value is ABSENT and name in NEEDED:
            raise not_whole(place, f"{name} is missing", "incomplete")
        if value is not ABSENT and not rule.holds(value):
            raise not_whole(place, f"{name} must be {rule.words}, got {value!r:.60}")


def check_tensors(tensors: Mapping[str, Tensor], place: object) -> None:
    """Check that hashes and token ids are whole numbers, and all others finite ones.

    Raises `ModelFileError` if some are not.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() == (name in WHOLE):
            raise not_whole(place, f"{name} has numbers of another kind ({tensor.dtype})")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise not_whole(place, f"{name} holds numbers that are not finite")
