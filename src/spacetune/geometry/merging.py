"""Parts of a whole, merged two by two in the order of their numbers, whenever each comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["merge_in_tree"]

T = TypeVar("T")


def merge_in_tree(parts: Iterable[tuple[int, T]], number: int, merge: Callable[[T, T], T]) -> T:
    """Return all parts as one: neighbours become pairs, pairs become fours, and so on.

    Which parts meet depends on their numbers alone, so that rounding is the same whatever order they come in. Of parts
    that come in order some ``log2(number)`` are held at a time.

    Parameters
    ----------
    parts
        Each with its number, all of 0 to ``number - 1`` once, in any order.
    number
        How many there are, one at least.
    merge
        Makes one of two that follow each other.

    Examples
    --------
    >>> merge_in_tree([(2, "c"), (0, "a"), (1, "b")], 3, lambda one, next: f"({one} {next})")
    '((a b) c)'
    """
    held: dict[tuple[int, int], T] = {}
    for at, part in parts:
        level, left = 0, number
        while left > 1:
            if at % 2 or at + 1 < left:  # the last of an odd number has no neighbour and goes up as it is
                neighbour = held.pop((level, at ^ 1), None)
                if neighbour is None:
                    break
                part = merge(neighbour, part) if at % 2 else merge(part, neighbour)
            level, at, left = level + 1, at // 2, (left + 1) // 2
        held[level, at] = part
    (whole,) = held.values()
    return whole
