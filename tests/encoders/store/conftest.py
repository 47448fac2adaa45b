"""A store, a few texts, and a tiny encoder whose passes are counted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from spacetune import Encoder
from spacetune.encoders import FeatureStore, TokenFeatures
from spacetune.encoders.store import settings, turns

TEXTS = [f"text number {i} about {'cards' if i % 2 else 'trains'}" for i in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path)


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_told", set())
    monkeypatch.setattr(turns, "_impatient", set())


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each pass of the encoder was given."""
    seen: list[int] = []
    original = Encoder.encode_runs

    def watch(self: Encoder, inputs: Any, **options: Any) -> Iterator[TokenFeatures]:
        if len(inputs):
            seen.append(len(inputs))
        return original(self, inputs, **options)

    monkeypatch.setattr(Encoder, "encode_runs", watch)
    return seen


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """What was warned of so far."""
    with caplog.at_level(logging.WARNING, logger="spacetune"):
        yield lambda: [record.getMessage() for record in caplog.records]


def take_all(source: Any) -> TokenFeatures:
    return source.take(torch.arange(len(source)))


def check_close(found: Any, expected: TokenFeatures) -> None:
    """Check features of texts that stood in other batches: the same to rounding."""
    torch.testing.assert_close(take_all(found).values, expected.values, atol=1e-5, rtol=1e-5)


def shards_of(place: Path) -> list[Path]:
    return sorted((place / "features").glob("*/*.safetensors"))


def litter_in(place: Path) -> list[str]:
    """Names in the store that are neither features nor what says whose they are."""
    named = (path.name for path in (place / "features").glob("*/*"))
    return [name for name in named if name != "about.txt" and not name.endswith(".safetensors")]
