"""What a simplex says of a text is the same wherever the text stands in a batch, and whatever batch it stands in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from spacetune import Encoder
from spacetune.encoders import TokenFeatures
from spacetune.fitting import inputs as reading
from spacetune.fitting.inputs import AdaptedInputs, FrozenInputs
from spacetune.fitting.simplex import point_logits, validation_logits
from spacetune.heads import Simplex
from spacetune.heads.spaces import ConceptSpaces, SpaceHead, SpaceVertices

LENGTHS = (3, 9, 1, 6, 2, 8)
FEATURES = TokenFeatures(
    torch.randn(sum(LENGTHS), 1, 5, generator=torch.Generator().manual_seed(1)), torch.tensor([0, *LENGTHS]).cumsum(0)
)
TEXTS = ["refund", "my card was charged twice and nobody answers", "", "where is it?", "a parcel is late " * 3]


class ByLength(FrozenInputs):
    """Ready embeddings handed out as an encoder reads texts: those of like length together."""

    def batches(self) -> Iterator[Tensor]:
        yield from torch.argsort(self.lengths).split(2)


def space_simplex(dim: int, n_layers: int = 1, n_vertices: int = 3) -> SpaceVertices:
    generator = torch.Generator().manual_seed(0)
    made = [ConceptSpaces(dim, 2, 2, n_layers=n_layers, generator=generator) for _ in range(n_vertices)]
    return SpaceVertices([SpaceHead(spaces, 2, generator) for spaces in made])


@pytest.fixture
def model() -> Simplex:
    return Simplex(space_simplex(5))


def alone(model: Simplex, weights: Tensor) -> np.ndarray:
    with torch.no_grad():
        rows = [model.logits(FEATURES.take(torch.tensor([i])), weights) for i in range(len(LENGTHS))]
    return torch.cat(rows).double().numpy()


def test_dev_logits_come_in_the_order_of_the_texts(model: Simplex) -> None:
    found = validation_logits(model, ByLength(FEATURES), 0, torch.Generator())
    assert found.shape == (1, 6, 2)
    np.testing.assert_allclose(found[0], alone(model, model.centre()), atol=1e-6)


def test_logits_at_points_come_in_the_order_of_the_texts(model: Simplex) -> None:
    points = torch.tensor([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    found = point_logits(model, ByLength(FEATURES), points)
    for i, point in enumerate(points):
        np.testing.assert_allclose(found[i], alone(model, point.expand(1, model.n_groups, 3)), atol=1e-6)


def test_every_repeat_of_dev_has_points_of_its_own(model: Simplex) -> None:
    found = validation_logits(model, ByLength(FEATURES), 3, torch.Generator().manual_seed(2))
    assert found.shape == (3, 6, 2)
    assert (found.std(0) > 1e-6).all()


def test_texts_under_a_prefix_come_in_order_too(shallow: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    from spacetune.encoders import PrefixVertices

    monkeypatch.setattr(reading, "BATCH_TOKENS", 12)
    inputs = AdaptedInputs(shallow, TEXTS, (1,), "mean")
    assert torch.cat(list(inputs.batches())).tolist() != list(range(len(TEXTS)))
    prefix = PrefixVertices(shallow.prefixed.shape(2), n_vertices=1, generator=torch.Generator().manual_seed(0))
    model = Simplex(space_simplex(384, n_vertices=1), prefix)
    found = validation_logits(model, inputs, 2, torch.Generator())
    for i, text in enumerate(TEXTS):
        one = validation_logits(model, AdaptedInputs(shallow, [text], (1,), "mean"), 2, torch.Generator())
        np.testing.assert_allclose(found[0, i], one[0, 0], atol=1e-5)
