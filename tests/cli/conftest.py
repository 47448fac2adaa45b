"""A tiny data set and a model fitted on it through the command line, once for all tests here."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from huggingface_hub import constants
from tests.tiny_encoder import save_tiny_encoder
from typer.main import get_command
from typer.testing import CliRunner

from spacetune import Encoder, few_shot
from spacetune.cli.app import app
from spacetune.encoders import DEFAULT_ENCODER, sharing
from spacetune.studies import demo_texts

FAST = ("--n-epochs", "2", "--no-baselines")
COMMAND = get_command(app)
"""What typer makes of the functions, as long as they have the same signatures: made once, as it takes a while."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a call gave back."""

    code: int
    out: str
    err: str


def run(*words: Any, given: bytes | None = None) -> Answer:
    """Run the command line in this process; anything but an orderly exit fails the test with its traceback.

    What is `given` comes from standard input.
    """
    log = logging.getLogger("spacetune")
    before = log.handlers[:], log.level, log.propagate
    try:
        with mock.patch("typer.testing._get_command", return_value=COMMAND):
            result = CliRunner().invoke(app, [str(word) for word in words], input=given)
    finally:
        log.handlers[:], log.level, log.propagate = before
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    return Answer(result.exit_code, result.stdout, result.stderr)


def start(*words: Any, **options: Any) -> subprocess.Popen[str]:
    """Start the command line as a user would: as a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    command = [sys.executable, "-m", "spacetune", *map(str, words)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return subprocess.Popen(command, env=environment, **pipes, **options)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    given = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(given[0]))
        writer.writeheader()
        writer.writerows(given)
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder with ``train.csv``, ``test.csv`` and ``model``."""

    folder: Path
    fitted: Answer

    @property
    def train(self) -> Path:
        return self.folder / "train.csv"

    @property
    def test(self) -> Path:
        return self.folder / "test.csv"

    @property
    def model(self) -> Path:
        return self.folder / "model"


@contextlib.contextmanager
def cached_in(folder: Path) -> Iterator[None]:
    """Let the hub's cache be a folder; no encoder that was loaded before is taken for what lies there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_CACHE", str(folder))
        patch.setenv("HF_HUB_CACHE", str(folder))
        sharing._shared.cache_clear()  # pyright: ignore[reportPrivateUsage]
        yield
    sharing._shared.cache_clear()  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(scope="package", autouse=True)
def quick_default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the default encoder be one of six narrow layers, here and in processes: the hub's cache comes first."""
    folder = tmp_path_factory.mktemp("hub") / f"models--{DEFAULT_ENCODER.replace('/', '--')}"
    save_tiny_encoder(folder / "snapshots" / "narrow", n_layers=6, n_positions=256)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("narrow")
    with cached_in(folder.parent):
        yield


@pytest.fixture
def bundled(tmp_path: Path) -> Iterator[None]:
    """Let the default encoder be the real one."""
    with cached_in(tmp_path / "no cache"):
        yield


@pytest.fixture(scope="package")
def encoder(quick_default: None) -> Encoder:
    return Encoder.from_pretrained(dtype="float32")


@pytest.fixture(scope="package")
def place(quick_default: None, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("place")
    for split, n in (("train", 60), ("test", 24)):
        data = few_shot(demo_texts(split), n)
        rows = [{"text": t, "label": c} for t, c in zip(data.texts, data.labels or [], strict=True)]
        write_rows(folder / f"{split}.csv", rows)
    fitted = run("fit", folder / "train.csv", "--out", folder / "model", *FAST, "--json")
    return Place(folder, fitted)
