"""Every measurement that `python -m benchmarks` names is there, and has a `main`."""

from __future__ import annotations

from importlib import import_module

import pytest
from benchmarks.__main__ import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_a_measurement(name: str) -> None:
    assert callable(import_module(f"benchmarks.{name}").main)
