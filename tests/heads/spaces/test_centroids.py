"""The fused centroids against the same written plainly, and their hand-made gradient."""

from __future__ import annotations

import pytest
import torch

from spacetune.encoders import TokenFeatures
from spacetune.heads.spaces import ConceptSpaces, SpaceHead, fused_centroids

LENGTHS = (3, 1, 0, 6)


def ragged(n_layers: int, spare: int = 0) -> TokenFeatures:
    generator = torch.Generator().manual_seed(n_layers)
    offsets = torch.tensor([0, *LENGTHS]).cumsum(0)
    values = torch.randn(int(offsets[-1]) + spare, n_layers, 5, generator=generator, dtype=torch.float64)
    return TokenFeatures(values, offsets)


def heads(n_layers: int) -> list[SpaceHead]:
    generator = torch.Generator().manual_seed(0)
    made = [ConceptSpaces(5, m, 2, n_layers=n_layers, generator=generator, dtype=torch.float64) for m in (2, 3)]
    for spaces in made:
        spaces.standardise(
            torch.randn(n_layers, 5, generator=generator), torch.rand(n_layers, 5, generator=generator) + 0.5
        )
    return [SpaceHead(spaces, 2, generator) for spaces in made]


def plain(head: SpaceHead, features: TokenFeatures) -> torch.Tensor:
    texts = features.values[: int(features.offsets[-1])].split(list(LENGTHS))
    spaces = [head.spaces(text).reshape(len(text), *head.spaces.operators.shape[:3]) for text in texts]
    return torch.stack([s.mean(0) if len(s) else s.new_zeros(s.shape[1:]) for s in spaces])


@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("spare", [0, 5])
def test_values_and_gradients_equal_the_plain_form(n_layers: int, spare: int) -> None:
    features, both = ragged(n_layers, spare), heads(n_layers)
    pooled = fused_centroids(both, features)
    for head, ours in zip(both, pooled, strict=True):
        theirs = plain(head, features)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
        weights = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        expected = torch.autograd.grad((theirs * weights).sum(), head.spaces.operators)[0]
        found = torch.autograd.grad((ours * weights).sum(), head.spaces.operators, retain_graph=True)[0]
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


def test_gradients_reach_the_values() -> None:
    features, both = ragged(2), heads(2)

    def centroids(values: torch.Tensor) -> torch.Tensor:
        return fused_centroids(both, TokenFeatures(values, features.offsets))[1]

    assert torch.autograd.gradcheck(centroids, (features.values.clone().requires_grad_(),))


def test_batches_laid_out_by_layer_give_the_same() -> None:
    features, both = ragged(3), heads(3)
    rows = torch.tensor([3, 0, 3, 2])
    taken = features.take(rows, 8)
    assert len(taken.values) == 16
    assert taken.values.transpose(0, 1).is_contiguous()
    again = taken.take(torch.tensor([1, 0]))
    assert again.values.equal(features.take(torch.tensor([0, 3])).values)
    for ours, whole in zip(fused_centroids(both, taken), fused_centroids(both, features), strict=True):
        torch.testing.assert_close(ours, whole[rows], rtol=1e-12, atol=1e-12)
