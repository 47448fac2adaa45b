"""Layers that were trained are scored as they are saved, and left alone where that helps nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from tests.estimators.marked import texts_with_marks

from spacetune import Encoder
from spacetune.encoders import tuned
from spacetune.fitting import FitData, FrozenInputs, SingleLabel
from spacetune.fitting.layers import LayerSettings, fit_layers, tuning_schedule
from spacetune.fitting.spaces import HeadSettings, TunedSpaces, new_heads, starts_of

SPACES = HeadSettings(4, 0.0, 0.0, "labelled", 0.0, 0.01, 0.0, 0)


def fitted(encoder: Encoder, rate: float, head_rate: float) -> tuple[Any, FitData]:
    texts, labels = texts_with_marks(96)
    task = SingleLabel([0, 1])
    features = [FrozenInputs(encoder.encode(part, layers=(1, 2)), part) for part in (texts[:64], texts[64:])]
    data = FitData(features[0], task.targets(labels[:64]), features[1], task.targets(labels[64:]))
    [head] = new_heads(features[0], task.prior(data.targets), starts_of([SPACES]))
    settings = LayerSettings(1, rate, head_rate)
    schedule = tuning_schedule(64, 6, 8, None, "macro_f1", 0)
    return fit_layers(encoder, data, TunedSpaces(head, SPACES, task), settings, task, schedule), data


def test_dev_is_read_as_the_saved_layers_read_it(tiny_encoder: Encoder) -> None:
    encoder = tiny_encoder.single_pass
    found, data = fitted(encoder, 0.05, 0.01)
    assert found.changes is not None
    assert found.share == found.history.best_epoch / 6
    read = found.data.dev.take(torch.arange(32)).values
    saved = tuned(encoder, found.changes).encode(data.dev.texts, layers=(1, 2)).values
    torch.testing.assert_close(read.detach(), saved, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(saved, data.dev.take(torch.arange(32)).values, atol=0.1)


def test_where_nothing_is_gained_nothing_is_added(tiny_encoder: Encoder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "spacetune")
    found, data = fitted(tiny_encoder.single_pass, 0.0, 0.0)
    assert (found.changes, found.share, found.history.best_epoch) == (None, 0.0, 0)
    assert found.data is data
    assert "no epoch of the tuning did better on dev than the frozen encoder" in caplog.text


def test_the_length_of_a_tuning() -> None:
    usual = {n: tuning_schedule(n, None, None, None, "macro_f1", 0) for n in (20, 200, 2_000, 20_000)}
    assert {n: (s.batch_size, s.n_epochs) for n, s in usual.items()} == {
        20: (4, 10), 200: (12, 10), 2_000: (32, 4), 20_000: (32, 3),
    }  # fmt: skip
    named = tuning_schedule(2_000, 7, 16, 2, "r2", 5)
    assert (named.n_epochs, named.batch_size, named.patience, named.monitor, named.seed) == (7, 16, 2, "r2", 5)


def test_a_tuned_encoder_is_made_for_each_length(tiny_encoder: Encoder) -> None:
    found, _ = fitted(tiny_encoder.single_pass, 0.05, 0.01)
    assert found.changes is not None
    shorter = Encoder.from_pretrained(tiny_encoder.source.folder, dtype="float32", max_length=16)
    assert tuned(tiny_encoder.single_pass, found.changes).max_length == tiny_encoder.max_length
    assert tuned(shorter, found.changes).max_length == 16
