"""Layers above a frozen part: the frozen pass's states, the padded pass's gradients, and what is saved of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spacetune import Encoder
from spacetune.encoders import Prefix, TokenFeatures, UpperLayers, tuned
from spacetune.encoders.adapters.layers import module_parts
from spacetune.encoders.families import family_of, parts_of
from spacetune.encoders.loading.load import load_model
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.passes.padded import PaddedEncoder
from spacetune.errors import UnsupportedByFamily, UsageError

from .conftest import CONFIGS, SINGLES, Made, model_type

PARTED = [name for name in CONFIGS if family_of(model_type(name)).parts is not None and not name.startswith("albert")]
TEXTS = ["a word", "many words " * 40, "one", "some more words than one", "a few words " * 20]


def both(made: Made, family: str, above: int) -> tuple[Encoder, UpperLayers, TokenFeatures]:
    encoder = Encoder.from_pretrained(made(family), dtype="float32").single_pass
    return encoder, UpperLayers(encoder, above), encoder.encode(SINGLES, layers="all")


@pytest.mark.parametrize("family", PARTED)
@pytest.mark.parametrize("above", [0, 1])
def test_untrained_they_give_the_frozen_states(made: Made, family: str, above: int) -> None:
    _, upper, frozen = both(made, family, above)
    with torch.no_grad():
        found = upper(frozen)
    torch.testing.assert_close(found.values, frozen.values, atol=1e-5, rtol=1e-5)
    assert found.provenance == frozen.provenance


def test_only_the_layers_asked_for_come_back(encoder: Encoder) -> None:
    frozen = encoder.encode(TEXTS, layers=(0, encoder.n_layers))
    found = UpperLayers(encoder, 0)(frozen)
    assert found.values.shape == frozen.values.shape
    assert found.values[:, 0].equal(frozen.values[:, 0].float())


def padded_states(model: torch.nn.Module, encoder: Encoder, texts: list[str]) -> Tensor:
    tokenized = encoder.tokenize(texts)
    ids, segments = torch.from_numpy(tokenized.token_ids), torch.from_numpy(tokenized.segment_ids)
    batch = PackedBatch(ids, segments, tokenized.lengths.tolist())
    return PaddedEncoder(model, uses_segments=True).hidden_states(batch, (encoder.n_layers,))[0]


@pytest.mark.slow
def test_loss_curves_are_those_of_the_padded_float32_pass(encoder: Encoder) -> None:
    above, frozen = 1, Encoder.from_pretrained(encoder.source.folder, dtype="float32").single_pass
    model = load_model(frozen.source, torch.float32)[0].eval().requires_grad_(False)
    layers = parts_of(model).layers[above:]
    own = [p.requires_grad_() for layer in layers for part in module_parts(layer).values() for p in part.parameters()]
    upper, features = UpperLayers(frozen, above), frozen.encode(TEXTS, layers="all")
    goal = torch.randn(len(features.values), frozen.dim, generator=torch.Generator().manual_seed(0))
    curves: list[list[float]] = []
    for parameters, states in (
        (own, lambda: padded_states(model, frozen, TEXTS)),
        (list(upper.parameters()), lambda: upper(features).values[:, -1]),
    ):
        optimizer, curve = torch.optim.AdamW(parameters, lr=1e-3), []
        for _ in range(8):
            loss = (states() - goal).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
        curves.append(curve)
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)
    assert curves[0][-1] < 0.95 * curves[0][0]


def test_gradients_stay_within_a_text(encoder: Encoder) -> None:
    upper, frozen = UpperLayers(encoder, 1), encoder.encode(TEXTS, layers="all")
    below = frozen.values.float().requires_grad_()
    found = upper(dataclasses.replace(frozen, values=below))
    start, stop = frozen.offsets[2:4].tolist()
    found.values[start:stop, -1].square().sum().backward()
    assert below.grad is not None
    touched = below.grad.abs().sum((1, 2)).nonzero().flatten()
    assert touched.min() >= start
    assert touched.max() < stop


def trained(encoder: Encoder, above: int) -> UpperLayers:
    upper = UpperLayers(encoder, above)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in upper.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return upper


@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=pytest.mark.slow)])
def test_what_was_learned_is_added_to_a_copy_of_the_encoder(encoder: Encoder, dtype: str) -> None:
    held = Encoder.from_pretrained(encoder.source.folder, dtype=dtype)
    before = held.encode(TEXTS, layers="all").values
    upper = trained(held, 1)
    changes = upper.changes()
    upper.put(changes)
    made = tuned(held, changes)
    assert made is tuned(held, changes)
    assert (made.n_layers, made.dim, made.dtype, made.longest) == (held.n_layers, held.dim, held.dtype, held.longest)
    with torch.no_grad():
        expected = upper(held.encode(TEXTS, layers="all")).values
    close = {"atol": 1e-5, "rtol": 1e-5} if dtype == "float32" else {"atol": 0.1, "rtol": 0.1}
    torch.testing.assert_close(made.encode(TEXTS, layers="all").values.float(), expected, **close)
    assert held.encode(TEXTS, layers="all").values.equal(before)
    assert made.source.sha256 not in ("", held.source.sha256)
    assert "tuned above layer 1" in made.name


def test_one_is_made_for_every_way_of_reading(encoder: Encoder) -> None:
    first = Encoder.from_pretrained(encoder.source.folder, dtype="bfloat16")
    second = Encoder.from_pretrained(encoder.source.folder, dtype="float32", max_windows=3)
    upper = trained(second, 1)
    changes = upper.changes()
    made = [tuned(each, changes) for each in (first, second)]
    assert [each.dtype for each in made] == [torch.bfloat16, torch.float32]
    assert [each.max_windows for each in made] == [first.max_windows, 3]


@pytest.mark.slow
def test_a_tuned_encoder_that_was_read_without_transformers_is_a_whole_one(tmp_path: Path) -> None:
    held = Encoder.from_pretrained(dtype="float32")
    before = held.encode(TEXTS).values
    made = tuned(held, trained(held, held.n_layers - 1).changes())
    expected = made.encode(TEXTS, layers="all").values
    made.save_pretrained(tmp_path / "e")
    again = Encoder.from_pretrained(tmp_path / "e", dtype="float32", max_length=made.max_length, max_windows=16)
    torch.testing.assert_close(again.encode(TEXTS, layers="all").values, expected, atol=1e-5, rtol=1e-5)
    shape = made.prefixed.shape(0)
    nothing = Prefix(torch.zeros(shape.n_layers, 2, shape.n_heads, 0, shape.head_dim)).states()
    short = TEXTS[:1]
    under = made.encode(short, prefix=nothing).values
    torch.testing.assert_close(under, made.encode(short).values, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(under, held.encode(short).values, atol=1e-2)
    assert held.encode(TEXTS).values.equal(before)


def test_changes_are_rounded_matrices_and_whole_vectors(encoder: Encoder) -> None:
    upper = trained(encoder, 1)
    exact = {name: p.detach().clone() for name, p in upper.named_parameters()}
    changes = upper.changes()
    kinds = {tensor.dim(): tensor.dtype for tensor in changes.tensors.values()}
    assert kinds == {1: torch.float32, 2: torch.bfloat16}
    assert {int(name.split(".")[0]) for name in changes.tensors} == set(range(2, encoder.n_layers + 1))
    upper.put(changes)
    gaps = [(p - exact[name]).abs().max().item() for name, p in upper.named_parameters()]
    assert 0 < max(gaps) < 0.1 / 64
    with torch.no_grad():
        for parameter in upper.parameters():
            parameter.add_(1)
    upper.put(changes)
    assert gaps == [(p - exact[name]).abs().max().item() for name, p in upper.named_parameters()]


def test_dropout_is_drawn_from_its_own_seed_and_only_while_training(encoder: Encoder) -> None:
    upper, frozen = UpperLayers(encoder, 0, dropout=0.5), encoder.encode(TEXTS, layers="all")

    def states(seed: int) -> Tensor:
        upper.reseed(torch.Generator().manual_seed(seed))
        with torch.no_grad():
            return upper(frozen).values

    before = torch.get_rng_state()
    assert states(1).equal(states(1))
    assert not states(1).equal(states(2))
    assert torch.equal(before, torch.get_rng_state())
    upper.eval()
    torch.testing.assert_close(states(1), frozen.values.float(), atol=1e-4, rtol=1e-4)


def test_what_cannot_be_tuned_is_refused(made: Made, encoder: Encoder) -> None:
    for above in (-1, encoder.n_layers):
        with pytest.raises(UsageError, match=rf"has {encoder.n_layers} layers: 1 to {encoder.n_layers} can be tuned"):
            UpperLayers(encoder, above)
    with pytest.raises(UnsupportedByFamily, match="share their weights"):
        UpperLayers(Encoder.from_pretrained(made("albert")), 1)
    with pytest.raises(UnsupportedByFamily, match="bert"):
        UpperLayers(Encoder.from_pretrained(made("modernbert")), 1)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.001])
def test_what_is_left_out_is_made_up_for(encoder: Encoder, share: float) -> None:
    upper = UpperLayers(encoder, 5, dropout=share).train()
    upper.reseed(torch.Generator().manual_seed(0))
    told = upper._left_out(torch.ones(1001, 301))
    least = max(1, round(256 * share))
    assert told.unique().tolist() == pytest.approx([0.0, 256 / (256 - least)])
    assert (told == 0).float().mean().item() == pytest.approx(least / 256, abs=0.003)
    assert told.mean().item() == pytest.approx(1, abs=0.01)
    assert (told[:, :8] == 0).float().mean(0).std() < 0.03  # no byte of a word is special
