"""Which test reads which line: one run of the suite under coverage, with a context for every test and wide fixture."""

from __future__ import annotations

import collections
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutation.copies import environment, make_copy

LEFT_OUT = ("--ignore=tests/clients", "--ignore=tests/cluster", "--ignore=tests/elsewhere", "-m", "not browser")
"""What needs an environment of its own, or a browser, says little of a line of the core."""
FOREIGN = ("_pytest", "pytest", "pluggy", "coverage", "xdist")


def record(work: Path, lines: Path, rooms: list[str]) -> None:
    """Run the suite in a copy, or some rooms' tests; write tests, seconds, lines by file, and the modules loaded."""
    folder = make_copy(work, lines.stem)
    parts = [part for room in rooms for part in (f"tests/{room}", f"src/spacetune/{room}") if (folder / part).exists()]
    command = [sys.executable, "-m", "pytest", "-p", "benchmarks.mutation.recording", "-q", *LEFT_OUT, *parts]
    if importlib.util.find_spec("xdist") is not None:
        command.append("-n0")
    subprocess.run(command, cwd=folder, env={**environment(folder), "SPACETUNE_LINES": str(lines)}, check=False)


class Recorder:
    """A plugin of pytest: what a test reads is its own lines and those of the wide fixtures it uses."""

    def __init__(self, source: Path) -> None:
        import coverage

        self.source = source
        self.coverage = coverage.Coverage(data_file=None, source=[str(source)], config_file=False)
        self.seconds: dict[str, float] = collections.defaultdict(float)
        self.fixtures: dict[str, list[str]] = {}
        self.passed: set[str] = set()
        self.stack: list[str] = []
        self.coverage.start()

    def _enter(self, context: str) -> None:
        self.stack.append(context)
        self.coverage.switch_context(context)

    def _leave(self) -> None:
        self.stack.pop()
        self.coverage.switch_context(self.stack[-1] if self.stack else "outside")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        named = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        self.fixtures[item.nodeid] = [_name(d) for found in named.values() for d in found if d.scope != "function"]
        self._enter(item.nodeid)
        yield
        self._leave()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        wide = fixturedef.scope != "function"
        if wide:
            self._enter(_name(fixturedef))
        yield
        if wide:
            self._leave()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        tests = sorted(self.passed)
        users: dict[str, list[int]] = collections.defaultdict(list)
        for number, test in enumerate(tests):
            for context in (test, *self.fixtures.get(test, ())):
                users[context].append(number)
        data = self.coverage.get_data()
        lines: dict[str, dict[int, list[int]]] = {}
        for file in sorted(data.measured_files()):
            contexts = data.contexts_by_lineno(file)
            own = {line: sorted({n for c in found for n in users.get(c, ())}) for line, found in contexts.items()}
            lines[str(Path(file).relative_to(self.source))] = {k: v for k, v in sorted(own.items()) if v}
        told = {
            "tests": tests,
            "seconds": [round(self.seconds[test], 3) for test in tests],
            "lines": lines,
            "modules": _loaded(),
        }
        Path(os.environ["SPACETUNE_LINES"]).write_text(json.dumps(told))


def pytest_configure(config: Any) -> None:
    if "SPACETUNE_LINES" in os.environ:
        config.pluginmanager.register(Recorder(Path.cwd() / "src" / "spacetune"))


def _name(fixture: Any) -> str:
    return f"fixture {fixture.baseid}::{fixture.argname}"


def _loaded() -> list[str]:
    """Return the third-party modules in memory: a process that has them loads spacetune in no time."""
    return [
        name for name, module in list(sys.modules.items())
        if "site-packages" in (getattr(module, "__file__", None) or "") and not name.startswith(FOREIGN)
    ]  # fmt: skip
