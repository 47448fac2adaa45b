"""The command line answers at once, because it loads torch only when there is work for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.loaded import loaded_by

from .conftest import FAST, Place, run

HEAVY = {"torch", "transformers", "sklearn", "scipy", "numpy", "pandas", "pyarrow", "datasets", "tokenizers"}
DRAWING_SECONDS = 0.3
"""Of a quiet processor for what draws the help, which is not ours: a busy one takes longer for both."""

HELP = "from spacetune.cli.app import app\ntry: app(['--help'])\nexcept SystemExit: pass"


@pytest.mark.parametrize("code", ["import spacetune", "import spacetune; dir(spacetune)", HELP])
def test_nothing_heavy_is_loaded(code: str) -> None:
    loaded = loaded_by(code)
    assert "spacetune" in loaded
    assert not HEAVY & loaded


@pytest.mark.slow
def test_the_check_above_can_fail() -> None:
    assert "torch" in loaded_by("from spacetune import SpaceClassifier")


@pytest.mark.slow
def test_a_prediction_loads_what_it_needs(place: Place, bundled: None, tmp_path: Path) -> None:
    model = tmp_path / "m"
    assert run("fit", place.train, "--out", model, *FAST).code == 0
    code = f"from spacetune.estimators import load_estimator; load_estimator({str(model)!r}).predict(['a parcel'])"
    assert not {"transformers", "datasets", "sympy"} & loaded_by(code)


def best_seconds(*words: str) -> float:
    """Return the processor time of a call: by the clock, what runs beside it would count too."""
    times: list[float] = []
    for _ in range(3):
        before = os.times()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        after = os.times()
        times.append(sum(after[2:4]) - sum(before[2:4]))  # of children: user and system
    return min(times)


@pytest.mark.parametrize(
    ("words", "promised"), [(("-c", "import spacetune"), 0.3), (("-m", "spacetune", "--help"), 0.5)]
)
def test_start_up_is_quick(words: tuple[str, ...], promised: float) -> None:
    slower = max(1.0, best_seconds("-c", "import typer.rich_utils") / DRAWING_SECONDS)
    assert best_seconds(*words) < 2 * promised * slower  # twice, since processors differ


def test_help_as_a_process_names_its_command() -> None:
    done = subprocess.run([sys.executable, "-m", "spacetune", "fit", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "spacetune fit" in done.stdout


@pytest.mark.parametrize("command", ["fit", "score", "predict", "explain", "check", "demo", "doctor"])
def test_help_names_every_command(command: str) -> None:
    told = run(command, "--help")
    assert told.code == 0
    assert f"{command} [OPTIONS]" in told.out
    assert "--json" in told.out


@pytest.mark.parametrize("command", ["fit", "score", "predict", "explain", "spaces", "check", "measure", "compare"])
def test_every_command_that_reads_texts_can_be_told_how(command: str) -> None:
    told = run(command, "--help")
    for option in ("--text ", "--text-pair", "--delimiter", "--encoding", "--split"):
        assert option in told.out
