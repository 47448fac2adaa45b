"""For every family the terms add up to the model's own states, and the finer parts to the terms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from encoders.conftest import SINGLES, Made, model_type
from spacetune import Encoder
from spacetune.dissection import Dissection, Split, dissect
from spacetune.encoders.families import FAMILIES, family_of
from spacetune.errors import UnsupportedByFamily

from .conftest import TEXTS, VARIANTS, name_of

BOUND = {"float32": 1e-4, "float64": 1e-10}
VARIANT = pytest.mark.parametrize("variant", VARIANTS, ids=name_of)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@VARIANT
def test_terms_add_up_to_the_models_own_states(made: Made, variant: tuple[str, dict[str, Any]], dtype: str) -> None:
    encoder = Encoder.from_pretrained(made(variant[0], **variant[1]), dtype=dtype)
    found = dissect(encoder, SINGLES, "all", dtype=dtype)
    assert found.terms.dtype is getattr(torch, dtype)
    assert found.residual() <= BOUND[dtype]
    torch.testing.assert_close(found.importance().sum(2), torch.ones_like(found.states[:, :, 0]), atol=1e-5, rtol=0)
    states = encoder.encode(SINGLES, layers="all").values
    torch.testing.assert_close(found.states, states, atol=1e-5, rtol=1e-5)
    if dtype == "float64" and family_of(model_type(variant[0])).parts is not None:
        torch.testing.assert_close(found.states, states, atol=1e-12, rtol=1e-12)


def assert_consistent(split: Split, states: Tensor) -> None:
    """Hold products and squares, worked out without vectors, to the vectors."""
    assert split.vectors is not None
    whole = states.reshape(len(states), *[1] * (split.vectors.dim() - 2), -1)
    tight = {"atol": 1e-12, "rtol": 1e-12}
    torch.testing.assert_close((split.vectors * whole).sum(-1), split.dots, **tight)
    torch.testing.assert_close(split.vectors.square().sum(-1), split.squares, **tight)
    torch.testing.assert_close(states.square().sum(1), split.whole, **tight)


def attending(split: Split) -> Tensor:
    """Return the token that every pair belongs to."""
    return torch.repeat_interleave(
        torch.arange(int(split.lengths.sum())), torch.repeat_interleave(split.lengths, split.lengths)
    )


def assert_parts_add_up(found: Dissection) -> None:
    states, (_, attention, feed_forward, correction) = found.states[:, 0], found.terms[:, 0].unbind(1)
    tight = {"atol": 1e-12, "rtol": 1e-12}
    layer, head, pair, bias = (found.split(name) for name in ("layer", "head", "attended", "bias"))
    for split in (layer, head, bias):
        assert_consistent(split, states)
    assert_consistent(pair, states[attending(pair)])
    assert layer.vectors is not None
    assert head.vectors is not None
    assert pair.vectors is not None
    assert bias.vectors is not None
    torch.testing.assert_close(layer.vectors.sum(2), torch.stack([attention, feed_forward], 1), **tight)
    torch.testing.assert_close(head.vectors.sum(2), layer.vectors[:, 0], **tight)
    by_token = torch.zeros_like(head.vectors).index_add_(0, attending(pair), pair.vectors)
    torch.testing.assert_close(by_token, head.vectors, **tight)
    torch.testing.assert_close(bias.vectors.sum(1), correction, **tight)


@VARIANT
def test_layers_heads_attended_tokens_and_biases_add_up_to_the_terms(
    made: Made, variant: tuple[str, dict[str, Any]]
) -> None:
    encoder = Encoder.from_pretrained(made(variant[0], **variant[1]), dtype="float64")
    every = ["layer", "head", "attended", "bias"]
    assert_parts_add_up(dissect(encoder, TEXTS, -1, splits=every, vectors=True, dtype="float64"))
    assert_parts_add_up(dissect(encoder, TEXTS[:2], 2, splits=every, vectors=True, dtype="float64"))


def test_every_supported_architecture_is_tested() -> None:
    known = [family for family in FAMILIES if "dissect" in family.supports]
    listed = {name for family in known for name in family.model_types}
    assert listed == {model_type(name) for name, _ in VARIANTS}
    assert all("dissect" in family_of(name).supports for name in listed)


@pytest.mark.parametrize("family", ["deberta", "xlnet", "fnet", "roformer"])
def test_what_is_not_known_to_be_exact_is_refused(made: Made, family: str) -> None:
    assert "dissect" not in family_of(family).supports
    with pytest.raises(UnsupportedByFamily, match=f"{family} encoders cannot be dissected.* needs one of bert, "):
        dissect(Encoder.from_pretrained(made(family), dtype="float32"), TEXTS)


@pytest.mark.parametrize("family", ["bert", "gpt_neox"])
def test_a_text_is_the_same_alone_and_among_others(made: Made, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float64")
    together = dissect(encoder, SINGLES, "all", dtype="float64")
    for i in (1, 3, 4):
        alone = dissect(encoder, [SINGLES[i]], "all", dtype="float64")
        rows = slice(int(together.offsets[i]), int(together.offsets[i + 1]))
        torch.testing.assert_close(alone.terms, together.terms[rows], atol=1e-12, rtol=1e-12)


def test_listening_leaves_the_encoder_as_it_was(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("llama"), dtype="float32")
    before = encoder.encode(TEXTS).values
    model = encoder.loaded.model
    hooks = [len(module._forward_hooks) for module in model.modules()]  # transformers has its own
    dissect(encoder, TEXTS, splits=["attended"])
    assert torch.equal(encoder.encode(TEXTS).values, before)
    assert [len(module._forward_hooks) for module in model.modules()] == hooks
    assert model.config._attn_implementation == "sdpa"
