"""Numbers that do not differ leave nothing to learn."""

from __future__ import annotations

import pytest

from spacetune import SpaceRegressor
from spacetune.errors import DataError
from spacetune.estimators import LinearProbeRegressor


@pytest.mark.parametrize("kind", [LinearProbeRegressor, SpaceRegressor])
def test_constant_numbers_are_refused(kind: type[LinearProbeRegressor]) -> None:
    with pytest.raises(DataError, match=r"numbers that differ, and all 12 labels are 1\.5"):
        kind(store=None).fit(["a", "b", "c"] * 4, [1.5] * 12)
