"""Ctrl-C in the middle of a fit: the best so far is kept and said, or nothing is there and that is said."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from spacetune.studies import demo_texts, fit_model

from .conftest import FAST, Place, run, start, write_rows

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
    assert err == "spacetune: stopped by Ctrl-C; no result was printed\n"
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


def test_ctrl_c_in_the_baselines_leaves_the_model_whole(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped_in_the_baselines(*given: Any, **named: Any) -> NoReturn:
        fit_model(*given, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr("spacetune.studies.fitting.fit_model", stopped_in_the_baselines)
    answer = run("fit", place.train, "--out", tmp_path / "m", *FAST)
    assert (answer.code, answer.out) == (130, "")
    assert "the model was fitted and saved to" in answer.err
    assert answer.err.splitlines()[-1] == "spacetune: stopped by Ctrl-C; no result was printed"
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m/model.safetensors").read_bytes() == (place.model / "model.safetensors").read_bytes()


def test_a_fit_stopped_before_it_is_saved_goes_on_with_resume(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("fit", place.train, "--out", tmp_path / "m", *FAST)
    with monkeypatch.context() as patch:
        patch.setattr("spacetune.estimators.text_estimator.write_model", _stop)
        answer = run(*words)
    assert answer.code == 130
    assert "go on from it with --resume" in answer.err
    assert [p.name for p in tmp_path.iterdir()] == [".m.checkpoint.safetensors"]
    assert run(*words, "--resume").code == 0
    assert (tmp_path / "m/model.safetensors").read_bytes() == (place.model / "model.safetensors").read_bytes()


def _stop(*given: Any, **named: Any) -> NoReturn:
    raise KeyboardInterrupt
