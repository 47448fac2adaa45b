"""The public surface is a list, and importing it is cheap."""

from __future__ import annotations

import importlib

import pytest

import spacetune


def test_the_list() -> None:
    assert spacetune.__all__ == [
        "Encoder",
        "LabelledTexts",
        "LinearProbe",
        "PrefixSimplexClassifier",
        "SpaceClassifier",
        "SpaceEncoder",
        "SpaceRegressor",
        "SpacetuneError",
        "compare",
        "dissect",
        "few_shot",
        "list_measures",
        "measure",
        "read_texts",
        "render",
    ]


def test_every_name_is_there() -> None:
    for name in spacetune.__all__:
        assert getattr(spacetune, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'encoder'; it has Encoder"):
        _ = spacetune.encoder


def test_rooms_that_moved_are_found_with_a_warning() -> None:
    with pytest.warns(FutureWarning, match=r"spacetune\.training is spacetune\.fitting now"):
        from spacetune import training  # pyright: ignore[reportAttributeAccessIssue]
    assert training.Schedule is importlib.import_module("spacetune.fitting").Schedule
