"""Run the tests that read a changed line, in a fork of a process that has loaded everything but spacetune.

What no test notices is shown to the type checker.
"""

from __future__ import annotations

import compileall
import contextlib
import dataclasses
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.mutation.changes import Change
from benchmarks.mutation.copies import environment, make_copy

FIRST_SECONDS = 4.0
"""Tests of about this length go first: most changes are noticed by them."""
MOST_SECONDS = 90.0
"""No change is given more seconds of tests than these (as recorded)."""

NONE_COLLECTED = 5


@dataclasses.dataclass(frozen=True)
class Tests:
    """What `record` wrote."""

    names: list[str]
    seconds: list[float]
    lines: dict[str, dict[str, list[int]]]
    modules: list[str]

    @classmethod
    def read(cls, path: Path) -> Tests:
        told = json.loads(path.read_text())
        return cls(told["tests"], told["seconds"], told["lines"], told["modules"])

    def readers(self, change: Change) -> list[int]:
        """Return the tests that read the changed lines, those of the same room first, then the quick ones."""
        by_line = self.lines.get(change.file, {})
        first, last = change.lines
        kept = {n for line, tests in by_line.items() if not last or first <= int(line) <= last for n in tests}
        return sorted(kept, key=lambda n: (f"/{change.room}/" not in self.names[n], self.seconds[n], self.names[n]))

    def stages(self, change: Change) -> Iterator[list[int]]:
        """Cut the readers into the few that go first and the others, up to the most seconds."""
        spent, first, rest = 0.0, list[int](), list[int]()
        for n in self.readers(change):
            spent += self.seconds[n] + 0.02
            if spent < MOST_SECONDS or not first:
                (first if spent < FIRST_SECONDS or not first else rest).append(n)
        yield from (stage for stage in (first, rest) if stage)


def load(modules: Iterable[str]) -> None:
    """Load third-party modules before the forks, so that every fork has them."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def run_all(changes: Sequence[Change], tests: Tests, work: Path, results: Path, workers: int, seconds: float) -> None:
    """Try changes side by side; append one line of JSON each to `results`; those in it already are left out."""
    done = {json.loads(line)["key"] for line in results.read_text().splitlines()} if results.exists() else set()
    waiting = [change for change in changes if change.key not in done]
    load(tests.modules)
    until = time.monotonic() + seconds
    forks = [_forked(lambda i=i: _work(waiting[i::workers], tests, work, results, i, until)) for i in range(workers)]
    for pid in forks:
        os.waitpid(pid, 0)


def _work(changes: Sequence[Change], tests: Tests, work: Path, results: Path, number: int, until: float) -> None:
    folder = make_copy(work, f"worker-{number}")
    compileall.compile_dir(folder / "src", quiet=1)
    enter(folder)
    for change in changes:
        if time.monotonic() > until:
            return
        told = try_change(change, tests, folder)
        with results.open("a") as file:
            file.write(json.dumps(told) + "\n")


def enter(folder: Path) -> None:
    """Make this process import spacetune from a copy."""
    os.environ.update(environment(folder))
    sys.dont_write_bytecode = True
    os.chdir(folder)
    sys.path[:0] = [str(folder / "src"), str(folder)]


def try_change(change: Change, tests: Tests, folder: Path) -> dict[str, Any]:
    """Make a change in a copy, run its tests, take it back; tell how it ended."""
    path = folder / "src" / "spacetune" / change.file
    text = path.read_text()
    told = {"key": change.key, "file": change.file, "room": change.room, "line": change.start[0], "kind": change.kind}
    told |= change.told(text)
    began, outcome, by, count = time.monotonic(), "unread", "", 0
    path.write_text(change.applied(text))
    try:
        for stage in tests.stages(change):
            names = [tests.names[n] for n in stage]
            limit = 90 + 4 * sum(tests.seconds[n] for n in stage)
            outcome, by = run_tests(names, folder, limit)
            count += len(names)
            if outcome != "survived":
                break
        if outcome == "survived" and not _well_typed(path, folder):
            outcome, by = "noticed", "pyright"
    finally:
        path.write_text(text)
    return {**told, "outcome": outcome, "by": by, "tests": count, "seconds": round(time.monotonic() - began, 1)}


def _well_typed(path: Path, folder: Path) -> bool:
    """Return whether the type checker, which `make test` runs too, has nothing to say of a file."""
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(path.relative_to(folder))]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0


def run_tests(names: list[str], folder: Path, limit: float) -> tuple[str, str]:
    """Run tests in a fork: ``noticed`` with the test that failed, ``timeout``, or ``survived``."""
    told = folder / "failed"
    told.unlink(missing_ok=True)
    pid = _forked(lambda: _pytest(names, told))
    until = time.monotonic() + limit
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "timeout", ""
        time.sleep(0.02)
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir()
    failed = told.read_text() if told.exists() else ""
    code = os.waitstatus_to_exitcode(status)
    if code == NONE_COLLECTED:
        return "unread", ""
    return ("survived", "") if code == 0 else ("noticed", failed or f"exit {code}")


class _Chosen:
    """A plugin of pytest: run these tests only, and note the first that fails."""

    def __init__(self, names: list[str], told: Path) -> None:
        self.names, self.told = set(names), told

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if self.names & {item.nodeid, item.nodeid.split("[")[0]}]

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.told.exists():
            self.told.write_text(report.nodeid)

    pytest_collectreport = pytest_runtest_logreport


def _pytest(names: list[str], told: Path) -> int:
    import pytest

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    files = list(dict.fromkeys(name.split("::")[0] for name in names))
    return int(pytest.main(["-x", "-q", "-p", "no:xdist", *files], plugins=[_Chosen(names, told)]))


def _forked(job: Callable[[], int | None]) -> int:
    """Run a job in a fork with a process group of its own; return its number."""
    pid = os.fork()
    if pid:
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        code = job() or 0
    except BaseException:  # a fork must end here, whatever happened
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)
