"""The auxiliary losses of three spaces and two layers against their formulas, written out."""

from __future__ import annotations

import math

import pytest
import torch

from spacetune.errors import UsageError
from spacetune.heads.spaces import inter_space_loss, intra_space_loss, masked_variance
from spacetune.heads.spaces.losses import OFFICIAL_EPS

CENTROIDS = torch.rand(5, 2, 3, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1
LABELS = torch.tensor([0, 2, 2, 1, 0])


def test_the_label_free_form_sums_over_pairs_and_averages_over_layers() -> None:
    means = CENTROIDS.mean(0).tolist()
    layers: list[float] = []
    for layer in means:
        pairs = [(0, 1), (0, 2), (1, 2)]
        products = [sum(a * b for a, b in zip(layer[k], layer[m], strict=True)) for k, m in pairs]
        layers.append(sum(1 / (1 - math.tanh(product) + OFFICIAL_EPS) for product in products))
    found = inter_space_loss(CENTROIDS, None, variant="label-free-2023")
    assert found.item() == pytest.approx(sum(layers) / 2, rel=1e-12)
    one = inter_space_loss(CENTROIDS[:, 1], None, variant="label-free-2023")
    assert one.item() == pytest.approx(layers[1], rel=1e-12)


@pytest.mark.parametrize("balance", [0.5, 0.2])
def test_the_labelled_forms_average_a_text_over_layers_and_latents(balance: float) -> None:
    size = CENTROIDS.mean((1, 3)).tolist()
    own = {(i, int(label)) for i, label in enumerate(LABELS)}
    pull = [[1 - size[i][k] for i in range(5) if (i, k) in own] for k in range(3)]
    push = [[1 + size[i][k] for i in range(5) if (i, k) not in own] for k in range(3)]
    expected = balance * sum(map(sum, pull)) / 5 + (1 - balance) * sum(map(sum, push)) / 10
    found = inter_space_loss(CENTROIDS, LABELS, balance=balance)
    assert found.item() == pytest.approx(expected, rel=1e-12)
    each = [balance * sum(a) / len(a) + (1 - balance) * sum(b) / len(b) for a, b in zip(pull, push, strict=True)]
    summed = inter_space_loss(CENTROIDS, LABELS, variant="labelled-2024", balance=balance)
    assert summed.item() == pytest.approx(sum(each), rel=1e-12)


def test_a_class_without_a_text_pulls_nothing() -> None:
    found = inter_space_loss(torch.zeros(2, 3, 4), torch.tensor([0, 0]), variant="labelled-2024")
    assert found.item() == pytest.approx(0.5 * 1 + 0.5 * 2)


def test_the_intra_space_loss_averages_over_texts_and_layers_and_sums_the_rest() -> None:
    variance = torch.tensor([[[[0.09, 0.19]], [[0.49, 0.99]]], [[[0.04, 0.0]], [[0.24, 0.24]]]])
    layers = [[1 / 0.1 + 1 / 0.2, 1 / 0.5 + 1 / 1.0], [1 / 0.05 + 1 / 0.01, 1 / 0.25 + 1 / 0.25]]
    assert intra_space_loss(variance).item() == pytest.approx(sum(map(sum, layers)) / 4)
    assert intra_space_loss(variance[:, 0]).item() == pytest.approx((layers[0][0] + layers[1][0]) / 2)
    assert intra_space_loss(variance, eps=0.51).item() < 20


def test_an_unknown_form_and_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(UsageError, match="variant must be labelled"):
        inter_space_loss(CENTROIDS, LABELS, variant="other")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="labels must be"):
        inter_space_loss(CENTROIDS, None)
    with pytest.raises(UsageError, match="labels must be"):
        inter_space_loss(CENTROIDS, LABELS.view(1, 1, 5))


def test_one_token_has_no_variance() -> None:
    assert masked_variance(torch.randn(3, 1, 2), None).tolist() == [[0.0, 0.0]] * 3
