"""Streaming: any cut into chunks and shards gives the moments, counts and sample of one pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetune.errors import DataError, UsageError
from spacetune.geometry import (
    CellCounts,
    Directions,
    Moments,
    Reservoir,
    average_cosine,
    cell_counts,
    cells,
    train_quantizer,
)


def far_points(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Return points far from the origin, where sums of squares without a shift lose most digits."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, dim)) * np.linspace(0.1, 3.0, dim) + 1e3).astype(np.float32)


def test_sixteen_merged_shards_agree_with_one_pass() -> None:
    points = far_points(20_000, 48)
    whole = Moments(48).update(points)
    merged = Moments(48)
    for shard in np.array_split(points, 16):
        merged = merged.merge(Moments(48).update(shard))
    exact = np.cov(points.astype(np.longdouble).astype(np.float64), rowvar=False)
    assert merged.n == whole.n == 20_000
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-9)
    np.testing.assert_allclose(merged.covariance, whole.covariance, rtol=1e-9, atol=1e-9 * np.abs(exact).max())
    np.testing.assert_allclose(whole.covariance, exact, rtol=1e-9, atol=1e-9 * np.abs(exact).max())
    np.testing.assert_allclose(merged.spectrum.values, whole.spectrum.values, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=6), seed=st.integers(0, 100))
def test_any_chunks_give_the_same_moments(cuts: list[int], seed: int) -> None:
    points = far_points(400, 5, seed).astype(np.float64)
    chunked = Moments(5)
    for chunk in np.split(points, sorted(cuts)):
        chunked.update(chunk)
    np.testing.assert_allclose(chunked.mean, points.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(chunked.covariance, np.cov(points, rowvar=False), rtol=1e-8, atol=1e-9)


def test_a_bad_chunk_leaves_nothing_behind() -> None:
    points = far_points(100, 4)
    moments = Moments(4).update(points)
    before = moments.second.copy()
    spoilt = points.copy()
    spoilt[3, 2] = np.nan
    for bad, message in (
        (spoilt, "finite"),
        (points[:, :3], r"shape \(n, 4\)"),
        (points.astype(str), "real"),
    ):
        with pytest.raises(DataError, match=message):
            moments.update(bad)
    assert moments.n == 100
    np.testing.assert_array_equal(moments.second, before)
    with pytest.raises(UsageError, match="one dimension, got 4 and 3"):
        moments.merge(Moments(3))
    with pytest.raises(DataError, match="at least 2 points"):
        _ = Moments(4).update(points[:1]).covariance


def test_merging_changes_neither_operand() -> None:
    one, two = Moments(4).update(far_points(50, 4)), Moments(4).update(far_points(60, 4, 1))
    before = one.second.copy(), two.second.copy()
    one.merge(two)
    np.testing.assert_array_equal(one.second, before[0])
    np.testing.assert_array_equal(two.second, before[1])


def test_directions_give_the_exact_average_cosine() -> None:
    points = np.random.default_rng(0).standard_normal((500, 6)) + 0.3
    points[7] = 0.0
    merged = Directions(6).update(points[:200]).merge(Directions(6).update(points[200:]))
    assert merged.average_cosine == pytest.approx(average_cosine(points), rel=1e-12)


@pytest.mark.slow
def test_cell_counts_of_shards_equal_the_measures_of_all_points() -> None:
    pytest.importorskip("faiss")
    points = np.random.default_rng(0).standard_normal((3000, 8)).astype(np.float32)
    quantizer = train_quantizer(points, "product")
    merged = CellCounts(quantizer)
    for shard in np.array_split(points, 7):
        merged = merged.merge(CellCounts(quantizer).update(shard))
    assert merged.n == 3000
    assert merged.patchiness == cell_counts.patchiness(points)
    assert merged.point_count_variance == cell_counts.point_count_variance(points)
    assert merged.point_count_kl == cell_counts.point_count_kl(points)
    assert merged.reconstruction_error == pytest.approx(cells.reconstruction_error(points), rel=1e-5)
    assert merged.reconstruction_skew == pytest.approx(cells.reconstruction_skew(points), rel=1e-4)
    with pytest.raises(UsageError, match="one quantizer"):
        merged.merge(CellCounts(train_quantizer(points[:1000], "product")))
    with pytest.raises(DataError, match="finite"):
        merged.update(np.full((2, 8), np.nan))


def test_shards_whose_errors_differ_have_the_skew_of_all_points() -> None:
    pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    near, far = rng.standard_normal((900, 8)), 2.5 * rng.standard_normal((250, 8)) + 1
    quantizer = train_quantizer(near.astype(np.float32), "product")
    points = np.concatenate([near, far]).astype(np.float32)
    errors = np.linalg.norm(points - quantizer.decode(quantizer.encode(points)), axis=1).astype(float)
    gaps = errors - errors.mean()
    expected = np.sqrt(len(gaps)) * (gaps**3).sum() / (gaps**2).sum() ** 1.5
    for cuts in ([900], [1000], [100, 950, 1100], []):
        merged = CellCounts(quantizer)
        for shard in np.split(points, cuts):
            merged = merged.merge(CellCounts(quantizer).update(shard))
        assert merged.reconstruction_skew == pytest.approx(expected, rel=1e-3)


def test_a_sample_is_uniform_and_the_same_for_any_shards() -> None:
    rows = np.arange(1000.0)[:, None]
    whole = Reservoir(50, seed=3).update(rows)
    merged = Reservoir(50, seed=3)
    for start in range(0, 1000, 125):
        merged = merged.merge(Reservoir(50, seed=3, start=start).update(rows[start : start + 125]))
    np.testing.assert_array_equal(whole.points, merged.points)
    assert whole.n == merged.n == 1000
    means = [Reservoir(50, seed=seed).update(rows).points.mean() for seed in range(200)]
    assert np.mean(means) == pytest.approx(499.5, abs=10)
    assert np.std(means) == pytest.approx(1000 / np.sqrt(12 * 50) * np.sqrt(0.95), rel=0.2)
