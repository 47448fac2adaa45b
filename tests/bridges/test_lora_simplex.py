"""The simplex of low-rank adapters: against peft's LoRA, and the facts that hold for any simplex."""

from __future__ import annotations

import copy

import peft
import pytest
import torch
import transformers

from spacetune import Encoder
from spacetune.encoders import LoraShape, LoraStates, LoraVertices
from spacetune.encoders.adapters.lora import lora_shape
from spacetune.encoders.families import parts_of
from spacetune.errors import UnsupportedByFamily, UsageError
from spacetune.heads import simplex_weights

from .conftest import TEXTS, plain_inputs


def made(encoder: Encoder, n_vertices: int = 3) -> LoraVertices:
    simplex = LoraVertices(encoder.prefixed.lora_shape(2), n_vertices, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        simplex.up.normal_(0, 0.2, generator=torch.Generator().manual_seed(1))
    return simplex


def changes(simplex: LoraVertices) -> torch.Tensor:
    """What every corner adds to the weights, ``(vertex, layer, 2, dim, dim)``, spelled out."""
    return 2 * torch.einsum("lpdnr,lpnre->nlpde", simplex.up, simplex.down).detach()


def in_peft(encoder: Encoder, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Last states of the real tokens under peft's LoRA with these factors."""
    rank = down.shape[2]
    config = peft.LoraConfig(
        task_type="FEATURE_EXTRACTION", r=rank, lora_alpha=2 * rank, target_modules=["query", "value"]
    )
    model = transformers.AutoModel.from_pretrained(encoder.source.folder, dtype=torch.float32)
    with torch.random.fork_rng(), torch.no_grad():
        wrapped = peft.get_peft_model(model, config).eval()
        for i, layer in enumerate(wrapped.base_model.model.encoder.layer):
            for part, module in enumerate((layer.attention.self.query, layer.attention.self.value)):
                module.lora_A["default"].weight.copy_(down[i, part])
                module.lora_B["default"].weight.copy_(up[i, part])
        inputs = plain_inputs(encoder, TEXTS)
        return wrapped(**inputs).last_hidden_state[inputs["attention_mask"].bool()]


def test_one_vertex_a_corner_and_the_centroid_are_pefts_lora(tiny: Encoder) -> None:
    one, simplex = made(tiny, 1), made(tiny)
    corner, centroid = torch.eye(3)[2], simplex.centroid()
    rank_6 = (centroid.down, centroid.up * (1 / 3))
    for states, (down, up) in [
        (one.at(simplex_weights(len(TEXTS), tiny.n_layers, 1)), (one.down[:, :, 0], one.up[:, :, :, 0])),
        (simplex.at(corner), (simplex.down[:, :, 2], simplex.up[:, :, :, 2])),
        (centroid, rank_6),  # the mean of products is an ordinary adapter of n times the rank
    ]:
        ours = tiny.encode(TEXTS, prefix=states).values[:, 0]
        torch.testing.assert_close(ours, in_peft(tiny, down, up), atol=5e-6, rtol=1e-5)


def test_points_are_convex_combinations_of_the_corners_changes(tiny: Encoder) -> None:
    simplex = made(tiny)
    w = simplex_weights(4, tiny.n_layers, 3, torch.Generator().manual_seed(2))
    states, hidden = simplex.at(w), torch.randn(4, 5, tiny.dim, generator=torch.Generator().manual_seed(3))
    mixed = torch.einsum("bln,nlpde->blpde", w, changes(simplex))
    for layer in range(tiny.n_layers):
        for part in (0, 1):
            expected = hidden @ mixed[:, layer, part].transpose(1, 2)
            torch.testing.assert_close(states.added(layer, part, hidden), expected, atol=1e-5, rtol=1e-4)


def test_rows_have_their_own_points_and_the_encoder_is_left_as_it_was(tiny: Encoder) -> None:
    simplex = made(tiny)
    plain = tiny.encode(TEXTS, prefix=LoraVertices(tiny.prefixed.lora_shape(2)).centroid())
    torch.testing.assert_close(plain.values, tiny.encode(TEXTS).values, atol=2e-6, rtol=1e-5)  # B starts at 0
    states = simplex.at(simplex_weights(len(TEXTS), tiny.n_layers, 3, torch.Generator().manual_seed(4)))
    together = tiny.encode(TEXTS, prefix=states)
    for i in (0, 5):
        row = torch.tensor([i])
        alone = tiny.encode([TEXTS[i]], prefix=states.take(row))
        torch.testing.assert_close(together.take(row).values, alone.values, atol=5e-6, rtol=1e-5)
    rows = torch.arange(len(TEXTS))
    drawn = simplex.at(simplex_weights(len(TEXTS), tiny.n_layers, 3))
    features = tiny.prefixed.features(tiny.tokenize(TEXTS), rows, drawn, (tiny.n_layers,))
    features.values.square().sum().backward()
    assert simplex.down.grad is not None
    assert simplex.up.grad is not None
    assert (simplex.down.grad.norm(dim=(3, 4)) > 0).all()  # every layer, query and value, every corner
    assert (simplex.up.grad.norm(dim=(2, 4)) > 0).all()
    assert not any(p.requires_grad or p.grad is not None for p in tiny.prefixed.model.parameters())
    layer = parts_of(tiny.prefixed.model).layers[0]
    hidden = torch.randn(2, 3, tiny.dim, generator=torch.Generator().manual_seed(5))
    for linear in (layer.query, layer.value):
        expected = torch.nn.functional.linear(hidden, linear.weight, linear.bias)
        assert torch.equal(linear(hidden), expected)


def test_wrong_adapters(tiny: Encoder) -> None:
    with pytest.raises(UsageError, match="rank must be at least 1, got 0"):
        tiny.prefixed.lora_shape(0)
    with pytest.raises(UsageError, match="at least 1 vertex"):
        LoraVertices(LoraShape(2, 8, 2), 0)
    with pytest.raises(UsageError, match=r"must end in 6 vertices, got shape \(5,\)"):
        LoraVertices(LoraShape(2, 8, 2)).at(torch.ones(5))
    small = LoraStates(torch.zeros(2, 2, 3, 8), torch.zeros(2, 2, 8, 3), torch.zeros(1, 2, 3))
    with pytest.raises(UsageError, match=r"n_layers=2, dim=8, rank=3\), this encoder takes LoraShape\(n_layers=3"):
        tiny.encode(["a"], prefix=small)
    shared = copy.deepcopy(tiny.prefixed.model)
    for layer in shared.encoder.layer:
        layer.attention.self.query = shared.encoder.layer[0].attention.self.query
    with pytest.raises(UnsupportedByFamily, match="layers share their projections"):
        lora_shape(shared, 2)
