"""What the geometry tests share: golden files, random points, quiet sample-size warnings."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spacetune.geometry import SampleSizeWarning

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "golden" / "geometry"


@pytest.fixture(autouse=True)
def quiet_sample_sizes() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        yield


@pytest.fixture(scope="session")
def golden() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the golden files are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def reference(golden: Path) -> dict[str, Any]:
    return json.loads((golden / "reference.json").read_text())


@pytest.fixture(scope="session")
def point_sets(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "points.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="session")
def points() -> np.ndarray:
    """Return 300 uneven points of 8 dimensions, off the origin."""
    rng = np.random.default_rng(5)
    return rng.standard_normal((300, 8)) @ rng.standard_normal((8, 8)) + 0.5
