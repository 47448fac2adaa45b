"""Facts 29 to 40 and 44 of the paper notes: values known by algebra, seeds, and whole numbers of tokens."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import skew

from spacetune.geometry import (
    PointCloud,
    eee,
    isoscore,
    participation_ratio,
    pc_ratio,
    quantize,
    reconstruction_iqr,
    reconstruction_skew,
    train_quantizer,
    vrm,
)
from spacetune.geometry import synthetic as synthetic_set
from spacetune.geometry.cell_counts import (
    patchiness_of_counts,
    point_count_kl_of_counts,
    point_count_variance_of_counts,
)


def with_variances(*variances: float) -> np.ndarray:
    """Return two points on each axis, so that the covariance is diagonal in these proportions."""
    axes = np.diag(np.sqrt(np.array(variances)))
    return np.concatenate([axes, -axes])


@pytest.mark.parametrize(
    ("variances", "expected"),
    [
        ((4, 3, 2, 1), 0.2125),
        ((1, 1, 0, 0), 0.4375),
        ((1, 0, 0, 0), 0.5625),
        ((1, 1, 1, 1), 0.0),
        ((1, 0), 0.25),
    ],
)
def test_29_eee(variances: tuple[float, ...], expected: float) -> None:
    assert eee(with_variances(*variances)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("p", [2, 3, 10, 64])
def test_29_eee_maximum(p: int) -> None:
    assert eee(with_variances(1, *[0] * (p - 1))) == pytest.approx(((p - 1) / p) ** 2)


def test_30_rotation_shift_and_scale() -> None:
    rng = np.random.default_rng(4)
    points = rng.standard_normal((3000, 6)) * [3, 2, 2, 1, 1, 0.5]
    turned = 7.5 * points @ np.linalg.qr(rng.standard_normal((6, 6)))[0] + rng.standard_normal(6)
    assert eee(turned) == pytest.approx(eee(points), rel=1e-9)
    assert pc_ratio(turned) == pytest.approx(pc_ratio(points), rel=1e-9)
    assert vrm(turned) == pytest.approx(vrm(points), rel=1e-3)


@pytest.mark.parametrize(
    ("variances", "expected"),
    [((4, 3, 2, 1), 7 / 9), ((1, 1, 0, 0), 1 / 3), ((1, 1, 1, 1), 1.0), ((1, 0, 0, 0), 0.0)],
)
def test_31_isoscore(variances: tuple[float, ...], expected: float) -> None:
    points = with_variances(*variances)
    assert isoscore(points) == pytest.approx(expected, abs=1e-12)
    assert isoscore(points) == pytest.approx((participation_ratio(points) - 1) / 3, abs=1e-12)


def test_32_and_33_the_seed_gives_the_published_sets() -> None:
    assert eee(synthetic_set("sp", 100), variant="official") == 0.0353
    assert eee(synthetic_set("clust", 10), variant="official") == 0.4987
    assert eee(synthetic_set("clust_s", 100), variant="official") == 0.6746
    assert pc_ratio(synthetic_set("cone", 10), variant="official") == 0.0807
    assert pc_ratio(synthetic_set("sp", 2), variant="official") == 0.9118


def test_34_vrm() -> None:
    assert vrm(synthetic_set("clust", 50)) == pytest.approx(0.2655, abs=0.001)
    assert vrm(synthetic_set("circ", 2)) == pytest.approx(0.189, abs=0.003)


@pytest.mark.parametrize("n", [256, 2560, 25600])
def test_35_patchiness_at_its_ends(n: int) -> None:
    even = np.full((4, 256), n // 256)
    one_cell = np.zeros((4, 256), dtype=int)
    one_cell[:, 7] = n
    assert patchiness_of_counts(even, variant="official") == pytest.approx(1 - 64 / n)
    assert patchiness_of_counts(one_cell, variant="official") == pytest.approx(16.9375 - 64 / n)
    assert patchiness_of_counts(even) == pytest.approx(1 - 256 / n)
    assert patchiness_of_counts(one_cell) == pytest.approx(256 - 256 / n)


def test_patchiness_of_random_counts_is_one() -> None:
    counts = np.random.default_rng(0).multinomial(100_000, np.full(256, 1 / 256), size=4)
    assert patchiness_of_counts(counts) == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("unevenness", [0.05, 0.15, 0.3, 0.5])
def test_36_patchiness_is_nearly_affine_in_the_count_variance(unevenness: float) -> None:
    rng, n = np.random.default_rng(1), 116_667
    shares = np.exp(unevenness * rng.standard_normal((4, 256)))
    counts = np.stack([rng.multinomial(n, row / row.sum()) for row in shares])
    variance = point_count_variance_of_counts(counts)
    assert variance < 0.4
    predicted = 1 + variance / 16 - 64 / n
    assert patchiness_of_counts(counts, variant="official") == pytest.approx(
        predicted, abs=1e-4 if variance < 0.1 else 5e-4
    )


def test_36_holds_in_the_published_rows(golden: Path) -> None:
    with (golden / "published" / "bert_small.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["p-count_var"]]
    assert len(rows) == 125
    for row in rows:
        for kind in "pa":
            variance, patchiness = float(row[f"{kind}-count_var"]), float(row[f"{kind}-patchiness"])
            predicted = 1 + variance / 16 - 64 / 116_667
            if variance < 0.3:
                assert patchiness == pytest.approx(predicted, abs=5e-5 if variance < 0.1 else 5e-4)


def test_37_even_counts() -> None:
    even = np.full((4, 256), 3)
    assert point_count_variance_of_counts(even) == 0.0
    assert point_count_kl_of_counts(even) == pytest.approx(0.0, abs=1e-15)
    one_cell = np.zeros((4, 256), dtype=int)
    one_cell[:, 0] = 10
    assert point_count_variance_of_counts(one_cell) == np.inf
    assert point_count_kl_of_counts(one_cell) == pytest.approx(np.log(256))


def test_38_points_on_the_centroids_lose_nothing() -> None:
    pytest.importorskip("faiss")
    quantizer = train_quantizer(np.random.default_rng(2).standard_normal((500, 8)), "product")
    codes = np.random.default_rng(3).integers(0, 256, (400, 4)).astype(np.uint8)
    found = quantize(quantizer.decode(codes), "product", quantizer=quantizer)
    assert (found.codes == codes).all()
    assert (found.errors == 0).all()


def test_38_additive_loses_less_in_every_published_row(golden: Path) -> None:
    seen = 0
    for path in sorted((golden / "published").glob("*.csv")):
        with path.open() as file:
            rows = [row for row in csv.DictReader(file) if row.get("p-error")]
        assert all(float(row["a-error"]) <= float(row["p-error"]) for row in rows)
        seen += len(rows)
    assert seen == 125 + 7 + 36 + 13


def test_39_error_shape(points: np.ndarray) -> None:
    pytest.importorskip("faiss")
    cloud = PointCloud(points)
    errors = cloud.quantization("product").errors
    assert 0.0 <= reconstruction_iqr(cloud) <= 1.0
    assert reconstruction_skew(cloud) == pytest.approx(float(skew(errors, bias=True)))


def test_40_centroid_distances_are_squared_under_one_maximum(points: np.ndarray) -> None:
    pytest.importorskip("faiss")
    from scipy.spatial.distance import cdist

    from spacetune.geometry import centroid_distance_variance

    cloud = PointCloud(points)
    nearest = []
    for book in cloud.quantization("product").quantizer.codebooks.astype(np.float64):
        gaps = cdist(book, book, "sqeuclidean")
        np.fill_diagonal(gaps, np.inf)
        nearest.extend(gaps.min(axis=1))
    expected = np.var(np.array(nearest) / max(nearest))
    assert centroid_distance_variance(cloud) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("file", "n_fractions", "n_tokens"),
    [("bert_small", 500, 116_667), ("bert_base", 28, 116_667), ("roberta_base", 76, 120_952)],
)
def test_44_one_number_of_tokens_alone_makes_every_published_fraction_a_whole_count(
    golden: Path, file: str, n_fractions: int, n_tokens: int
) -> None:
    with (golden / "published" / f"{file}.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    columns = [column for column in rows[0] if "under_mu" in column]
    fractions = np.array([float(row[column]) for row in rows for column in columns if row[column]])
    assert len(fractions) == n_fractions
    sizes = np.arange(60_000, 200_001)
    whole = np.ones(len(sizes), dtype=bool)
    for fraction in fractions:
        counts = fraction * sizes[whole]
        whole[whole] = np.abs(counts - np.rint(counts)) < 1e-6
    assert sizes[whole].tolist() == [n_tokens]
