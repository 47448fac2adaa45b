"""Fewer points than dimensions: variances that are 0 count as dimensions."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune.geometry import eee, isoscore, participation_ratio, pc_ratio


def test_isoscore_divides_by_the_dimensions_and_equals_the_package() -> None:
    package = pytest.importorskip("IsoScore.IsoScore")
    points = np.random.default_rng(0).standard_normal((10, 25)) * np.linspace(1, 3, 25)
    assert isoscore(points) == pytest.approx(float(package.IsoScore(points)), abs=1e-6)
    assert isoscore(points) == pytest.approx((participation_ratio(points) - 1) / 24, abs=1e-12)


def test_directions_without_variance_are_seen() -> None:
    points = np.random.default_rng(0).standard_normal((6, 12))
    assert participation_ratio(points) <= 5
    assert pc_ratio(points) == pytest.approx(0, abs=1e-12)
    assert eee(points) > 0.3
