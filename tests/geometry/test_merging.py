"""Parts that are merged in a tree: in their order, and the same whatever order they come in."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from spacetune.geometry.merging import merge_in_tree


def paired(one: str, following: str) -> str:
    return f"({one} {following})"


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(number: int, draw: random.Random) -> None:
    parts = [(each, str(each)) for each in range(number)]
    ordered = merge_in_tree(parts, number, paired)
    draw.shuffle(parts)
    assert merge_in_tree(parts, number, paired) == ordered
    assert ordered.replace("(", "").replace(")", "").split() == [str(each) for each in range(number)]
    depth = max(ordered[:at].count("(") - ordered[:at].count(")") for at in range(len(ordered) + 1))
    assert depth == (number - 1).bit_length()
