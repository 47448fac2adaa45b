"""With its factors held, every encoder's states are exact sums of what the input's tokens and the biases bring."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dissection.conftest import VARIANTS, name_of
from encoders.conftest import SINGLES, Made
from spacetune import Encoder
from spacetune.encoders import LoraVertices, PrefixStates, held_runs
from spacetune.encoders.passes.held import HeldPass, InputParts, carried_back
from spacetune.encoders.token_features import TokenFeatures
from spacetune.errors import UnsupportedByFamily

BOUND = {"float32": 1e-5, "float64": 1e-12}
LAYERS = (0, 2, 3)


def runs(encoder: Encoder, dtype: str, **options: Any) -> list[tuple[TokenFeatures, HeldPass]]:
    with torch.no_grad():
        return [*held_runs(encoder, SINGLES, LAYERS, dtype=dtype, **options)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("variant", VARIANTS, ids=name_of)
def test_what_the_input_brings_adds_up(made: Made, variant: tuple[str, dict[str, Any]], dtype: str) -> None:
    encoder = Encoder.from_pretrained(made(variant[0], **variant[1]), dtype=dtype).single_pass
    ((features, held),) = runs(encoder, dtype)
    own = encoder.encode(SINGLES, layers=LAYERS).values
    torch.testing.assert_close(features.values, own, atol=2e-5, rtol=1e-5)
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(2, *own.shape, generator=generator, dtype=own.dtype)
    parts = held.pull(gradients)
    wanted = (gradients * features.values).sum((1, 2, 3))
    scale = (gradients * features.values).abs().sum((1, 2, 3))
    for seen in (parts.total, parts.along):
        assert ((seen.sum(1) - wanted).abs() / scale).max() <= BOUND[dtype]
    assert all(part.abs().max() > 0 for part in (parts.words, parts.along))


class Counted:
    """A pass that says how many outputs it carries back."""

    def __init__(self, held: HeldPass) -> None:
        self.held, self.outputs = held, list[int]()

    @property
    def states(self) -> torch.Tensor:
        return self.held.states

    def pull(self, gradients: torch.Tensor) -> InputParts:
        self.outputs.append(len(gradients))
        return self.held.pull(gradients)


def test_of_two_outputs_that_mirror_each_other_one_is_carried_back(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("bert"), dtype="float32").single_pass
    ((features, held),) = runs(encoder, "float32")
    one = torch.randn(1, *features.values.shape, generator=torch.Generator().manual_seed(0))
    both = torch.cat([one, -one])
    counted = Counted(held)
    mirrored, plain = carried_back(counted, both), held.pull(both)
    for name in ("words", "places", "biases", "along"):
        torch.testing.assert_close(getattr(mirrored, name), getattr(plain, name), atol=1e-5, rtol=1e-5)
    assert mirrored.prefix is None
    nearly = both.clone()
    nearly[1, 0, 0, 0] += 1e-4
    parts = [carried_back(counted, each) for each in (nearly, one, torch.cat([one, -one, one]))]
    assert counted.outputs == [1, 2, 1, 3]
    assert [len(part.words) for part in parts] == [2, 1, 3]


def prefix_of(encoder: Encoder, *, shift: bool) -> PrefixStates:
    shape = encoder.prefixed.shape(3)
    values = torch.randn(
        shape.n_layers, 2, 1, shape.n_heads, 3, shape.head_dim, generator=torch.Generator().manual_seed(1)
    )
    return PrefixStates(values, shift)


@pytest.mark.parametrize(("family", "shift"), [("bert", False), ("roberta", True), ("mpnet", False), ("albert", False)])
def test_what_a_prefix_brings_is_a_part_of_its_own(made: Made, family: str, shift: bool) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32", max_length=40)
    prefix = prefix_of(encoder, shift=shift)
    ((features, held),) = runs(encoder, "float64", adapter=prefix)
    own = encoder.encode(SINGLES, layers=LAYERS, prefix=prefix).values
    torch.testing.assert_close(features.values.float(), own, atol=2e-5, rtol=1e-5)
    gradients = torch.randn(2, *own.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parts = held.pull(gradients)
    assert parts.prefix is not None
    assert parts.prefix.abs().max() > 0.1
    wanted = (gradients * features.values).sum((1, 2, 3))
    for seen in (parts.total, parts.along):
        torch.testing.assert_close(seen.sum(1), wanted, atol=1e-9, rtol=1e-9)


def test_a_low_rank_adapter_is_merged_into_the_weights(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("bert"), dtype="float32").single_pass
    vertices = LoraVertices(encoder.prefixed.lora_shape(2), 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        vertices.up.normal_(generator=torch.Generator().manual_seed(1))
    adapter = vertices.centroid()
    ((features, _),) = runs(encoder, "float32", adapter=adapter)
    own = encoder.encode(SINGLES, layers=LAYERS, prefix=adapter).values
    torch.testing.assert_close(features.values, own.detach(), atol=2e-5, rtol=1e-4)
    assert (own - encoder.encode(SINGLES, layers=LAYERS).values).abs().max() > 0.01


def test_long_texts_go_window_by_window_and_many_texts_run_by_run(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder.from_pretrained(made("bert"), dtype="float32", max_length=12, max_windows=4)
    monkeypatch.setattr("spacetune.encoders.held.TOKENS", 2)
    found = runs(encoder, "float32")
    assert len(found) > 2
    whole, own = TokenFeatures.concat([features for features, _ in found]), encoder.encode(SINGLES, layers=LAYERS)
    torch.testing.assert_close(whole.values, own.values, atol=2e-5, rtol=1e-5)
    assert torch.equal(whole.offsets, own.offsets)
    assert own.truncated is not None
    assert whole.truncated is not None
    assert torch.equal(whole.truncated, own.truncated)
    assert whole.truncated.any()


def test_a_text_is_carried_back_alone_as_among_others(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("mpnet"), dtype="float64").single_pass
    ((features, held),) = runs(encoder, "float64")
    gradients = torch.ones(1, *features.values.shape, dtype=torch.float64)
    together = held.pull(gradients)
    text = 2
    ((_, alone),) = held_runs(encoder, SINGLES[text : text + 1], LAYERS, dtype="float64")
    here = slice(int(features.offsets[text]), int(features.offsets[text + 1]))
    parts = alone.pull(gradients[:, here])
    torch.testing.assert_close(parts.words, together.words[:, here], atol=1e-11, rtol=1e-11)
    torch.testing.assert_close(parts.along, together.along[:, here], atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("family", ["deberta", "xlnet"])
def test_what_is_not_known_as_a_sum_is_refused(made: Made, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32")
    with pytest.raises(UnsupportedByFamily, match=f'input of {family} encoders.* take at="states", or one of bert'):
        runs(encoder, "float32")


def test_a_prefix_before_a_stream_is_refused(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("llama"), dtype="float32", max_length=40)
    with pytest.raises(UnsupportedByFamily, match="scores under a prefix cannot be carried to the input of llama"):
        runs(encoder, "float32", adapter=prefix_of(encoder, shift=False))


def test_listening_leaves_the_encoder_as_it_was(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("llama"), dtype="float32").single_pass
    before = encoder.encode(SINGLES).values
    runs(encoder, "float32")
    assert torch.equal(encoder.encode(SINGLES).values, before)
    assert encoder.loaded.model.config._attn_implementation == "sdpa"
