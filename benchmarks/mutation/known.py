"""Changes that once went unnoticed, each with the test that fails under it: found by their text, wherever it stands."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

from benchmarks.mutation.copies import make_copy
from benchmarks.mutation.known_changes import CHANGES
from benchmarks.mutation.running import enter, load, run_tests

HEAVY = ("torch", "transformers", "sklearn.linear_model", "scipy.stats", "scipy.optimize", "pandas", "hypothesis")


@dataclasses.dataclass(frozen=True)
class Known:
    """A text in `src`, what stood there instead, and the name of the test that must fail."""

    old: str
    new: str
    test: str

    def place(self, source: Path) -> Path:
        found = [path for path in sorted(source.rglob("*.py")) if path.read_text().count(self.old) == 1]
        if len(found) != 1:
            raise LookupError(f"{self.old!r} must stand in one place of src, it stands in {len(found)}")
        return found[0]

    def node(self, tests: Path) -> str:
        found = [path for path in sorted(tests.rglob("test_*.py")) if f"def {self.test}(" in path.read_text()]
        if len(found) != 1:
            raise LookupError(f"{self.test} must be the name of one test, {len(found)} files have it")
        return f"{found[0].relative_to(tests.parent)}::{self.test}"


def check_known(work: Path, words: list[str]) -> int:
    """Make each change in a copy and run its test, with and without it; return how many are not as they should be."""
    load(HEAVY)
    folder = make_copy(work, "known")
    enter(folder)
    chosen = [Known(*each) for each in CHANGES if not words or any(word in each[2] for word in words)]
    return sum(not _holds(each, folder) for each in chosen)


def _holds(known: Known, folder: Path) -> bool:
    began = time.monotonic()
    try:
        path, node = known.place(folder / "src" / "spacetune"), known.node(folder / "tests")
    except LookupError as error:
        print(f"LOST     {error}", flush=True)
        return False
    text = path.read_text()
    before, _ = run_tests([node], folder, 300)
    path.write_text(text.replace(known.old, known.new))
    try:
        after, _ = run_tests([node], folder, 300)
    finally:
        path.write_text(text)
    good = (before, after) == ("survived", "noticed")
    said = "noticed" if good else f"{before} before, {after} after"
    print(f"{said:8} {known.test} ({time.monotonic() - began:.1f} s)", flush=True)
    return good
