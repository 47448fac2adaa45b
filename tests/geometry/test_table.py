"""The catalogue, measuring many at once, and intervals."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

import spacetune.geometry as geometry
from spacetune.errors import DataError, UsageError
from spacetune.geometry import (
    CATALOGUE,
    OFFICIAL_SET,
    Moments,
    PointCloud,
    SampleSizeWarning,
    bootstrap,
    compute,
    convergence,
    isoscore,
    list_measures,
)
from spacetune.geometry.table import RANDOM_REFERENCE


def normal(n: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim))


def test_the_catalogue_is_complete_and_true_to_its_functions() -> None:
    assert len(OFFICIAL_SET) == 19
    for name, measure in CATALOGUE.items():
        assert measure.name == name
        assert name.isidentifier()
        assert measure.purpose
        assert measure.direction
        assert measure.source
        assert measure.low < measure.high
        arguments = inspect.signature(measure.function).parameters
        assert ("variant" in arguments) == measure.variants, name
        assert ("seed" in arguments) == (name in RANDOM_REFERENCE or name == "dime"), name
        document = getattr(measure.function, "func", measure.function).__doc__ or ""
        for word in ("Range", "Sample size", "Source", ">>>"):
            assert word in document or name == "subspace_overlap", (name, word)
    assert {m.name for m in list_measures(sets=2)} >= {"linear_cka", "procrustes"}


def test_exported_names() -> None:
    assert geometry.__all__ == sorted(geometry.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert all(hasattr(geometry, name) for name in geometry.__all__)


def test_compute_shares_and_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    points = normal(800, 8)
    calls: list[int] = []
    from spacetune.geometry import cloud

    original = cloud.find_neighbours
    monkeypatch.setattr(cloud, "find_neighbours", lambda v, k: calls.append(k) or original(v, k))
    names = ["knn_overlap", "koleo", "two_nn", "hubness", "isoscore", "average_cosine"]
    found = compute(points, names)
    assert len(calls) == 1
    assert found["isoscore"] == isoscore(points)
    assert found.values == {name: CATALOGUE[name].function(points) for name in names}
    assert [row["measure"] for row in found.rows()] == names
    assert found.to_dict()["n"] == 800


def test_compute_on_a_sample_says_so() -> None:
    found = compute(normal(3000, 4), ["isoscore", "hubness"], sample=1000)
    assert [entry.n for entry in found.measured] == [3000, 1000]
    assert compute(normal(3000, 4), ["hubness"], sample=1000, seed=1)["hubness"] != found["hubness"]


def test_compute_of_moments_gives_what_streams_and_names_the_rest() -> None:
    points = normal(500, 8)
    found = compute(Moments(8).update(points))
    assert set(found.values) == {m.name for m in list_measures(needs="moments")}
    assert found["isoscore"] == pytest.approx(isoscore(points))
    with pytest.raises(DataError, match="hubness has no value: needs neighbours"):
        found["hubness"]
    with pytest.raises(UsageError, match="was not measured"):
        found["linear_cka"]


def test_wrong_calls_raise() -> None:
    with pytest.raises(UsageError, match="did you mean 'isoscore'"):
        compute(normal(100, 4), ["isoscor"])
    with pytest.raises(UsageError, match="one set, got linear_cka"):
        compute(normal(100, 4), ["linear_cka"])


def test_few_points_warn_once_by_name() -> None:
    with pytest.warns(SampleSizeWarning, match=r"100 points of 4 dimensions.*hubness \(1000\)") as caught:
        compute(normal(100, 4), ["eee", "koleo", "hubness"])
    assert len(caught) == 1
    with pytest.warns(SampleSizeWarning, match="isoscore: 5000 points of 384 dimensions; 19200 or more"):
        assert isoscore(normal(5000, 384)) == pytest.approx(0.928, abs=0.001)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SampleSizeWarning)
        isoscore(normal(1000, 4))


def test_official_results_repeat_with_their_seed() -> None:
    cloud = PointCloud(normal(400, 4))
    names = ["vrm", "koleo", "kl_empirical", "kl_discrete"]
    first, again, other = (compute(cloud, names, variant="official", seed=seed).values for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_half_sampling_gives_the_true_standard_error() -> None:
    uneven = np.array([1.0, 0.8, 0.6, 0.4, 0.2])
    values = [isoscore(normal(600, 5, seed) * uneven) for seed in range(300)]
    errors = [bootstrap(normal(600, 5, seed) * uneven, "isoscore").standard_error for seed in range(5)]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_intervals_of_every_kind() -> None:
    points = normal(400, 4)
    for measure, second in (
        ("hubness", None),
        ("linear_cka", normal(400, 4, 1)),
        (lambda x: float(x.mean()), None),
    ):
        found = bootstrap(points, measure, second=second, n_resamples=30)
        assert found.low < found.value + 3 * found.standard_error
        assert found.low < found.high
        assert found == bootstrap(points, measure, second=second, n_resamples=30)
    with pytest.raises(UsageError, match="two sets: pass the other as `second`"):
        bootstrap(points, "linear_cka")
    with pytest.raises(DataError, match="half of 400 points are too few for pq_pp"):
        bootstrap(points, "pq_pp")
    with pytest.raises(UsageError, match="level"):
        bootstrap(points, "eee", level=1.5)


def test_convergence_rises_towards_the_truth() -> None:
    curve = convergence(normal(2000, 50), "isoscore")
    means = [row["mean"] for row in curve.rows()]
    assert curve.sizes == (500, 1000, 2000) or curve.sizes[-1] == 2000
    assert means == sorted(means)
    assert means[-1] == pytest.approx(2000 / 2050, abs=0.005)
    with pytest.raises(UsageError, match="sizes must be from 2 to 2000"):
        convergence(normal(2000, 5), "isoscore", [1, 3000])


def test_a_misspelt_variant_is_refused_whatever_is_measured() -> None:
    with pytest.raises(UsageError, match="variant"):
        compute(np.random.default_rng(0).standard_normal((50, 3)), ["participation_ratio"], variant="oficial")
