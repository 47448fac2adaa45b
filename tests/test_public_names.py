"""The public surface is a list, and importing it is cheap."""

from __future__ import annotations

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
