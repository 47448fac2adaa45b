"""The facts that the prefixes of a simplex must hold to (papers.md, facts 18 to 23, 26 and 27)."""

from __future__ import annotations

import pytest
import torch

from spacetune.encoders import Prefix, PrefixShape, PrefixVertices
from spacetune.errors import UsageError
from spacetune.heads import simplex_weights

SHAPE = PrefixShape(n_layers=3, n_heads=4, head_dim=8, length=5)
KINDS = [
    ("none", "after"),
    ("shared", "after"),
    ("per-layer", "after"),
    ("shared", "before"),
    ("per-layer", "before"),
    ("none", "before"),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(kind: str = "none", mixing: str = "after", n_vertices: int = 6, **settings: object) -> PrefixVertices:
    return PrefixVertices(
        SHAPE, n_vertices, reparametrisation=kind, mixing=mixing, hidden_size=7, generator=seeded(), **settings
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "mixing"), KINDS)
def test_corners_and_centroid(kind: str, mixing: str) -> None:
    simplex = make(kind, mixing)
    vertices = simplex.states().values
    for i in range(6):
        corner = simplex.at(torch.eye(6)[i]).values
        torch.testing.assert_close(corner, vertices[:, :, i : i + 1], atol=1e-6, rtol=0)
    torch.testing.assert_close(simplex.at(torch.full((2, 3, 6), 1 / 6)).values[:, :, :1], simplex.centroid().values)
    mean = vertices.mean(2, keepdim=True)
    alike = torch.allclose(simplex.centroid().values, mean, atol=1e-6)
    assert alike == (mixing == "after" or kind == "none")  # a perceptron's mean is not the perceptron of the mean


@pytest.mark.parametrize(("kind", "mixing"), KINDS)
def test_one_vertex_or_equal_vertices_are_one_prefix(kind: str, mixing: str) -> None:
    one, six = make(kind, mixing, n_vertices=1), make(kind, mixing)
    alone = one.states().values.expand(-1, -1, 4, -1, -1, -1)
    torch.testing.assert_close(one.at(simplex_weights(4, 3, 1, seeded(1))).values, alone, atol=1e-6, rtol=0)
    with torch.no_grad():
        six.tables.copy_(six.tables[:1].expand_as(six.tables))
    torch.testing.assert_close(
        six.at(simplex_weights(4, 3, 6)).values, six.states().values[:, :, :4], atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(("kind", "mixing"), KINDS)
def test_every_vertex_gets_a_gradient(kind: str, mixing: str) -> None:
    simplex = make(kind, mixing)
    simplex.at(simplex_weights(2, 3, 6, seeded(2))).values.square().sum().backward()
    assert simplex.tables.grad is not None
    assert (simplex.tables.grad.flatten(1).norm(dim=1) > 0).all()


@pytest.mark.parametrize("length", [1, 10])
def test_parameter_counts_are_pefts(length: int) -> None:
    shape = PrefixShape(12, 12, 64, length)
    count = {
        kind: sum(p.numel() for p in PrefixVertices(shape, 1, reparametrisation=kind).parameters())  # type: ignore[arg-type]
        for kind in ("none", "shared")
    }
    assert count["none"] == length * 18_432 == shape.n_values
    if length == 10:
        assert count == {"none": 184_320, "shared": 9_857_024}
        assert PrefixVertices(shape, 6).tables.numel() == 1_105_920


def test_diversity() -> None:
    simplex = make(n_vertices=3)
    with torch.no_grad():
        simplex.tables.zero_()
        simplex.tables[0, 0, 0, 0, 0, 0] = simplex.tables[1, 2, 1, 0, 0, 0] = 2.0
        simplex.tables[2] = -3 * simplex.tables[0]
    assert simplex.diversity(0, 1).item() == 0
    assert simplex.diversity(0, 2).item() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["none", "shared", "per-layer"])
def test_finished_says_the_same_without_a_perceptron(kind: str) -> None:
    simplex = make(kind)
    finished = simplex.finished()
    w = simplex_weights(3, 3, 6, seeded(5))
    torch.testing.assert_close(finished.at(w).values, simplex.at(w).values)
    assert sum(p.numel() for p in finished.parameters()) == 6 * SHAPE.n_values


def test_collapse_and_pefts_table() -> None:
    prefix = make().collapse(torch.eye(6)[2])
    again = Prefix.from_table(prefix.table(), SHAPE, position_shift=False)
    assert torch.equal(again.states().values, prefix.states().values)
    assert prefix.shape == SHAPE
    # PEFT views (prefix, 2 · layer, head, head_dim): row 2l holds layer l's keys, row 2l + 1 its values
    table = prefix.table().view(5, 6, 4, 8)
    assert torch.equal(table[:, 3].transpose(0, 1), prefix.values[1, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_vertices": 0}, "at least 1 vertex, got n_vertices=0"),
        ({"mixing": "between"}, "mixing must be after or before, got 'between'"),
        ({"kind": "mlp"}, "reparametrisation must be none, shared or per-layer, got 'mlp'"),
    ],
)
def test_wrong_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make(**settings)  # type: ignore[arg-type]


def test_wrong_points_and_tables() -> None:
    with pytest.raises(UsageError, match=r"must end in 6 vertices, got shape \(5,\)"):
        make().at(torch.ones(5))
    with pytest.raises(UsageError, match="the prefix table must be"):
        Prefix.from_table(torch.zeros(5, 7), SHAPE)
    with pytest.raises(UsageError, match=r"a prefix has shape"):
        Prefix(torch.zeros(5, 7))
