"""Measures of a handful of tokens say what they need."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune import Encoder
from spacetune.data import LabelledTexts
from spacetune.errors import DataError, UsageError
from spacetune.geometry import vrm
from spacetune.studies import choose_method, measure, measure_ladder, term_geometry


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_entropy_of_few_points_is_refused(n: int) -> None:
    with pytest.raises(DataError, match=f"needs at least 5 points, got {n}: pass more points"):
        vrm(np.random.default_rng(0).standard_normal((n, 3)))


@pytest.mark.parametrize("text", ["a", "a b", ""])
@pytest.mark.parametrize("intervals", [False, True])
def test_one_text_is_measured_as_far_as_it_goes(text: str, intervals: bool, encoder: Encoder) -> None:
    table = measure(encoder, [text], layers=1, intervals=intervals, measures=["vrm", "isoscore"], store=None)
    assert {entry.measure for entry in table.values} == {"vrm", "isoscore"}
    assert any("needs at least 5 points" in note for note in table.notes)


def test_numbers_out_of_range_are_refused(encoder: Encoder) -> None:
    wrong: dict[str, Any] = {"alphas": [1], "seeds": [2**70], "measures": ["isoscore"]}
    with pytest.raises(UsageError, match="seeds must lie between 0 and 4294967295"):
        measure_ladder(encoder, ["a text"], **wrong)
    with pytest.raises(UsageError, match="max_tokens must be at least 2, got -5"):
        term_geometry(encoder, ["a text"], max_tokens=-5)
    with pytest.raises(UsageError, match="a budget above 0 seconds"):
        choose_method(LabelledTexts(["a", "b"] * 8, ["x", "y"] * 8), budget=float("nan"))
