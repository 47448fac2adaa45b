"""The fused centroids against the same written plainly, and their hand-made gradient."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from spacetune.encoders import TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads import SpaceHead
from spacetune.heads.spaces import ConceptSpaces, centroids, fused_centroids, space_overlap
from spacetune.heads.spaces.pooling import masked_mean

LENGTHS = (3, 1, 0, 6)


def test_another_way_to_treat_padding_is_refused() -> None:
    with pytest.raises(UsageError, match="padding must be 'masked' or 'official', got 'offical'"):
        masked_mean(torch.zeros(1, 2, 3), torch.ones(1, 2), "offical")  # type: ignore[arg-type]


def ragged(n_layers: int) -> TokenFeatures:
    generator = torch.Generator().manual_seed(n_layers)
    offsets = torch.tensor([0, *LENGTHS]).cumsum(0)
    values = torch.randn(int(offsets[-1]), n_layers, 5, generator=generator, dtype=torch.float64)
    return TokenFeatures(values, offsets)


def spaces_of(n_layers: int) -> list[ConceptSpaces]:
    generator = torch.Generator().manual_seed(0)
    made = [ConceptSpaces(5, m, 2, n_layers=n_layers, generator=generator, dtype=torch.float64) for m in (2, 3)]
    for spaces in made:
        spaces.standardise(
            torch.randn(n_layers, 5, generator=generator), torch.rand(n_layers, 5, generator=generator) + 0.5
        )
    return made


def plain(own: ConceptSpaces, features: TokenFeatures) -> torch.Tensor:
    texts = features.values.split(list(LENGTHS))
    spaces = [own(text).reshape(len(text), *own.operators.shape[:3]) for text in texts]
    return torch.stack([s.mean(0) if len(s) else s.new_zeros(s.shape[1:]) for s in spaces])


@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("multiple", [1, 4, 16])
@pytest.mark.parametrize("piece", [1, 3, 2_048])
def test_values_and_gradients_equal_the_plain_form(
    n_layers: int, multiple: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(centroids, "PIECE", piece)
    features, both = ragged(n_layers), spaces_of(n_layers)
    pooled = fused_centroids(both, features, multiple=multiple)
    with torch.no_grad():
        assert all(map(torch.equal, fused_centroids(both, features, multiple=multiple), pooled))
    for own, ours in zip(both, pooled, strict=True):
        theirs = plain(own, features)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
        weights = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        expected = torch.autograd.grad((theirs * weights).sum(), own.operators)[0]
        found = torch.autograd.grad((ours * weights).sum(), own.operators, retain_graph=True)[0]
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


def test_no_product_has_more_rows_than_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centroids, "PIECE", 4)
    rows: list[int] = []
    product = centroids._tanh_of_products
    monkeypatch.setattr(centroids, "_tanh_of_products", lambda h, *a: (rows.append(len(h)), product(h, *a))[1])
    features = ragged(2)
    fused_centroids(spaces_of(2), features, multiple=4)
    assert rows == [4] * 2 * -(-len(features.values) // 4)


@pytest.mark.parametrize("piece", [3, 2_048])
def test_gradients_reach_the_values(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centroids, "PIECE", piece)
    features, both = ragged(2), spaces_of(2)

    def second(values: torch.Tensor) -> torch.Tensor:
        return fused_centroids(both, TokenFeatures(values, features.offsets))[1]

    assert torch.autograd.gradcheck(second, (features.values.clone().requires_grad_(),))


def test_batches_laid_out_by_layer_give_the_same() -> None:
    features, both = ragged(3), spaces_of(3)
    rows = torch.tensor([3, 0, 3, 2])
    taken = features.take(rows)
    assert len(taken.values) == 16 - 1
    assert taken.values.transpose(0, 1).is_contiguous()
    again = taken.take(torch.tensor([1, 0]))
    assert again.values.equal(features.take(torch.tensor([0, 3])).values)
    for ours, whole in zip(fused_centroids(both, taken), fused_centroids(both, features), strict=True):
        torch.testing.assert_close(ours, whole[rows], rtol=1e-12, atol=1e-12)


def test_products_in_bfloat16_are_rounded_once() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(64, 2, 32, generator=generator).bfloat16()
    features = TokenFeatures(values, torch.arange(65))  # texts of one token: the centroid is the token's
    spaces = ConceptSpaces(32, 8, 3, n_layers=2, generator=generator)
    with torch.no_grad():
        spaces.operators.copy_(spaces.operators.bfloat16())
        exact = spaces(values.float()).reshape(64, 2, 3, 8)
        (found,) = fused_centroids([spaces], features, torch.bfloat16, 256)
    torch.testing.assert_close(found.float(), exact, rtol=2**-8, atol=2**-8)
    assert (found.float() - exact).abs().mean() < 2**-10


@pytest.mark.parametrize("n_layers", [1, 2])
def test_angles_of_spaces_are_those_of_their_rows(n_layers: int) -> None:
    generator = torch.Generator().manual_seed(0)
    spaces = ConceptSpaces(24, 3, 4, n_layers=n_layers, generator=generator)
    with torch.no_grad():
        spaces.operators[0, 1, 2] = 2 * spaces.operators[0, 1, 1]  # of rank 2
        spaces.operators[:, 2] = spaces.operators[:, 0]
    found = space_overlap(SpaceHead(spaces, 4, generator), tuple("abcd"))
    bases = [[scipy.linalg.orth(own.detach().double().T.numpy()) for own in layers] for layers in spaces.operators]
    for a in range(4):
        for b in range(4):
            parts = [scipy.linalg.subspace_angles(layer[a], layer[b]) for layer in bases]
            angles = np.concatenate(parts)
            assert found.principal_angle[a, b] == pytest.approx(np.degrees(angles.mean()), abs=1e-5)
            assert found.smallest_angle[a, b] == pytest.approx(np.degrees(angles.min()), abs=1e-5)
            assert found.operator_overlap[a, b] == pytest.approx(np.mean(np.cos(angles) ** 2), abs=1e-9)
