"""Tiny random models of every family that can be dissected, and their dissections."""

from __future__ import annotations

from typing import Any

import pytest

from encoders.conftest import made  # noqa: F401 - a fixture
from spacetune.dissection import Dissection, dissect

TEXTS = [
    "Hello",
    "my card was charged twice and nobody answers " * 4,
    "where is it?",
    "Crème brûlée 🍮 — שלום, 日本!",
]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("bert", {}),
    ("roberta", {}),
    ("xlm-roberta", {}),
    ("camembert", {}),
    ("electra", {}),
    ("electra-narrow", {}),
    ("distilbert", {}),
    ("mpnet", {}),
    ("albert", {}),
    ("albert-groups", {}),
    ("gpt2", {}),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
    ("gpt_neox", {}),
    ("gpt_neox", {"use_parallel_residual": False, "attention_bias": False}),
    ("llama", {}),
    ("llama", {"attention_bias": True, "mlp_bias": True}),
    ("mistral", {}),
    ("qwen2", {}),
    ("qwen3", {}),
    ("eurobert", {}),
    ("modernbert", {}),
    ("modernbert", {"attention_bias": True, "mlp_bias": True, "norm_bias": True}),
]


def name_of(variant: tuple[str, dict[str, Any]]) -> str:
    return "-".join([variant[0], *variant[1]])


@pytest.fixture(scope="session")
def sentence() -> Dissection:
    return dissect(None, ["The river bank was flooded after three days of heavy rain."], "all")
