"""What tests share: where the reference material lies, the bundled encoder, and how a run is divided and summed up."""

from __future__ import annotations

import gc
import importlib.util
import json
import logging
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import spacetune
from spacetune.encoders.loading.resolving import BUNDLED_PACKAGE

# One store for a run: workers inherit it from the process that starts them. One thread each: the cores go to workers.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not IS_WORKER:
    os.environ["SPACETUNE_CACHE"] = tempfile.mkdtemp(prefix="spacetune-tests-")
    os.environ["OMP_NUM_THREADS"] = "1"

settings.register_profile("no deadline", deadline=None)  # a first call loads kernels; slow is not wrong
settings.load_profile("no deadline")
TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parent.parent / "shared"
TOGETHER = (TESTS / "web", TESTS / "reports")
"""Folders whose files share what is dear to make (a server and its models, results of every kind): one worker each."""


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the reference material (../shared) is not beside this checkout")
    return SHARED


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Let no test meet what another, or the command line, did to the log."""
    log = logging.getLogger("spacetune")
    log.handlers[:], log.propagate = [], True
    log.setLevel(logging.NOTSET)
    yield
    log.handlers[:] = []


@pytest.fixture(scope="session")
def encoder() -> spacetune.Encoder:
    return spacetune.Encoder.from_pretrained(dtype="float32")


@pytest.fixture(scope="session")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> spacetune.Encoder:
    """Return the default encoder's first layer, with its tokenizer: a sixth of the work."""
    from safetensors.torch import load_file, save_file

    whole = Path(importlib.util.find_spec(BUNDLED_PACKAGE).origin).parent / "model"  # type: ignore[union-attr,arg-type]
    folder = tmp_path_factory.mktemp("shallow") / "encoder"
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("model.safetensors"))
    above = re.compile(r"encoder\.layer\.[1-9]")
    kept = {name: each for name, each in load_file(whole / "model.safetensors").items() if not above.match(name)}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((whole / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    return spacetune.Encoder.from_pretrained(folder, dtype="float32")


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> spacetune.Encoder:
    """Return a whole encoder of some thousand random numbers."""
    from tests.tiny_encoder import save_tiny_encoder

    return spacetune.Encoder.from_pretrained(save_tiny_encoder(tmp_path_factory.mktemp("tiny")), dtype="float32")


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> spacetune.Encoder:
    """Return an encoder of as many layers as the default one has, each of a few random numbers."""
    from tests.tiny_encoder import save_tiny_encoder

    folder = save_tiny_encoder(tmp_path_factory.mktemp("narrow"), n_layers=6, n_positions=256)
    return spacetune.Encoder.from_pretrained(folder, dtype="float32")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a file's tests on one worker, so that what they share is made once.

    ``--dist loadgroup`` does it by a mark, but pytest-xdist 3.8 with pytest 9.2 no longer heeds the mark.
    """
    if config.getoption("dist") not in ("load", "loadgroup"):
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(config.rootpath / nodeid.split("::")[0])

    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """Leave what is loaded and collected out of every later search for garbage."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what ``make test`` leaves out: what drives a real browser, and the checks of ``papers/``."""
    for item in items:
        if "driver" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        if TESTS / "papers" in item.path.parents:
            item.add_marker("slow")


def _group(path: Path) -> str:
    return str(next((folder for folder in TOGETHER if folder in path.parents), path))


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
    deselected: list[pytest.Item] = terminalreporter.stats.get("deselected", [])
    for name in ("browser", "slow"):
        if left := sum(item.get_closest_marker(name) is not None for item in deselected):
            terminalreporter.line(f"{left} left to make test-{name}")


def _reason(report: Any) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not IS_WORKER:
        shutil.rmtree(os.environ["SPACETUNE_CACHE"], ignore_errors=True)
