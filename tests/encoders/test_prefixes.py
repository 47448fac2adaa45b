"""A prefix inside the encoder: against attention written out, against transformers' own cache, and the refusals."""

from __future__ import annotations

import inspect
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
import transformers

from spacetune import Encoder
from spacetune.encoders import PrefixStates
from spacetune.encoders.families import parts_of, types_that
from spacetune.errors import EncoderError, UnsupportedByFamily, UsageError

from .conftest import SINGLES, Made

WRITTEN_OUT = ["bert", "roberta", "electra-narrow", "distilbert", "mpnet", "albert", "albert-groups"]
OTHERS = ["modernbert", "eurobert", "ernie", "gpt2", "llama", "qwen2"]
TEXTS = [text for text in SINGLES if text]


def load(made: Made, family: str, **options: Any) -> Encoder:
    return Encoder.from_pretrained(made(family), dtype="float32", **options)


def random_prefix(
    encoder: Encoder, length: int = 5, batch: int = 1, shift: bool = False, seed: int = 0
) -> PrefixStates:
    shape = encoder.prefixed.shape(length)
    generator = torch.Generator().manual_seed(0)
    size = (shape.n_layers, 2, batch, shape.n_heads, length, shape.head_dim)
    return PrefixStates(torch.randn(size, generator=generator), shift)


def written_out(encoder: Encoder, text: str, prefix: PrefixStates) -> list[torch.Tensor]:
    """One text through the encoder's parts, every sum and softmax spelled out."""
    parts = parts_of(encoder.loaded.model)
    tokenized = encoder.tokenize([text])
    ids, segments = torch.from_numpy(tokenized.token_ids).long(), torch.from_numpy(tokenized.segment_ids).long()
    n, heads = len(ids), parts.n_heads
    x = parts.embedding_norm(parts.embed(ids, torch.arange(n), segments))
    x = x if parts.project is None else parts.project(x)
    states = [x]
    for depth, layer in enumerate(parts.layers):
        split = lambda h: h.view(n, heads, -1).transpose(0, 1)  # noqa: E731
        q, k, v = split(layer.query(x)), split(layer.key(x)), split(layer.value(x))
        pk, pv = prefix.pair(depth, 1)
        k, v = torch.cat([pk[0], k], 1), torch.cat([pv[0], v], 1)
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[2])
        if parts.attention_bias is not None:
            scores = scores + F.pad(parts.attention_bias(n), (prefix.shape.length, 0))
        mixed = (scores.softmax(2) @ v).transpose(0, 1).reshape(n, -1)
        x = layer.attention_norm(layer.attention_out(mixed) + x)
        x = layer.output_norm(layer.ff_out(layer.activation(layer.ff_in(x))) + x)
        states.append(x)
    return states


@pytest.mark.parametrize("family", WRITTEN_OUT)
def test_prefixed_states_are_attention_written_out(made: Made, family: str) -> None:
    encoder = load(made, family)
    prefix = random_prefix(encoder)
    found = encoder.encode(TEXTS, layers="all", prefix=prefix)
    with torch.no_grad():
        for i, text in enumerate(TEXTS):
            expected = torch.stack(written_out(encoder, text, prefix), dim=1)
            own = found.take(torch.tensor([i])).values
            torch.testing.assert_close(own, expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("family", [*WRITTEN_OUT, *OTHERS])
def test_zero_length_is_the_frozen_model(made: Made, family: str) -> None:
    encoder = load(made, family, max_windows=1)
    plain = encoder.encode(TEXTS, layers="all")
    empty = encoder.encode(TEXTS, layers="all", prefix=random_prefix(encoder, 0))
    torch.testing.assert_close(empty.values, plain.values, atol=1e-5, rtol=1e-5)
    under = encoder.encode(TEXTS, layers="all", prefix=random_prefix(encoder))
    assert torch.equal(under.values[:, 0], empty.values[:, 0])
    assert (under.values[:, -1] - empty.values[:, -1]).abs().max() > 1e-2


@pytest.mark.parametrize("family", [*WRITTEN_OUT, *OTHERS])
def test_rows_have_their_own_prefixes_and_gradients_reach_every_layer(made: Made, family: str) -> None:
    encoder = load(made, family)
    before = {k: v.clone() for k, v in encoder.prefixed.model.state_dict().items()}
    rows = random_prefix(encoder, batch=len(TEXTS))
    together = encoder.encode(TEXTS, layers="all", prefix=rows)
    for i, text in enumerate(TEXTS):
        alone = encoder.encode([text], layers="all", prefix=rows.take(torch.tensor([i])))
        torch.testing.assert_close(together.take(torch.tensor([i])).values, alone.values, atol=2e-5, rtol=1e-5)
    values = rows.values.clone().requires_grad_()
    every = torch.arange(len(TEXTS))
    features = encoder.prefixed.features(encoder.tokenize(TEXTS), every, PrefixStates(values), (encoder.n_layers,))
    features.values.square().sum().backward()
    assert values.grad is not None
    assert (values.grad.flatten(3).norm(dim=3) > 0).all()  # every layer, keys and values, every row
    after = encoder.prefixed.model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert not any(p.requires_grad or p.grad is not None for p in encoder.prefixed.model.parameters())


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "ernie"])
@pytest.mark.parametrize("shift", [False, True])
def test_equals_a_cache_of_transformers(made: Made, family: str, shift: bool) -> None:
    encoder = load(made, family, max_length=60)
    prefix = random_prefix(encoder, shift=shift)
    model = transformers.AutoModel.from_pretrained(made(family), attn_implementation="sdpa").eval()
    found = encoder.encode(TEXTS, layers=-1, prefix=prefix)
    cache_name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
    for i, text in enumerate(TEXTS):
        ids = torch.from_numpy(encoder.tokenize([text]).token_ids).long()[None]
        cache = transformers.DynamicCache([prefix.pair(layer, 1) for layer in range(3)])
        first = model.config.pad_token_id + 1 if family == "roberta" else 0
        positions = {} if shift else {"position_ids": torch.arange(ids.shape[1])[None] + first}
        with torch.no_grad():
            mask = torch.ones(1, 5 + ids.shape[1])
            states = model(ids, attention_mask=mask, **{cache_name: cache}, **positions).last_hidden_state
        torch.testing.assert_close(found.take(torch.tensor([i])).values[:, 0], states[0], atol=1e-5, rtol=1e-5)


def test_all_positions_stay_usable(made: Made) -> None:
    encoder = load(made, "bert", max_length=100)
    features = encoder.encode(["where is it " * 60], prefix=random_prefix(encoder, 30))
    assert features.lengths.tolist() == [100]
    with pytest.raises(UsageError, match=r"100 positions: with position_shift a prefix of 30 leaves 70"):
        encoder.prefixed.shape(30, position_shift=True)


@pytest.mark.parametrize("family", ["deberta", "deberta-v2", "xlnet", "roformer", "convbert", "fnet"])
def test_families_without_a_way_in_refuse(made: Made, family: str) -> None:
    with pytest.raises(UnsupportedByFamily, match=r"do not take a prefix.*these do: bert, roberta"):
        load(made, family).prefixed  # noqa: B018


def test_a_layer_that_ignores_its_prefix_is_noticed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(made, "bert")
    prefix = random_prefix(encoder)
    encoder.prefixed.model.set_attn_implementation("sdpa")  # swallows the prefix, as **kwargs do
    with pytest.raises(EncoderError, match="0 of 3 layers took the prefix"):
        encoder.encode(["a"], prefix=prefix)


def test_wrong_prefixes(made: Made) -> None:
    encoder = load(made, "bert")
    with pytest.raises(UsageError, match=r"got \(2, 3\)"):
        PrefixStates(torch.zeros(2, 3))
    with pytest.raises(UsageError, match="this encoder takes"):
        encoder.encode(["a"], prefix=PrefixStates(torch.zeros(2, 2, 1, 4, 5, 8)))
    with pytest.raises(UsageError, match="2 rows of prefixes were given for 3 texts"):
        encoder.prefixed.features(
            encoder.tokenize(["a", "b", "c"]), torch.arange(3), random_prefix(encoder, batch=2), (3,)
        )
    with pytest.raises(UsageError, match="0 virtual tokens or more, got -1"):
        encoder.prefixed.shape(-1)
    with pytest.raises(UnsupportedByFamily, match="position_shift is PEFT's way"):
        load(made, "albert").prefixed.shape(3, position_shift=True)


def test_an_encoder_in_half_precision_runs_prefixes_in_float32(made: Made) -> None:
    half, full = Encoder.from_pretrained(made("bert"), dtype="bfloat16"), load(made, "bert")
    prefix = random_prefix(full)
    a, b = half.encode(TEXTS, prefix=prefix), full.encode(TEXTS, prefix=prefix)
    assert a.provenance is not None
    assert a.provenance.dtype == "float32"
    torch.testing.assert_close(a.values, b.values)
    full_model, shared = full.loaded.model, full.prefixed.model
    assert all(x is y for x, y in zip(full_model.parameters(), shared.parameters(), strict=True))


def gradient(encoder: Encoder) -> torch.Tensor:
    values = random_prefix(encoder, batch=len(TEXTS)).values.requires_grad_()
    rows = torch.arange(len(TEXTS))
    found = encoder.prefixed.features(encoder.tokenize(TEXTS), rows, PrefixStates(values), (1, encoder.n_layers))
    found.values.square().sum().backward()
    assert values.grad is not None
    return values.grad


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "modernbert", "eurobert", "llama"])
def test_checkpointed_gradients_are_equal(made: Made, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, saving = gradient(load(made, family)), load(made, family)
    saving.prefixed.checkpoint_gradients()
    asked: list[int] = []
    pair = PrefixStates.pair
    monkeypatch.setattr(PrefixStates, "pair", lambda self, *given: (asked.append(given[0]), pair(self, *given))[1])
    torch.testing.assert_close(gradient(saving), plain, atol=1e-6, rtol=1e-5)
    assert sorted(asked) == sorted(2 * list(range(saving.n_layers)))  # every layer was computed twice


@pytest.mark.parametrize("family", ["distilbert", "mpnet", "albert"])
def test_layers_without_numbers_refuse_checkpoints(made: Made, family: str) -> None:
    with pytest.raises(UnsupportedByFamily, match=f"{family} encoders cannot run layers again under a prefix"):
        load(made, family).prefixed.checkpoint_gradients()


@pytest.mark.slow
def test_a_compiled_encoder_honours_the_prefix_in_one_graph(made: Made) -> None:
    encoder = load(made, "bert")
    prefix, rows = random_prefix(encoder, batch=len(TEXTS)), torch.arange(len(TEXTS))
    eager = encoder.prefixed.features(encoder.tokenize(TEXTS), rows, prefix, (0, 1, 2, 3)).values
    slopes = gradient(encoder)
    model = encoder.prefixed.model
    model.forward = torch.compile(model.forward, backend="aot_eager", fullgraph=True)  # needs no C++ compiler
    traced = encoder.prefixed.features(encoder.tokenize(TEXTS), rows, prefix, (0, 1, 2, 3)).values
    torch.testing.assert_close(traced, eager, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradient(encoder), slopes, atol=1e-5, rtol=1e-4)


def test_the_list_of_families_is_the_one_tested() -> None:
    tested = {"electra" if f == "electra-narrow" else f.removesuffix("-groups") for f in [*WRITTEN_OUT, *OTHERS]}
    assert tested | {"xlm-roberta", "camembert"} == set(types_that("prefix"))


def test_weights_without_a_pooler_give_no_random_one(tiny_encoder: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    shutil.copytree(tiny_encoder.source.folder, folder)
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    assert len(kept) < len(tensors)
    safetensors.torch.save_file(kept, folder / "model.safetensors", {"format": "pt"})
    bare = Encoder.from_pretrained(folder, dtype="float32")
    prefix = PrefixStates(torch.zeros(2, 2, 1, 2, 1, 8))
    with pytest.raises(UnsupportedByFamily, match="has no pooler; use pooling='mean'"):
        bare.prefixed.encode(["a text"], prefix, (2,), "pooler")
    states = bare.prefixed.encode(["a text"], prefix, (2,))
    torch.testing.assert_close(states.values, tiny_encoder.prefixed.encode(["a text"], prefix, (2,)).values)
