"""Space heads as the vertices of a simplex: its points are space heads, exactly."""

from __future__ import annotations

import pytest
import torch

from spacetune.encoders import TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads.spaces import ConceptSpaces, SpaceHead, SpaceVertices


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(n_vertices: int = 6, n_layers: int = 2) -> SpaceVertices:
    heads = []
    for i in range(n_vertices):
        spaces = ConceptSpaces(12, 3, 2, n_layers=n_layers, generator=seeded(i))
        spaces.standardise(torch.full((n_layers, 12), 0.3), torch.full((n_layers, 12), 2.0))
        heads.append(SpaceHead(spaces, 4, seeded(i + 50)))
    return SpaceVertices(heads)


FEATURES = TokenFeatures(torch.randn(9, 2, 12, generator=seeded(9)), torch.tensor([0, 2, 3, 9]))


def logits(simplex: SpaceVertices, weights: torch.Tensor) -> torch.Tensor:
    return simplex.logits(FEATURES, weights, lambda z: z)


def of_head(head: SpaceHead) -> torch.Tensor:
    return head.classify(head.centroids(FEATURES))


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_corners_and_centroid_are_heads() -> None:
    simplex = make()
    for i, head in enumerate(simplex.each):
        close(logits(simplex, torch.eye(6)[i].expand(3, 3, 6)), of_head(head))
        close(logits(simplex, torch.eye(6)[i].expand(1, 3, 6)), of_head(head))
    close(logits(simplex, torch.full((3, 3, 6), 1 / 6)), of_head(simplex.centroid()))


def test_one_vertex_is_the_head_itself() -> None:
    simplex = make(1)
    close(logits(simplex, torch.ones(3, 3, 1)), of_head(simplex.each[0]))
    close(of_head(simplex.centroid()), of_head(simplex.each[0]))


def test_a_text_has_its_own_point() -> None:
    simplex = make()
    weights = torch.rand(3, simplex.n_groups, 6, generator=seeded(3))
    together = logits(simplex, weights)
    for i in range(3):
        close(together[i : i + 1], logits(simplex, weights[i : i + 1])[i : i + 1])


def test_every_corner_learns() -> None:
    simplex = make()
    logits(simplex, torch.full((3, 3, 6), 1 / 6)).square().sum().backward()
    assert all(p.grad is not None and p.grad.norm() > 0 for p in simplex.parameters())


def test_corners_must_be_alike() -> None:
    with pytest.raises(UsageError, match="all of one shape"):
        SpaceVertices([*make().each, *make(n_layers=1).each])
    with pytest.raises(UsageError, match="at least one head"):
        SpaceVertices([])
