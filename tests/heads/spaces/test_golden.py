"""Held to the official implementation (StepanTita/space-model at 6410eab) on fixed inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from spacetune.heads.spaces import (
    ConceptSpaces,
    SpaceHead,
    SpaceLayer,
    inter_space_loss,
    intra_space_loss,
    masked_mean,
    masked_variance,
)

EXACT = {"atol": 1e-6, "rtol": 1e-6}


@pytest.fixture(params=["a", "b"])
def case(request: pytest.FixtureRequest, shared: Path) -> dict[str, Tensor]:
    stored = np.load(shared / "golden" / "space_model" / "reference.npz")
    mark = f"{request.param}_"
    return {k.removeprefix(mark): torch.from_numpy(stored[k]) for k in stored if k.startswith(mark)}


def head_of(case: dict[str, Tensor]) -> SpaceHead:
    n_spaces, n_latent, n_embed = case["operators"].shape
    head = SpaceHead(ConceptSpaces(n_embed, n_latent, n_spaces), n_spaces)
    with torch.no_grad():
        head.spaces.operators.copy_(case["operators"].unsqueeze(0))
        head.classifier.weight.copy_(case["classifier_weight"])
        head.classifier.bias.copy_(case["classifier_bias"])
    return head


def test_projections_and_spaces(case: dict[str, Tensor]) -> None:
    spaces = head_of(case).spaces
    official = case["raw_concept_spaces"].permute(1, 2, 0, 3)
    torch.testing.assert_close(spaces.project(case["x"]), official, **EXACT)
    torch.testing.assert_close(spaces(case["x"]), case["concept_spaces"].permute(1, 2, 0, 3), **EXACT)


@pytest.mark.parametrize("padding", ["masked", "official"])
def test_logits(case: dict[str, Tensor], padding: str) -> None:
    logits = head_of(case)(case["x"], padding=padding)
    torch.testing.assert_close(logits, case["logits"], **EXACT)


@pytest.mark.parametrize(
    ("labels", "loss"), [("labels", "inter_space_loss"), ("multilabels", "inter_space_loss_multilabel")]
)
def test_inter_space_loss(case: dict[str, Tensor], labels: str, loss: str) -> None:
    centroids = masked_mean(head_of(case).spaces(case["x"]).double(), None)
    got = inter_space_loss(centroids, case[labels])
    torch.testing.assert_close(got, case[loss].double(), **EXACT)


def test_intra_space_loss(case: dict[str, Tensor]) -> None:
    variance = masked_variance(case["concept_spaces"].permute(1, 2, 0, 3).double(), None)
    got = intra_space_loss(variance, eps=1e-9)
    torch.testing.assert_close(got.float(), case["intra_space_loss"], **EXACT)


def test_space_layer(case: dict[str, Tensor]) -> None:
    n_spaces, n_latent, n_embed = case["layer_operators"].shape
    layer = SpaceLayer(n_embed, n_latent, n_spaces)
    with torch.no_grad():
        layer.spaces.operators.copy_(case["layer_operators"].unsqueeze(0))
    torch.testing.assert_close(layer(case["x"]), case["layer_output"], **EXACT)
    assert len(layer.concept_spaces) == n_spaces
    assert max(space.abs().max().item() for space in layer.concept_spaces) <= 1


@pytest.mark.parametrize(
    ("n_spaces", "n_embed", "n_latent", "count"),
    [(2, 768, 3, 4622), (3, 768, 3, 6942), (2, 768, 128, 197122), (2, 3, 3, 32)],
)
def test_parameter_counts(n_spaces: int, n_embed: int, n_latent: int, count: int) -> None:
    head = SpaceHead(ConceptSpaces(n_embed, n_latent, n_spaces), n_spaces)
    assert sum(p.numel() for p in head.parameters()) == count


def paper_vector() -> Tensor:
    return torch.tanh(torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(2, 2, 3, 2)).permute(1, 2, 0, 3)


def test_losses_on_the_papers_vector() -> None:
    spaces = paper_vector()
    centroids, labels = masked_mean(spaces, None), torch.tensor([0, 1])
    assert inter_space_loss(centroids, labels).item() == pytest.approx(1.0, abs=1e-12)
    assert inter_space_loss(centroids, labels, variant="labelled-2024").item() == pytest.approx(2.0, abs=1e-12)
    free = inter_space_loss(centroids, None, variant="label-free-2023").item()
    assert free == pytest.approx(0.7249846124850321, abs=1e-9)
    multi = inter_space_loss(centroids, torch.tensor([[1, 1], [0, 1]])).item()
    assert multi == pytest.approx(0.8333553885966449, abs=1e-9)
    assert intra_space_loss(masked_variance(spaces, None), eps=1e-9).item() == pytest.approx(278.9854287256116)


def test_losses_of_zero_spaces_and_of_perfect_ones() -> None:
    zeros = torch.zeros(4, 5, 2, 2, dtype=torch.float64)
    assert inter_space_loss(masked_mean(zeros, None), torch.tensor([0, 1, 1, 0])).item() == 1.0
    assert intra_space_loss(masked_variance(zeros, None), eps=1e-9).item() == pytest.approx(4e9)
    perfect = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]])
    assert inter_space_loss(perfect, torch.tensor([0])).item() == 0.0


def test_intra_space_loss_stays_small_on_constant_tokens_where_the_official_one_explodes() -> None:
    constant = torch.full((3, 6, 2, 3), 0.3)
    variance = masked_variance(constant, None)
    assert intra_space_loss(variance, eps=1e-9).item() > 1e9
    assert intra_space_loss(variance).item() <= 2 * 3 * 100.001
