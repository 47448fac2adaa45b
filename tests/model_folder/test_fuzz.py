"""A few broken model folders; `python -m tests.fuzz.models` tries many."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.fuzz.models import furnish, spoilt, trouble_of


def test_a_broken_folder_is_read_or_refused(tmp_path: Path) -> None:
    places, rng = furnish(tmp_path), random.Random(0)
    for _ in range(60):
        place = Path(shutil.copytree(rng.choice(places), tmp_path / "copy"))
        spoilt(place, rng)
        assert trouble_of(place)[1] == ""
        shutil.rmtree(place)
