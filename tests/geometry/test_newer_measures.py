"""IsoScore*, α-ReQ, RankMe and the entropies, each against its formula written out another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.covariance import oas
from sklearn.metrics import silhouette_samples
from sklearn.metrics.pairwise import cosine_distances

from spacetune.errors import DataError, UsageError
from spacetune.geometry import (
    Moments,
    alpha_req,
    compute,
    dime,
    effective_rank,
    isoscore,
    isoscore_star,
    matrix_entropy,
    prompt_entropy,
    rankme,
    silhouette,
)


def cloud(n: int = 300, dim: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dim)) * np.linspace(0.2, 3.0, dim) + rng.standard_normal(dim)


@pytest.mark.parametrize("n", [8, 40, 300])
def test_isoscore_star_is_the_isoscore_of_the_shrunk_covariance(n: int) -> None:
    points = cloud(n)
    covariance = np.cov(points.T)
    square, total = np.sum(covariance**2), np.trace(covariance) ** 2
    share = min(1.0, ((1 - 2 / 12) * square + total) / ((n + 1 - 2 / 12) * (square - total / 12)))
    assert share == pytest.approx(oas(points)[1], rel=0.1)
    values = np.linalg.eigvalsh((1 - share) * covariance + share * np.trace(covariance) / 12 * np.eye(12))
    lengths = values * np.sqrt(12) / np.linalg.norm(values)
    defect = np.linalg.norm(lengths - 1) / np.sqrt(2 * (12 - np.sqrt(12)))
    expected = ((12 - defect**2 * (12 - np.sqrt(12))) ** 2 - 12) / (12 * 11)
    assert isoscore_star(points) == pytest.approx(expected, rel=1e-9)
    assert isoscore_star(points, zeta=0.0) == pytest.approx(isoscore(points), rel=1e-9)
    assert isoscore_star(points, zeta=1.0) == pytest.approx(1.0)


def test_isoscore_star_takes_the_covariance_of_more_points() -> None:
    few, many = cloud(30), cloud(4000, seed=1)
    mixed = 0.7 * np.cov(few.T) + 0.3 * np.cov(many.T)
    whole = np.linalg.eigvalsh(mixed)
    expected = (whole.sum() ** 2 / (whole @ whole) - 1) / 11
    assert isoscore_star(few, reference=many, zeta=0.3) == pytest.approx(expected, rel=1e-9)
    assert isoscore_star(few, reference=Moments(12).update(many), zeta=0.3) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(UsageError, match="zeta must be given with a reference"):
        isoscore_star(few, reference=many)
    with pytest.raises(UsageError, match="between 0"):
        isoscore_star(few, zeta=1.5)
    with pytest.raises(DataError, match="12 dimensions, got 3"):
        isoscore_star(few, reference=many[:, :3], zeta=0.3)


def test_isoscore_star_is_nearer_the_truth_of_many_points() -> None:
    truth = isoscore(cloud(200_000, 60))
    few = cloud(150, 60, seed=3)
    assert abs(isoscore_star(few) - truth) < abs(isoscore(few) - truth)


@pytest.mark.parametrize("dim", [8, 30, 200])
def test_alpha_req_is_the_weighted_fit_of_ranks_four_to_a_hundred(dim: int) -> None:
    values = np.sort(np.linalg.eigvalsh(np.cov(cloud(900, dim).T)))[::-1]
    ranks = np.arange(4, min(dim, 100) + 1)
    slope = np.polyfit(np.log(ranks), np.log(values[ranks - 1]), 1, w=np.sqrt(1 / ranks))[0]
    assert alpha_req(cloud(900, dim)) == pytest.approx(-slope, rel=1e-6)


def test_alpha_req_where_few_directions_vary() -> None:
    line = np.outer(np.arange(10.0), [1, 2, 3])
    assert alpha_req(line) == np.inf
    assert alpha_req(np.eye(3)[:, :2] * [4.0, 1.0]) > 0


@pytest.mark.parametrize("shape", [(300, 12), (7, 12)])
def test_rank_and_entropy_are_of_the_singular_values_as_they_are(shape: tuple[int, int]) -> None:
    points = cloud(*shape)
    sigma = np.linalg.svd(points, compute_uv=False)
    assert rankme(points) == pytest.approx(np.exp(entropy(sigma)))
    assert matrix_entropy(points) == pytest.approx(entropy(sigma**2))
    assert rankme(points - points.mean(0)) == pytest.approx(effective_rank(points), rel=1e-6)
    both = Moments(12).update(points[:4]).merge(Moments(12).update(points[4:]))
    assert matrix_entropy(both) == pytest.approx(entropy(sigma**2))
    for measure in (rankme, matrix_entropy, prompt_entropy):
        with pytest.raises(DataError, match="must not all be zero"):
            measure(np.zeros((5, 3)))


def test_prompt_entropy_is_the_mean_over_texts() -> None:
    points = cloud(60)
    texts = np.random.default_rng(1).permutation(np.repeat(["a", "b", "c", "d"], [30, 20, 9, 1]))
    parts = [points[texts == name] for name in "abc"]
    shares = [entropy(np.linalg.svd(p, compute_uv=False) ** 2) / np.log(min(p.shape)) for p in parts]
    assert prompt_entropy(points, texts) == pytest.approx(np.mean(shares))
    with pytest.raises(DataError, match="texts must say of each of the 60 points"):
        prompt_entropy(points, texts[1:])
    with pytest.raises(DataError, match="2 points of one text"):
        prompt_entropy(points, np.arange(60))
    entry = compute(points, ["prompt_entropy"]).measured[0]
    assert entry.value is None
    assert "which text each point is of" in (entry.problem or "")


def test_dime_is_the_difference_of_joint_entropies() -> None:
    first, second = cloud(50), cloud(50) + 0.5 * cloud(50, seed=4)
    grams = [1 - cosine_distances(x - x.mean(0)) for x in (first, second)]

    def joint(order: np.ndarray) -> float:
        both = grams[0] * grams[1][np.ix_(order, order)]
        return float(entropy(np.clip(np.linalg.eigvalsh(both / np.trace(both)), 0, None)))

    rng = np.random.default_rng(0)
    expected = np.mean([joint(rng.permutation(50)) for _ in range(10)]) - joint(np.arange(50))
    assert dime(first, second) == pytest.approx(expected, rel=1e-9)
    assert dime(first, first) > dime(first, second) > abs(dime(first, np.roll(second, 11, axis=0)))


def test_the_silhouette_is_that_of_cosine_distances() -> None:
    points, labels = cloud(90), np.repeat([0, 1, 2], 30)
    points[labels == 1] += 3
    assert silhouette(points, labels) == pytest.approx(silhouette_samples(points, labels, metric="cosine").mean())
    assert silhouette(points, labels, sample=40) == silhouette(points, labels, sample=40)
    with pytest.raises(DataError, match="2 classes or more"):
        silhouette(points, np.zeros(90))
