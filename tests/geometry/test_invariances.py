"""The invariances that the catalogue states, on random points, rotations, shifts and scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetune.geometry import CATALOGUE

NOT_QUANTIZED = [name for name, measure in CATALOGUE.items() if measure.needs != "quantizer"]
PERMUTED = 0.03
"""How far DiME moves with other permutations of 60 points."""
LOOSE = {"vrm": 1e-6, "kl_discrete": 1e-2, "knn_overlap": 0.02, "hubness": 1e-6, "neighbour_overlap": 0.02}


def cloud(seed: int, n: int = 60, dim: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dim)) * np.linspace(1.0, 2.0, dim) + rng.standard_normal(dim)


def rotation(seed: int, dim: int = 5) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((dim, dim)))[0]


def changed(points: np.ndarray, by: str, seed: int, size: float) -> np.ndarray:
    rng = np.random.default_rng(seed + 2)
    if by == "rotation":
        return points @ rotation(seed, points.shape[1])
    if by == "shift":
        return points + size * rng.standard_normal(points.shape[1])
    if by == "scale":
        return points * size
    return points * rng.uniform(0.1, 10.0, (len(points), 1))


@pytest.mark.parametrize("name", NOT_QUANTIZED)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(0.01, 100.0))
def test_stated_invariances_hold(name: str, seed: int, size: float) -> None:
    measure = CATALOGUE[name]
    sets = [cloud(seed + 100 * i) for i in range(measure.sets)]
    before = measure.function(*sets)
    for by in measure.invariances:
        # between two sets the change is one for both: principal angles compare directions in one space
        after = measure.function(*[changed(points, by, seed, size) for points in sets])
        assert after == pytest.approx(before, rel=1e-6, abs=LOOSE.get(name, 1e-6)), by


@pytest.mark.parametrize("name", ["linear_cka", "debiased_cka", "procrustes", "neighbour_overlap", "dime"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(0.01, 100.0))
def test_paired_measures_do_not_see_a_change_of_one_set(name: str, seed: int, size: float) -> None:
    function = CATALOGUE[name].function
    first, second = cloud(seed), cloud(seed + 100)
    moved = changed(changed(changed(second, "rotation", seed, size), "shift", seed, size), "scale", seed, size)
    assert function(first, moved) == pytest.approx(function(first, second), abs=1e-6)


@pytest.mark.parametrize("name", NOT_QUANTIZED)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_points_does_not_matter(name: str, seed: int) -> None:
    measure = CATALOGUE[name]
    order = np.random.default_rng(seed).permutation(60)
    sets = [cloud(seed + 100 * i) for i in range(measure.sets)]
    shuffled = measure.function(*[points[order] for points in sets])
    close = PERMUTED if name == "dime" else LOOSE.get(name, 1e-6)
    assert shuffled == pytest.approx(measure.function(*sets), rel=1e-6, abs=close)


@pytest.mark.parametrize("kind", ["pq"])
def test_quantizer_measures_are_invariant_to_a_power_of_two(kind: str) -> None:
    pytest.importorskip("faiss")
    points = np.random.default_rng(0).standard_normal((400, 8)).astype(np.float32)
    for name, measure in CATALOGUE.items():
        if name.startswith(kind):
            assert measure.function(points * 4) == pytest.approx(measure.function(points), rel=1e-5), name
