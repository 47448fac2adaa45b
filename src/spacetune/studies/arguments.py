"""Arguments of studies that are something else than they must be: said in a sentence, before any work."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from numbers import Integral
from typing import ParamSpec, TypeVar

from spacetune.data import LabelledTexts
from spacetune.encoders.loading.machine import unaltered
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator

__all__ = ["checked_arguments"]

P = ParamSpec("P")
R = TypeVar("R")

TEXTS = "read_texts reads a file or a table, LabelledTexts(texts, labels) holds lists"
KINDS: dict[str, tuple[type, str, str]] = {
    "LabelledTexts": (LabelledTexts, "LabelledTexts", TEXTS),
    "TextEstimator": (TextEstimator, "a fitted estimator", "load_estimator reads a saved model"),
}


def checked_arguments(study: Callable[P, R]) -> Callable[P, R]:
    """Raise `UsageError` where texts or a model are asked for and something else comes; what may be None may be None.

    >>> @checked_arguments
    ... def count(data: LabelledTexts) -> int:
    ...     return len(data)
    >>> count(LabelledTexts(["a", "b"]))
    2
    >>> count("texts.csv")
    Traceback (most recent call last):
    spacetune.errors.UsageError: data must be LabelledTexts, got str 'texts.csv': read_texts reads a file or a table, \
LabelledTexts(texts, labels) holds lists
    """
    signature = inspect.signature(study)

    @functools.wraps(study)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            asked, _, more = str(signature.parameters[name].annotation).partition(" | ")
            if asked == "int" and not (value is None and more):
                _check_whole(name, value)
            if asked in KINDS and not isinstance(value, KINDS[asked][0]) and not (value is None and more):
                _, what, how = KINDS[asked]
                shown = f" {value!r:.60}" if isinstance(value, str) else ""
                raise UsageError(f"{name} must be {what}, got {type(value).__name__}{shown}: {how}")
        with unaltered():
            return study(*args, **kwargs)

    return run


def _check_whole(name: str, value: object) -> None:
    """Raise `UsageError` where a whole number is asked for and something else comes, or less than none of something."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise UsageError(f"{name} must be a whole number, got {value!r:.60}")
    if int(value) < 0 and name.startswith("n_"):
        raise UsageError(f"{name} must be at least 0, got {value}")
