"""Which layers come back, and that no more than needed is computed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from spacetune import Encoder
from spacetune.errors import UsageError

from .conftest import SINGLES, Made
from .test_batching import products


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (0, (0,)),
        (3, (3,)),
        (-1, (3,)),
        (-4, (0,)),
        ([2, 0], (0, 2)),
        ([3, -1, 1], (1, 3)),
        (range(1, 3), (1, 2)),
        ("all", (0, 1, 2, 3)),
    ],
)
def test_choices(tiny: Encoder, asked: Any, given: tuple[int, ...]) -> None:
    assert tiny.resolve_layers(asked) == given
    features = tiny.encode(SINGLES, layers=asked)
    assert features.shape == (len(given), 32)
    assert features.provenance is not None
    assert features.provenance.layers == given


@pytest.mark.parametrize("asked", [4, -5, [0, 9]])
def test_a_layer_that_does_not_exist(tiny: Encoder, asked: Any) -> None:
    wrong = asked[1] if isinstance(asked, list) else asked
    with pytest.raises(UsageError, match=rf"has layers 0 \(embeddings\) to 3, asked for {wrong}$"):
        tiny.encode(["a"], layers=asked)


@pytest.mark.parametrize("asked", ["last", [], [1.5], ["1"]])
def test_what_is_no_choice_of_layers(tiny: Encoder, asked: Any) -> None:
    with pytest.raises(UsageError, match="layers must be a number, a list of numbers or 'all', got"):
        tiny.encode(["a"], layers=asked)


@pytest.mark.parametrize("family", ["bert", "mpnet", "albert-groups", "gpt2", "fnet"])
def test_several_layers_are_the_single_ones_side_by_side(made: Made, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32")
    together = encoder.encode(SINGLES, layers="all").values
    alone = [encoder.encode(SINGLES, layers=layer).values for layer in range(encoder.n_layers + 1)]
    torch.testing.assert_close(together, torch.cat(alone, dim=1), atol=1e-5, rtol=1e-5)
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(alone))


def test_no_layer_above_the_highest_asked_one_is_computed(tiny: Encoder) -> None:
    costs = [products(tiny, SINGLES, layer) for layer in range(4)]
    assert costs[0] == 0
    assert costs[1] > 0
    assert costs[2] == 2 * costs[1]
    assert costs[3] == 3 * costs[1]
    assert products(tiny, SINGLES, [0, 1]) == costs[1]
    assert products(tiny, SINGLES, "all") == costs[3]
