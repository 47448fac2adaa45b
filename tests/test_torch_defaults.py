"""What the caller made torch's defaults (a dtype, a device) changes nothing, and is as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.tiny_encoder import save_tiny_encoder

from spacetune import Encoder, LinearProbe, SpaceClassifier, dissect, measure
from spacetune.studies import demo_texts

TRAIN, TEXTS = demo_texts("train").take(range(24)), demo_texts("test").texts[:6]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(save_tiny_encoder(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[Any]:
    return answers(folder)


def answers(folder: Path) -> list[Any]:
    """What is computed through every door, as arrays."""
    encoder = Encoder.from_pretrained(folder, dtype="float32")
    found: list[Any] = [encoder.encode(TEXTS).values.numpy(), dissect(encoder, TEXTS).importance().numpy()]
    settings: dict[str, Any] = {"n_epochs": 2, "n_latent": 4, "store": None}
    for model in (
        SpaceClassifier(encoder, **settings),
        LinearProbe(encoder, store=None),
        SpaceClassifier(encoder, inside="top", inside_size=1, **settings),
        SpaceClassifier(encoder, inside="lora", inside_size=1, **settings),
    ):
        model.fit(TRAIN.texts, TRAIN.labels).refit(TRAIN.texts, TRAIN.labels)
        found += [model.predict_logits(TEXTS), model.explain(TEXTS)[0].token_scores]
    place = folder.with_name("model")
    if not place.exists():
        model.save_pretrained(place)
    loaded = type(model).from_pretrained(place)
    found += [loaded.predict_logits(TEXTS), loaded.explain(TEXTS)[0].token_scores]
    return [*found, [list(row.values()) for row in measure(encoder, TRAIN.texts, measures=["vrm"], store=None).rows()]]


@pytest.fixture(params=["float64", "bfloat16", "meta"])
def defaults(request: pytest.FixtureRequest, expected: list[Any]) -> Iterator[tuple[torch.dtype, torch.device]]:
    if request.param == "meta":
        torch.set_default_device("meta")
    else:
        torch.set_default_dtype(getattr(torch, request.param))
    yield torch.get_default_dtype(), torch.get_default_device()
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


def test_defaults_set_in_torch_change_nothing(
    defaults: tuple[torch.dtype, torch.device], expected: list[Any], folder: Path
) -> None:
    for found, usual in zip(answers(folder), expected, strict=True):
        assert np.array_equal(found, usual)
    assert (torch.get_default_dtype(), torch.get_default_device()) == defaults
