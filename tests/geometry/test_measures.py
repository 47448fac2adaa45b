"""Each measure on points whose answer is known from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.distance import cdist, pdist
from scipy.stats import differential_entropy, entropy

from spacetune.errors import DataError, UsageError
from spacetune.geometry import (
    PointCloud,
    average_cosine,
    effective_rank,
    hubness,
    kl_discrete,
    kl_empirical,
    koleo,
    linear_cka,
    neighbour_overlap,
    participation_ratio,
    partition_ratio,
    principal_angles,
    procrustes,
    subspace_overlap,
    two_nn,
    uniformity,
    vrm,
)
from spacetune.geometry.cells import cell_eees
from spacetune.geometry.entropy import component_entropies
from spacetune.geometry.isotropy import eee
from spacetune.geometry.neighbours import find_neighbours
from spacetune.geometry.normal_reference import expected_log_neighbour_distance


def normal(n: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim))


@pytest.mark.parametrize("n", [8, 500, 1500])
def test_entropies_equal_scipy(n: int) -> None:
    rows = normal(3, n)
    np.testing.assert_allclose(component_entropies(rows), differential_entropy(rows, axis=1), rtol=1e-12)


@pytest.mark.parametrize("dim", [3, 20])
def test_neighbours_equal_brute_force(dim: int) -> None:
    points = np.concatenate([normal(150, dim), normal(20, dim)])  # the last 20 repeat the first 20
    table = find_neighbours(points, 7)
    gaps = cdist(points, points)
    np.fill_diagonal(gaps, np.inf)
    np.testing.assert_allclose(table.distances, np.sort(gaps, axis=1)[:, :7], atol=1e-12)
    assert (table.distances[:20, 0] == 0).all()
    assert (table.indices != np.arange(170)[:, None]).all()


def test_many_equal_points_are_neighbours_of_each_other_but_not_of_themselves() -> None:
    table = find_neighbours(np.repeat([[0.0, 1.0], [5.0, 5.0]], 30, axis=0), 4)
    assert (table.distances == 0).all()
    assert (table.indices != np.arange(60)[:, None]).all()


@pytest.mark.parametrize(("n", "dim", "k"), [(400, 2, 1), (400, 8, 5), (1500, 64, 1)])
def test_expected_log_distance_equals_simulation(n: int, dim: int, k: int) -> None:
    drawn = [np.log(find_neighbours(normal(n, dim, seed), k).distances[:, k - 1]).mean() for seed in range(10)]
    error = np.std(drawn) / np.sqrt(10) + 1e-4
    assert expected_log_neighbour_distance(n, dim, k) == pytest.approx(np.mean(drawn), abs=4 * error)


def test_official_discrete_kl_is_the_divergence_of_histograms_over_the_samples_range() -> None:
    points = np.random.default_rng(1).exponential(size=(500, 3)) * [1.0, 2.0, 5.0]
    sample = np.random.default_rng(0).standard_normal((500, 3))
    scores = PointCloud(points).scores.T  # up to a sign each, by which the histograms differ
    scores = scores * np.sqrt(sample.var(0, ddof=1).sum() / scores.var(0, ddof=1).sum())
    edges = np.linspace(sample.min(), sample.max(), 31)
    squares: list[float] = []
    for own, drawn in zip(scores.T, sample.T, strict=True):
        p, q = (np.histogram(values, edges)[0] + 1e-16 for values in (own, drawn))
        squares.append(entropy(p, q) ** 2)
    assert kl_discrete(points, variant="official") == pytest.approx(np.mean(squares), abs=1e-4)


def test_a_normal_sample_reads_as_normal() -> None:
    points = normal(4000, 6)
    assert koleo(points) == pytest.approx(1.0, abs=0.005)
    assert kl_empirical(points) == pytest.approx(0.0, abs=0.15)
    assert kl_discrete(points) == pytest.approx(0.0, abs=1e-3)
    assert vrm(points) < 0.002
    assert effective_rank(points) == pytest.approx(6, abs=0.01)
    assert participation_ratio(points) == pytest.approx(6, abs=0.05)


def test_empirical_kl_of_a_uniform_square() -> None:
    # KL(U || N) with equal variance: log of √(2πe) over the side √12, for each of two dimensions
    expected = 2 * np.log(np.sqrt(2 * np.pi * np.e) / np.sqrt(12))
    points = np.random.default_rng(0).uniform(size=(8000, 2))
    assert kl_empirical(points) == pytest.approx(expected, abs=0.06)


def test_pairs_equal_brute_force() -> None:
    points = normal(1100, 4) + 0.5
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert average_cosine(points) == pytest.approx(1 - pdist(points, "cosine").mean(), rel=1e-9)
    assert uniformity(points) == pytest.approx(np.log(np.exp(-2 * pdist(unit, "sqeuclidean")).mean()), rel=1e-9)


def test_zero_vectors_have_no_direction() -> None:
    points = np.concatenate([normal(50, 3), np.zeros((1, 3))])
    assert np.isfinite(average_cosine(points))
    assert np.isfinite(partition_ratio(points))
    with pytest.raises(DataError, match="zero vector"):
        uniformity(points)


@pytest.mark.parametrize("intrinsic", [1, 2, 4])
def test_two_nn_finds_the_dimension_of_a_flat_sheet(intrinsic: int) -> None:
    sheet = np.random.default_rng(0).random((3000, intrinsic)) @ normal(intrinsic, 12)
    assert two_nn(sheet) == pytest.approx(intrinsic, rel=0.1)


def test_a_hub_skews_hubness() -> None:
    star = np.concatenate([np.zeros((1, 30)), np.eye(30) * 5, -np.eye(30) * 5])
    assert hubness(star, k=1) > 5


def test_cells_equal_one_by_one_computation() -> None:
    points = normal(600, 5)
    codes = np.random.default_rng(0).integers(0, 60, (600, 3)).astype(np.uint8)
    codes[:100, 0] = 7  # one cell with more points than dimensions
    expected = [
        eee(points[column == code]) for column in codes.T for code in np.unique(column) if (column == code).sum() > 1
    ]
    found = cell_eees(points, np.arange(600), codes)
    np.testing.assert_allclose(np.sort(found), np.sort(expected), atol=1e-9)


def test_repeated_points_of_a_cell_count_once() -> None:
    cloud = PointCloud(np.concatenate([normal(30, 4)] * 3))
    codes = np.zeros((90, 1), dtype=np.uint8)
    np.testing.assert_allclose(
        cell_eees(cloud.values, cloud.labels, codes), cell_eees(normal(30, 4), np.arange(30), codes[:30])
    )


def test_cka_equals_its_kernel_form() -> None:
    x, y = normal(80, 5), normal(80, 7, 1)
    y[:, :5] += x
    centre = np.eye(80) - 1 / 80
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    assert linear_cka(x, y) == pytest.approx((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()), rel=1e-9)


def hsic(k: np.ndarray, m: np.ndarray) -> float:
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    return float((k * m).sum() + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * k.sum(0) @ m.sum(0))


def test_debiased_cka_equals_the_unbiased_hsic() -> None:
    x, y = normal(40, 5) + 3, normal(40, 60, 1)
    y[:, :5] += x
    k, m = x @ x.T, y @ y.T
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert linear_cka(x, y, debiased=True) == pytest.approx(expected, rel=1e-9)


def test_debiased_cka_of_unrelated_sets_is_near_zero_where_the_plain_one_is_not() -> None:
    x, y = normal(100, 300), normal(100, 300, 1)
    assert linear_cka(x, y) > 0.6
    assert linear_cka(x, y, debiased=True) == pytest.approx(0.0, abs=0.05)


def test_procrustes_equals_scipy() -> None:
    x, y = normal(60, 4), normal(60, 4, 1)
    assert procrustes(x, y) == pytest.approx(scipy_procrustes(x, y)[2], rel=1e-9)


def test_neighbour_overlap_of_unrelated_sets() -> None:
    assert neighbour_overlap(normal(2000, 3), normal(2000, 3, 1)) == pytest.approx(10 / 1999, abs=0.002)


def test_principal_angles_of_known_planes() -> None:
    first = np.concatenate([np.eye(4)[:2] * 3, -np.eye(4)[:2] * 3])
    turned = first.copy()
    turned[:, [1, 2]] = np.outer(first[:, 1], [np.cos(1e-7), np.sin(1e-7)])
    angles = principal_angles(first, turned, rank=2)
    np.testing.assert_allclose(angles, [0.0, 1e-7], atol=1e-12)
    disjoint = np.roll(first, 2, axis=1)
    np.testing.assert_allclose(principal_angles(first, disjoint, rank=2), [np.pi / 2] * 2)
    assert subspace_overlap(first, disjoint) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(UsageError, match="rank must be from 1 to the 2 directions"):
        principal_angles(first, disjoint, rank=3)
    with pytest.raises(DataError, match="one space"):
        principal_angles(first, first[:, :3])


def test_paired_measures_need_as_many_points() -> None:
    with pytest.raises(DataError, match="as many points, got 10 and 9"):
        linear_cka(normal(10, 2), normal(9, 2))
