"""Points of a simplex: how they are drawn, and what a model is at them (papers.md, facts 18 to 23, 26 and 27)."""

from __future__ import annotations

import pytest
import torch

from spacetune.encoders import PrefixShape, PrefixVertices, TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads import LinearVertices, Simplex, simplex_weights


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(**settings: object) -> Simplex:
    """A simplex of six prefixes of three layers, and of heads."""
    prefixes = PrefixVertices(PrefixShape(n_layers=3, n_heads=4, head_dim=8, length=5), 6, generator=seeded())
    return Simplex(LinearVertices(10, 3, 6, start_scale=1.0, generator=seeded()), prefixes, **settings)  # type: ignore[arg-type]


def test_points_are_uniform_on_the_simplex() -> None:
    w = simplex_weights(20_000, 3, 6, seeded())
    assert w.shape == (20_000, 3, 6)
    assert (w >= 0).all()
    torch.testing.assert_close(w.sum(2), torch.ones(20_000, 3))
    flat = w.flatten(0, 1).double()
    covariance = torch.cov(flat.T)
    assert flat.mean(0) == pytest.approx(torch.full((6,), 1 / 6), abs=2e-3)
    assert covariance.diagonal() == pytest.approx(torch.full((6,), 5 / 252), abs=6e-4)
    assert covariance[~torch.eye(6, dtype=torch.bool)] == pytest.approx(torch.full((30,), -1 / 252), abs=4e-4)
    assert flat.max(1).values.mean().item() == pytest.approx(0.408333, abs=2e-3)


def test_points_differ_between_texts_and_layers_unless_told_otherwise() -> None:
    w = made().sample(5, seeded())
    assert w.shape == (5, 4, 6)
    assert len(torch.unique(w.flatten(0, 1), dim=0)) == 20
    batch = made(sampling="batch").sample(5, seeded())
    assert batch.shape == (1, 4, 6)
    assert len(torch.unique(batch[0], dim=0)) == 4
    shared = made(shared_layers=True).sample(5, seeded())
    assert all(len(torch.unique(row, dim=0)) == 1 for row in shared)
    assert len(torch.unique(shared[:, 0], dim=0)) == 5


def test_mixed_heads_are_the_head_of_mixed_weights() -> None:
    head = LinearVertices(10, 3, 6, start_scale=1.0, generator=seeded())
    w, z = simplex_weights(4, 1, 6, seeded(1))[:, 0], torch.randn(4, 10, generator=seeded(2))
    mixed = torch.einsum("bn,ncw->bcw", w, head.weight)
    expected = torch.einsum("bcw,bw->bc", mixed, z) + w @ head.bias
    found = head.logits(TokenFeatures.from_matrix(z), w[:, None], lambda z: z)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


def test_vertices_and_centroid_are_models_of_both_parts() -> None:
    simplex, features = made(), TokenFeatures.from_matrix(torch.randn(4, 10, generator=seeded(3)))
    models = simplex.vertices()
    for i, model in enumerate(models):
        at = torch.eye(6)[i].expand(1, 4, 6)
        found = simplex.logits(features, at).double()
        torch.testing.assert_close(model.head.logits(features), found, atol=1e-5, rtol=1e-5)
        assert torch.allclose(model.adapter.values, simplex.adapter_at(at).values)  # type: ignore[union-attr]
    centroid = simplex.centroid()
    mean = torch.stack([model.head.logits(features) for model in models]).mean(0)
    torch.testing.assert_close(centroid.head.logits(features), mean, atol=1e-5, rtol=1e-5)
    means = torch.stack([model.adapter.values for model in models]).mean(0)  # type: ignore[union-attr]
    assert torch.allclose(centroid.adapter.values, means, atol=1e-6)  # type: ignore[union-attr]


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(UsageError, match="sampling must be observation or batch, got 'epoch'"):
        made(sampling="epoch")
    prefixes = PrefixVertices(PrefixShape(3, 4, 8, 5), 6)
    with pytest.raises(UsageError, match="6 adapters cannot be mixed with 2 heads"):
        Simplex(LinearVertices(10, 3, 2), prefixes)
