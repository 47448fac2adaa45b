"""Every measure in the catalogue on every bad or degenerate input: the documented value, or a clear error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spacetune.errors import DataError, MissingExtraError, UsageError
from spacetune.geometry import CATALOGUE, Measure, Moments, PointCloud, compute, quantizers

NAMES = list(CATALOGUE)
BETWEEN = [name for name, measure in CATALOGUE.items() if measure.sets == 2]
ONE_SET = [name for name, measure in CATALOGUE.items() if measure.sets == 1]
REPEATS_COUNT_ONCE = {"koleo", "kl_empirical", "two_nn"}


@pytest.fixture(autouse=True, scope="module")
def short_additive_training() -> Iterator[None]:
    """Train the additive quantizer in one round: the rules for inputs do not depend on its quality."""
    pytest.importorskip("faiss")
    original = quantizers.train_quantizer

    def quick(points: Any, kind: Any, **settings: Any) -> Any:
        if kind == "additive":
            settings = {"additive_settings": {"train_iters": 1, "train_ils_iters": 1}}
        return original(points, kind, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantizers, "train_quantizer", quick)
        yield


class Clouds(dict[str, PointCloud]):
    """Clouds by name, so that all measures share one quantizer training."""


@pytest.fixture(scope="module")
def clouds(points: np.ndarray) -> Clouds:
    rng = np.random.default_rng(1)
    whole = rng.integers(-50, 50, (300, 8))
    return Clouds(
        plain=PointCloud(points),
        repeated=PointCloud(np.concatenate([points, points])),
        integer=PointCloud(whole),
        floating=PointCloud(whole.astype(np.float64)),
        wide=PointCloud(rng.standard_normal((300, 400))),
        constant=PointCloud(np.full((300, 8), 1.5)),
        mirrored=PointCloud(rng.permutation(points)),
        **{"two places": PointCloud(np.repeat(points[:2], 150, axis=0))},
    )


def value_of(measure: Measure, given: Any) -> float:
    return measure.function(*[given] * measure.sets)


bad_points = pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda x: np.where(np.arange(len(x))[:, None] == 7, np.nan, x),
            "finite, got NaN or infinity in row 7",
        ),
        (
            lambda x: np.where(np.arange(len(x))[:, None] == 9, -np.inf, x),
            "finite, got NaN or infinity in row 9",
        ),
        (lambda x: x[0], "table"),
        (lambda x: x[:0], "table"),
        (lambda x: x[:, :0], "table"),
        (lambda x: x.astype(str), "real numbers"),
        (lambda x: x + 1j, "real numbers"),
        (lambda x: x[:1], "at least"),
    ],
    ids=["nan", "infinite", "flat", "no points", "no dimensions", "text", "complex", "one point"],
)


@bad_points
@pytest.mark.parametrize("name", NAMES)
def test_bad_points_raise(name: str, points: np.ndarray, spoil: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        value_of(CATALOGUE[name], spoil(points))


@bad_points
@pytest.mark.parametrize("name", BETWEEN)
@pytest.mark.parametrize("side", [0, 1])
def test_bad_points_in_either_set_raise(name: str, side: int, points: np.ndarray, spoil: Any, message: str) -> None:
    sets = [points, points]
    sets[side] = spoil(points)
    with pytest.raises(DataError, match=message):
        CATALOGUE[name].function(*sets)


@pytest.mark.parametrize("name", NAMES)
def test_too_few_points_raise(name: str, points: np.ndarray) -> None:
    measure = CATALOGUE[name]
    with pytest.raises(DataError, match=rf"at least {measure.advice.at_least} points, got"):
        value_of(measure, points[: measure.advice.at_least - 1])


@pytest.mark.parametrize("name", NAMES)
def test_a_value_lies_in_its_range(name: str, clouds: Clouds) -> None:
    measure = CATALOGUE[name]
    value = value_of(measure, clouds["plain"])
    assert type(value) is float
    assert np.isfinite(value)
    assert measure.low - 1e-9 <= value <= measure.high + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_constant_points(name: str, clouds: Clouds) -> None:
    measure = CATALOGUE[name]
    if measure.constant is None:
        with pytest.raises(DataError, match=r"must not all be equal|points that differ"):
            value_of(measure, clouds["constant"])
    else:
        assert value_of(measure, clouds["constant"]) == pytest.approx(measure.constant, abs=1e-9)


@pytest.mark.parametrize("name", BETWEEN)
def test_two_different_sets(name: str, clouds: Clouds) -> None:
    measure = CATALOGUE[name]
    value = measure.function(clouds["plain"], clouds["mirrored"])
    assert measure.low - 1e-9 <= value <= measure.high + 1e-9
    assert value != pytest.approx(value_of(measure, clouds["plain"]), abs=1e-3) or name == "subspace_overlap"
    for one, other in (("plain", "constant"), ("constant", "plain")):
        with pytest.raises(DataError, match="must not all be equal"):
            measure.function(clouds[one], clouds[other])
    unequal = ("plain", "wide") if name == "subspace_overlap" else ("plain", "repeated")
    with pytest.raises(DataError, match=r"one space|as many points"):
        measure.function(*(clouds[each] for each in unequal))


@pytest.mark.parametrize("name", NAMES)
def test_two_distinct_points_repeated(name: str, clouds: Clouds) -> None:
    measure = CATALOGUE[name]
    if name in REPEATS_COUNT_ONCE:
        with pytest.raises(DataError, match=r"at least 3 points, got 2.*counted once"):
            value_of(measure, clouds["two places"])
    else:
        assert not np.isnan(value_of(measure, clouds["two places"]))


@pytest.mark.parametrize("name", NAMES)
def test_integers_are_read_as_floats(name: str, clouds: Clouds) -> None:
    measure = CATALOGUE[name]
    assert value_of(measure, clouds["integer"]) == value_of(measure, clouds["floating"])


@pytest.mark.parametrize("name", NAMES)
def test_repeated_points(name: str, clouds: Clouds) -> None:
    measure = CATALOGUE[name]
    value = value_of(measure, clouds["repeated"])
    assert np.isfinite(value)
    if name in REPEATS_COUNT_ONCE:
        assert value == pytest.approx(value_of(measure, clouds["plain"]), rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_fewer_points_than_dimensions(name: str, clouds: Clouds) -> None:
    value = value_of(CATALOGUE[name], clouds["wide"])
    expected_infinite = name == "kl_gaussian"
    assert (value == np.inf) if expected_infinite else np.isfinite(value)


@pytest.mark.parametrize("name", [name for name in ONE_SET if CATALOGUE[name].variants])
def test_the_official_variant_has_a_value_and_a_misspelt_one_raises(name: str, clouds: Clouds) -> None:
    function = CATALOGUE[name].function
    assert not np.isnan(function(clouds["plain"], variant="official"))
    with pytest.raises(UsageError, match="did you mean 'official'"):
        function(clouds["plain"], variant="oficial")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_points_give_the_same_value(name: str, points: np.ndarray, clouds: Clouds) -> None:
    if not name.startswith("aq_"):
        assert value_of(CATALOGUE[name], points) == value_of(CATALOGUE[name], clouds["plain"])


@pytest.mark.parametrize("name", [name for name in ONE_SET if CATALOGUE[name].needs == "moments"])
def test_moments_stand_in_for_points(name: str, points: np.ndarray) -> None:
    function = CATALOGUE[name].function
    assert function(Moments(8).update(points)) == pytest.approx(function(points), rel=1e-9)
    constant = Moments(8).update(np.full((300, 8), 0.1))
    if CATALOGUE[name].constant is not None:
        assert function(constant) == pytest.approx(CATALOGUE[name].constant, abs=1e-6)
        return
    with pytest.raises(DataError, match="must not all be equal"):
        function(constant)


def test_a_product_quantizer_needs_a_multiple_of_four() -> None:
    with pytest.raises(DataError, match="multiple of 4, got 6"):
        CATALOGUE["pq_pp"].function(np.random.default_rng(0).standard_normal((300, 6)))


def test_without_faiss_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch, points: np.ndarray) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spacetune\[geometry\]'"):
        CATALOGUE["pq_pp"].function(points)
    found = compute(points, ["eee", "pq_pp"])
    assert list(found.values) == ["eee"]
    assert "pip install" in (found.measured[1].problem or "")
