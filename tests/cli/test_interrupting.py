"""Ctrl-C in the middle of a fit: the best so far is kept and said, or nothing is there and that is said."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spacetune.studies import demo_texts

from .conftest import run, start, write_rows

SLOW = ("--n-latent", "48", "--layers", "all", "--n-epochs", "400", "--no-baselines")


@pytest.fixture
def train(tmp_path: Path) -> Path:
    data = demo_texts("train")
    rows = [{"text": t, "label": c} for t, c in zip(data.texts[:240], data.labels or [], strict=False)]
    return write_rows(tmp_path / "train.csv", rows)


def slow_fit(train: Path, out: Path) -> subprocess.Popen[str]:
    heed = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731 - background jobs ignore it
    return start("fit", train, "--out", out, *SLOW, preexec_fn=heed)


def wait_for(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not reached():
        assert process.poll() is None, "the fit ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_before_the_first_epoch_leaves_nothing(train: Path, tmp_path: Path) -> None:
    process = slow_fit(train, tmp_path / "m")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("fitting ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err == "spacetune: stopped by Ctrl-C; no result was written\n"
    assert [p.name for p in tmp_path.iterdir()] == ["train.csv"]


def test_ctrl_c_later_keeps_the_best_and_says_so(train: Path, tmp_path: Path) -> None:
    process = slow_fit(train, tmp_path / "m")
    wait_for((tmp_path / ".m.checkpoint.safetensors").exists, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopped by Ctrl-C in epoch" in err
    assert "is kept" in err
    assert "Traceback" not in err
    assert f"saved to {tmp_path / 'm'}" in " ".join((out + err).split())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "train.csv"]
    assert json.loads(run("predict", tmp_path / "m", "Where is my parcel?", "--json").out)["predicted"]
