"""What tests share: where the reference material lies, and the bundled encoder, loaded once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["SPACETUNE_CACHE"] = tempfile.mkdtemp(prefix="spacetune-tests-")

from spacetune import Encoder

settings.register_profile("no deadline", deadline=None)  # a first call loads kernels; slow is not wrong
settings.load_profile("no deadline")
SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the reference material (../shared) is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder.from_pretrained(dtype="float32")
