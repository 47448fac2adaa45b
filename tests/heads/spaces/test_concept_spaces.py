"""Concept spaces written out: where they start, how they standardise, which shapes they read."""

from __future__ import annotations

import pytest
import torch

from spacetune.encoders import TokenFeatures
from spacetune.errors import UsageError
from spacetune.heads.spaces import ConceptSpaces, SpaceHead


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_spaces_and_the_head_start_uniform_within_one_over_the_root_of_what_they_read() -> None:
    head = SpaceHead(ConceptSpaces(400, 5, 4, generator=seeded()), 60, seeded(1))
    for parameter, width in ((head.spaces.operators, 400), (head.classifier.weight, 20), (head.classifier.bias, 20)):
        start, bound = parameter.detach(), width**-0.5
        assert 0.85 * bound < float(start.max()) <= bound
        assert -bound <= float(start.min()) < -0.85 * bound
        assert abs(float(start.mean())) < 0.2 * bound


def test_features_are_read_less_the_mean_over_the_scale() -> None:
    spaces = ConceptSpaces(6, 3, 2, n_layers=2, generator=seeded(), dtype=torch.float64)
    mean = torch.randn(2, 6, generator=seeded(1), dtype=torch.float64)
    scale = torch.rand(2, 6, generator=seeded(2), dtype=torch.float64) + 0.2
    spaces.standardise(mean, scale)
    states = torch.randn(7, 2, 6, generator=seeded(3), dtype=torch.float64)
    expected = torch.einsum("nld,lkmd->nlkm", (states - mean) / scale, spaces.operators)
    torch.testing.assert_close(spaces.project(states), expected)
    torch.testing.assert_close(spaces(states), expected.tanh())
    head = SpaceHead(spaces, 3, seeded(4))
    texts = TokenFeatures(states, torch.tensor([0, 3, 7]))
    means = torch.stack([part.tanh().mean(0) for part in expected.split([3, 4])])
    torch.testing.assert_close(head.centroids(texts), means)
    scores = head.token_scores(texts)
    sums = torch.stack([part.sum(0) for part in scores.split([3, 4])]) + head.classifier.bias
    torch.testing.assert_close(sums, head.classify(means))


@pytest.mark.parametrize("shape", [(6,), (4, 6), (1, 6), (1, 4, 6), (5, 4, 6), (1, 1, 4, 6), (2, 3, 4, 6)])
def test_one_layer_needs_no_axis_of_its_own(shape: tuple[int, ...]) -> None:
    spaces = ConceptSpaces(6, 3, 2, generator=seeded())
    states = torch.randn(shape, generator=seeded(1))
    found = spaces(states)
    assert found.shape == (*shape[:-1], 2, 3)
    torch.testing.assert_close(found, torch.einsum("...d,kmd->...km", states, spaces.operators[0]).tanh())


def test_one_layer_may_have_its_axis() -> None:
    spaces = ConceptSpaces(6, 3, 2, generator=seeded())
    states = torch.randn(4, 7, 1, 6, generator=seeded(1))
    assert spaces(states).shape == (4, 7, 1, 2, 3)
    torch.testing.assert_close(spaces(states).squeeze(2), spaces(states.squeeze(2)))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="must be at least 1, got 6, 3, 0, 1"):
        ConceptSpaces(6, 3, 0)
    with pytest.raises(UsageError, match=r"\(layer, dim\) = \(2, 6\), got shape \(4, 3, 6\)"):
        ConceptSpaces(6, 3, 2, n_layers=2)(torch.zeros(4, 3, 6))
    assert ConceptSpaces(6, 3, 2, n_layers=4).width == 24
