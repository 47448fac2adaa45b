"""`residual` finds the one number that does not add up, wherever it stands."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from spacetune.dissection import Dissection
from spacetune.encoders import Provenance

WHERE = Provenance("made up", "test", None, "0", (0, 1), "float64", 10)


def made(n_tokens: int = 9000) -> Dissection:
    generator = torch.Generator().manual_seed(0)
    terms = torch.randn(n_tokens, 2, 4, 3, generator=generator, dtype=torch.float64)
    offsets = torch.tensor([0, n_tokens])
    return Dissection(terms, terms.sum(2), offsets, torch.zeros(n_tokens, dtype=torch.long), WHERE, (), {})


@pytest.mark.parametrize("token", [0, 4095, 4096, 8999])
@pytest.mark.parametrize("by", [0.5, -0.5])
def test_one_wrong_number_is_found(token: int, by: float) -> None:
    whole = made()
    assert whole.residual() < 1e-12
    states = whole.states.clone()
    states[token, 1, 2] += by
    assert dataclasses.replace(whole, states=states).residual() == pytest.approx(0.5)


def test_no_token_leaves_nothing() -> None:
    assert made(0).residual() == 0.0
