"""A seeded sample of changes over the core, and what became of them."""

from __future__ import annotations

import collections
import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.mutation.changes import Change
from benchmarks.mutation.copies import ROOT
from benchmarks.mutation.operators import changes_of

ROOMS = ("heads", "geometry", "dissection", "encoders", "fitting", "estimators", "explanations", "data",
         "model_folder")  # fmt: skip
NOTICED = {"noticed", "timeout"}


def sample(n: int, seed: int, rooms: Sequence[str] = ROOMS) -> list[Change]:
    """Draw n changes, one a line and kind at most; a larger sample begins with the smaller one."""
    source = ROOT / "src" / "spacetune"
    files = sorted(str(p.relative_to(source)) for room in rooms for p in (source / room).rglob("*.py"))
    if not files:
        raise SystemExit(f"there is nothing to change: rooms are {', '.join(ROOMS)}")
    rng = random.Random(seed)
    by_place: dict[tuple[str, int, str], list[Change]] = collections.defaultdict(list)
    for change in (c for file in files for c in changes_of(source, file)):
        by_place[change.file, change.start[0], change.kind].append(change)
    drawn = [rng.choice(found) for found in by_place.values()]
    rng.shuffle(drawn)
    return drawn[:n]


def summary(results: Path, keys: set[str], seed: int) -> dict[str, Any]:
    """Count what became of the sample; list the changes that nothing noticed."""
    rows = [row for row in map(json.loads, results.read_text().splitlines()) if row["key"] in keys]
    rooms = {room: _shares([row for row in rows if row["room"] == room]) for room in ROOMS}
    kinds = {kind: _shares([row for row in rows if row["kind"] == kind]) for kind in sorted({r["kind"] for r in rows})}
    shown = ("file", "line", "kind", "before", "after", "outcome", "tests")
    missed = [{name: row[name] for name in shown} for row in rows if row["outcome"] not in NOTICED]
    return {
        "seed": seed,
        "commit": _commit(),
        **_shares(rows),
        "mean_seconds": round(sum(row["seconds"] for row in rows) / max(1, len(rows)), 1),
        "rooms": rooms,
        "kinds": kinds,
        "missed": sorted(missed, key=lambda row: (row["file"], row["line"])),
    }


def _shares(rows: list[dict[str, Any]]) -> dict[str, Any]:
    outcomes = collections.Counter(row["outcome"] for row in rows)
    noticed = sum(outcomes[name] for name in NOTICED)
    return {"n": len(rows), "noticed": noticed, "share": round(noticed / len(rows), 3) if rows else None,
            "outcomes": dict(sorted(outcomes.items()))}  # fmt: skip


def _commit() -> str:
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return told.stdout.strip()
