"""Cases at the edges, and forms written out plainly."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from spacetune.errors import UsageError
from spacetune.geometry import kl_empirical, neighbour_overlap
from spacetune.geometry.quantizers import QuantizerKind, train_quantizer

POINTS = np.random.default_rng(0).normal(size=(60, 3)) * 3


@pytest.mark.parametrize("k", [-1, 0, 60])
def test_an_overlap_needs_neighbours(k: int) -> None:
    with pytest.raises(UsageError, match="k must be from 1 to n - 1"):
        neighbour_overlap(POINTS, POINTS, k=k)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("k", [1, 3])
def test_the_official_divergence_from_a_normal_sample_is_that_of_plain_loops(k: int) -> None:
    """Points spread as the sample is; distances to the k-th of its points over those to the k-th of their own."""
    sample = np.random.default_rng(5).standard_normal(POINTS.shape)
    centred = POINTS - POINTS.mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    spread = np.sqrt(sample.var(0, ddof=1).sum() / POINTS.var(0, ddof=1).sum())
    turned = spread * centred @ axes.T
    terms = []
    for signs in np.ndindex(2, 2, 2):  # the direction of an axis is nobody's choice
        mine = turned * (1 - 2 * np.array(signs))
        own = np.sort(np.linalg.norm(mine[:, None] - mine[None], axis=2), axis=1)[:, k]
        other = np.sort(np.linalg.norm(mine[:, None] - sample[None], axis=2), axis=1)[:, k - 1]
        terms.append(round(float(3 * np.maximum(np.log(other / own), 0).mean()), 4))
    found = kl_empirical(POINTS, k=k, variant="official", seed=5)
    assert min(abs(found - term) for term in terms) < 2e-4


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "settings"), [("product", {}), ("additive", {"train_iters": 2, "encode_ils_iters": 4})]
)
def test_a_quantizer_that_travels_encodes_as_before(kind: QuantizerKind, settings: dict[str, int]) -> None:
    points = np.random.default_rng(1).standard_normal((300, 8))
    trained = train_quantizer(points, kind, additive_settings=settings)
    codes = trained.encode(points)
    travelled = pickle.loads(pickle.dumps(trained))
    assert travelled.settings == settings
    assert np.array_equal(travelled.encode(points), codes)
    assert len(pickle.dumps(trained)) < trained.codebooks.nbytes + 1_000
