"""The official measures timed on the same points: `VM_transfer/sample_build_and_metrics.py` of amarbut/manifolds.

That script has no licence, so it is not kept here: name your copy in the environment variable OFFICIAL_GEOMETRY. Where
there is none, the times are those of an earlier run, and say so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

EARLIER = {
    "measured": "earlier: 2026-11-21, one run, Intel Xeon, 1 thread, faiss 1.15.1",
    "whole set": 11.38,
}
"""Processor seconds of the script's `metric_run` on the 4,000 MiniLM tokens."""
UNUSED = {"fairseq": (), "fairseq.models": (), "fairseq.models.roberta": ("RobertaModel",)}
"""What the script imports for its encoders, which its measures do without."""


def official_seconds(points: np.ndarray, repeats: int = 3) -> dict[str, Any]:
    """Return the processor seconds of the official measures on these points, best of some runs."""
    given = os.environ.get("OFFICIAL_GEOMETRY")
    if not given:
        return EARLIER
    script, runs = load(Path(given)), []
    for _ in range(repeats):
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            script.metric_run(points)
        runs.append(time.process_time() - start)
    return {"measured": "in this run", "whole set": min(runs)}


def load(path: Path) -> ModuleType:
    """Import the script, with empty modules in place of what is not installed and not used here."""
    for name, members in UNUSED.items():
        if name not in sys.modules:
            sys.modules[name] = ModuleType(name)
            for member in members:
                setattr(sys.modules[name], member, None)
    spec = importlib.util.spec_from_file_location("official_geometry_script", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"OFFICIAL_GEOMETRY must name the script, got {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
