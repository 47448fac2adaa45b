"""What tests share: where the reference material lies, the bundled encoder, and how a run is divided and summed up."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import spacetune

# One store for a run: workers inherit it from the process that starts them. One thread each: the cores go to workers.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not IS_WORKER:
    os.environ["SPACETUNE_CACHE"] = tempfile.mkdtemp(prefix="spacetune-tests-")
    os.environ["OMP_NUM_THREADS"] = "1"

settings.register_profile("no deadline", deadline=None)  # a first call loads kernels; slow is not wrong
settings.load_profile("no deadline")
TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parent.parent / "shared"
ONE_SERVER = TESTS / "web"
"""A folder whose files share a server and its models: it stays on one worker."""


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the reference material (../shared) is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def encoder() -> spacetune.Encoder:
    return spacetune.Encoder.from_pretrained(dtype="float32")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, so that what they share is made once."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_group(item.path)))


def _group(path: Path) -> str:
    return str(ONE_SERVER if ONE_SERVER in path.parents else path)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Generator[None]:
    """End with how many tests were skipped, and why."""
    yield
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    terminalreporter.section("skipped tests", sep="-")
    for reason, number in reasons.most_common():
        terminalreporter.line(f"{number} skipped: {reason}")
    if not reasons:
        terminalreporter.line("none skipped")


def _reason(report: Any) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not IS_WORKER:
        shutil.rmtree(os.environ["SPACETUNE_CACHE"], ignore_errors=True)
