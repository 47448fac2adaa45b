"""Held to the official code (TimotheeMickus/bert-splat at 3c89b9a) on the default encoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spacetune import Encoder
from spacetune.dissection import Dissection, dissect
from spacetune.dissection.terms import Gains
from spacetune.encoders.passes.frozen import batches

NAMES = {"ipt": "input", "mha": "attention", "ff": "feed_forward", "norm": "correction"}
CLOSE: dict[str, Any] = {"atol": 1e-5, "rtol": 0}
Stored = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def stored(shared: Path) -> Stored:
    return np.load(shared / "golden" / "dissection" / "reference.npz")


@pytest.fixture(scope="module")
def sentences(shared: Path) -> list[str]:
    return json.loads((shared / "golden" / "dissection" / "sentences.json").read_text())["sentences"]


@pytest.fixture(scope="module")
def first(encoder: Encoder, sentences: list[str]) -> Dissection:
    return dissect(encoder, sentences[:1], splits=["layer", "head", "attended", "bias"])


def test_terms_and_hidden_states_at_every_layer(encoder: Encoder, stored: Stored, sentences: list[str]) -> None:
    found = dissect(encoder, sentences, "all")
    for i in range(len(sentences)):
        rows = slice(int(found.offsets[i]), int(found.offsets[i + 1]))
        assert found.token_ids[rows].tolist() == stored[f"s{i}_input_ids"].tolist()
        for layer in range(encoder.n_layers + 1):
            np.testing.assert_allclose(found.states[rows, layer], stored[f"s{i}_layer{layer}_hidden"], **CLOSE)
            for theirs, ours in NAMES.items():
                expected = stored.get(f"s{i}_layer{layer}_{theirs}", np.float32(0))  # absent: zero
                np.testing.assert_allclose(found.term(ours)[rows, layer], expected, **CLOSE)


def test_input_importance(first: Dissection, stored: Stored) -> None:
    np.testing.assert_allclose(first.importance()[:, 0, 0], stored["s0_ipt_importance"], **CLOSE)


def test_feed_forward_importance_by_layer(first: Dissection, stored: Stored) -> None:
    """The official one keeps the output bias, which is correction here."""
    bias = first.split("bias")
    found = first.split("layer").importance()[:, 1].T.clone()
    for i in range(6):
        found[i] += bias.importance()[:, bias.labels.index(f"layer {i + 1} feed forward output")]
    np.testing.assert_allclose(found, stored["s0_ff_layer_importance"], **CLOSE)


def test_norm_importance(first: Dissection, stored: Stored) -> None:
    bias = first.split("bias")
    names = ["embeddings"] + [f"layer {i} {kind}" for i in range(1, 7) for kind in ("attention", "feed forward")]
    found = [
        bias.importance()[:, bias.labels.index(f"{name} norm shift")]
        + bias.importance()[:, bias.labels.index(f"{name} norm mean")]
        for name in names
    ]
    np.testing.assert_allclose(torch.stack(found), stored["s0_norm_importance"], **CLOSE)


def test_head_importance(encoder: Encoder, first: Dissection, stored: Stored, sentences: list[str]) -> None:
    """The official fine-grained pass divides by the attended token's standard deviations instead of the token's own.

    So its heads do not add up to its own coarse attention term. With that put in, they are ours.
    """
    ours = first.split("attended").of_text(0).permute(2, 3, 0, 1)
    tokenized = encoder.tokenize(sentences[:1])
    ((_, _, batch),) = batches(tokenized, 100, encoder.device, mixed=True)
    with torch.inference_mode():
        gains = Gains(encoder.tracer("float32").trace(batch, [6]).additions)
    rates = torch.stack([rate for rate in gains.rate[0:12:2] if rate is not None])
    official = ours / rates[:, None, :, None] * rates[:, None, None, :]
    np.testing.assert_allclose(official, stored["s0_head_importance"], **CLOSE)
    own = torch.arange(14)
    np.testing.assert_allclose(ours[:, :, own, own], stored["s0_head_importance"][:, :, own, own], **CLOSE)
    coarse = first.importance()[:, 0, 1]
    np.testing.assert_allclose(ours.sum((0, 1, 3)), coarse, **CLOSE)
    assert np.abs(stored["s0_head_importance"].sum((0, 1, 3)) - coarse.numpy()).max() > 0.1
