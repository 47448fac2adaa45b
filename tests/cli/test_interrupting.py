"""Ctrl-C in the middle of a fit: the best so far is kept and said, or nothing is there and that is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from spacetune import Encoder
from spacetune.model_folder import claim
from spacetune.studies import demo_texts

from .conftest import FAST, Place, read_rows, run, start, write_rows

SLOW = ("--n-latent", "48", "--layers", "all", "--n-epochs", "400", "--no-baselines")


@pytest.fixture
def train(tmp_path: Path) -> Path:
    data = demo_texts("train")
    rows = [{"text": t, "label": c} for t, c in zip(data.texts[:240], data.labels or [], strict=False)]
    return write_rows(tmp_path / "train.csv", rows)


@pytest.fixture
def one_layer(shallow: Encoder) -> tuple[str, str]:
    return "--encoder", str(shallow.source.folder)


@pytest.fixture
def slow_fit(train: Path, one_layer: tuple[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A fit that has begun, and that does not outlive its test."""
    heed = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731 - background jobs ignore it
    with start("fit", train, "--out", tmp_path / "m", *SLOW, *one_layer, preexec_fn=heed) as process:
        yield process
        process.kill()


def wait_for(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not reached():
        assert process.poll() is None, "the fit ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_ctrl_c_before_the_first_epoch_leaves_nothing(slow_fit: subprocess.Popen[str], tmp_path: Path) -> None:
    assert slow_fit.stderr is not None
    assert slow_fit.stderr.readline().startswith("fitting ")
    slow_fit.send_signal(signal.SIGINT)
    out, err = slow_fit.communicate(timeout=120)
    assert slow_fit.returncode == 130
    assert out == ""
    assert err == "spacetune: stopped by Ctrl-C; no result was printed\n"
    assert [p.name for p in tmp_path.iterdir()] == ["train.csv"]


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [pytest.param(signal.SIGINT, "Ctrl-C", 0, marks=pytest.mark.slow), (signal.SIGTERM, "SIGTERM", 143)],
)
def test_a_fit_stopped_later_keeps_the_best_and_goes_on_with_resume(
    slow_fit: subprocess.Popen[str],
    train: Path,
    one_layer: tuple[str, str],
    tmp_path: Path,
    number: signal.Signals,
    name: str,
    code: int,
) -> None:
    wait_for((tmp_path / ".m.spacetune/checkpoint.safetensors").exists, slow_fit)
    slow_fit.send_signal(number)
    out, err = slow_fit.communicate(timeout=120)
    assert slow_fit.returncode == code
    assert f"stopped by {name} in epoch" in err
    assert "is kept" in err
    assert "--resume goes on" in err
    assert "Traceback" not in err
    assert f"saved to {tmp_path / 'm'}" in " ".join((out + err).split())
    assert sorted(p.name for p in tmp_path.iterdir()) == [".m.spacetune", "m", "train.csv"]
    assert os.listdir(tmp_path / ".m.spacetune") == ["checkpoint.safetensors"]
    assert json.loads(run("predict", tmp_path / "m", "Where is my parcel?", "--json").out)["predicted"]
    assert run("fit", train, "--out", tmp_path / "m", *FAST, *one_layer).code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "train.csv"]


@pytest.mark.slow
def test_sigterm_before_the_first_epoch_leaves_nothing(slow_fit: subprocess.Popen[str], tmp_path: Path) -> None:
    assert slow_fit.stderr is not None
    assert slow_fit.stderr.readline().startswith("fitting ")
    slow_fit.terminate()
    _, err = slow_fit.communicate(timeout=120)
    assert (slow_fit.returncode, err) == (143, "spacetune: stopped by SIGTERM; no result was printed\n")
    assert [p.name for p in tmp_path.iterdir()] == ["train.csv"]


@pytest.fixture
def whole(place: Place, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a fit that nothing stopped, from the features that are stored by now."""
    out = tmp_path_factory.mktemp("whole") / "m"
    assert run("fit", place.train, "--out", out, *FAST).code == 0
    return (out / "model.safetensors").read_bytes()


def test_ctrl_c_in_the_baselines_leaves_the_model_whole(
    place: Place, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spacetune.studies.fit.fitting.tfidf_rows", _stop)
    answer = run("fit", place.train, "--out", tmp_path / "m", "--n-epochs", "2")
    assert (answer.code, answer.out) == (130, "")
    assert "the model was fitted and saved to" in answer.err
    assert answer.err.splitlines()[-1] == "spacetune: stopped by Ctrl-C; no result was printed"
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m/model.safetensors").read_bytes() == whole


def stopped_before_it_is_saved(place: Place, out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """Leave a checkpoint, as a fit that is killed does; return the call."""
    words = ("fit", place.train, "--out", out, *FAST)
    with monkeypatch.context() as patch:
        patch.setattr("spacetune.studies.fit.fitting.save", _stop)
        answer = run(*words)
    assert answer.code == 130
    assert "go on from it with --resume" in answer.err
    return words


def test_a_fit_stopped_before_it_is_saved_goes_on_with_resume(
    place: Place, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = stopped_before_it_is_saved(place, tmp_path / "m", monkeypatch)
    assert [p.name for p in tmp_path.iterdir()] == [".m.spacetune"]
    assert run(*words, "--resume").code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m/model.safetensors").read_bytes() == whole


@pytest.mark.slow
def test_resume_refuses_another_runs_checkpoint(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = stopped_before_it_is_saved(place, tmp_path / "m", monkeypatch)
    rows = read_rows(place.train)
    turned = [row | {"label": rows[i - 1]["label"]} for i, row in enumerate(rows)]
    other = write_rows(tmp_path / "other.csv", turned)
    for call, differs in (
        ((*words, "--seed", 1), "seed"),
        ((*words, "--n-epochs", 3), "settings"),
        ((*words, "--layers", "6"), "settings, encoder"),
        (("fit", other, *words[2:]), "labels"),
    ):
        answer = run(*call, "--resume")
        assert answer.code == 2
        assert "was made by another run: other" in answer.err
        assert differs in answer.err
    assert run(*words, "--resume").code == 0


def test_an_interrupted_fit_is_kept_until_an_epoch_of_another_has_ended(
    place: Place, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = stopped_before_it_is_saved(place, tmp_path / "m", monkeypatch)
    other = write_rows(tmp_path / "one_class.csv", [{"text": "a", "label": "x"}, {"text": "b", "label": "x"}])
    answer = run("fit", other, *words[2:])
    assert answer.code == 1
    assert "is given up once an epoch of this one has ended" in answer.err
    assert os.listdir(tmp_path / ".m.spacetune") == ["checkpoint.safetensors"]
    (tmp_path / ".m.spacetune/checkpoint.safetensors").rename(tmp_path / ".m.spacetune/before.safetensors")  # a kill
    assert run(*words, "--resume").code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "one_class.csv"]
    assert (tmp_path / "m/model.safetensors").read_bytes() == whole


@pytest.mark.parametrize(("ended", "found"), [("interrupted", "no epoch is left"), ("epochs", "is finished")])
def test_resume_where_no_epoch_is_left(place: Place, tmp_path: Path, ended: str, found: str) -> None:
    words = ("fit", place.train, "--out", tmp_path / "m", *FAST)
    assert run(*words).code == 0
    config = json.loads((tmp_path / "m/config.json").read_bytes())
    config["history"]["ended"] = ended
    (tmp_path / "m/config.json").write_text(json.dumps(config))
    answer = run(*words, "--resume")
    assert answer.code == 2
    assert found in answer.err


def test_a_second_fit_into_the_same_place_is_refused_before_its_work(place: Place, tmp_path: Path) -> None:
    with claim(tmp_path / "m"):
        answer = run("fit", place.train, "--out", tmp_path / "m", *FAST)
    assert answer.code == 2
    assert "another run is writing to" in answer.err


def _stop(*given: Any, **named: Any) -> NoReturn:
    raise KeyboardInterrupt
