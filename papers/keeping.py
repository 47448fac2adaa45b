"""Results on disk: written whole or not at all, so that an interrupted study goes on from its file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def keep(path: Path, found: dict[str, Any]) -> None:
    """Write the results whole or not at all."""
    unfinished = path.with_suffix(".writing")
    unfinished.write_text(json.dumps(found, indent=1) + "\n")
    os.replace(unfinished, path)
