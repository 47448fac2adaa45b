"""Where results are written: found out before the work, never over what is read, whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from spacetune import files
from spacetune.data.writing import safe_cell, write_table

from .conftest import FAST, Place, read_rows, run


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Loading a model would be work: what is wrong must be said before it."""
    if "works" not in request.fixturenames:

        def refused(*given: Any, **named: Any) -> None:
            raise AssertionError("the work began")

        monkeypatch.setattr("spacetune.estimators.load_estimator", refused)
        monkeypatch.setattr("spacetune.studies.fit.fitting.fit_model", refused)


@pytest.fixture
def works() -> None:
    """Let the work be done."""


def test_the_file_that_is_read_is_not_written_over(place: Place, tmp_path: Path) -> None:
    data = Path(shutil.copy(place.test, tmp_path / "d.csv"))
    os.symlink(data, tmp_path / "link.csv")
    os.link(data, tmp_path / "hard.csv")
    before = data.read_bytes()
    for command in ("predict", "score", "explain", "spaces"):
        for out in ("d.csv", "link.csv", "hard.csv"):
            answer = run(command, place.model, data, "--out", tmp_path / out)
            assert (answer.code, answer.out) == (2, "")
            assert "which this command reads; choose another place" in answer.err
    for words in (("check", data), ("measure", data), ("perturb", data), ("terms", "geometry", data)):
        assert run(*words, "--out", data).code == 2
    assert run("fit", data, "--out", tmp_path / "m", "--report", data, *FAST).code == 2
    assert run("fit", place.train, "--test", data, "--out", tmp_path / "m", "--report", data, *FAST).code == 2
    assert data.read_bytes() == before


def test_a_model_that_is_used_is_not_written_over(place: Place) -> None:
    answer = run("predict", place.model, "hello", "--out", place.model / "config.json")
    assert answer.code == 2
    assert "which this command reads" in answer.err


def test_no_result_is_written_over_a_part_of_a_saved_model(place: Place, tmp_path: Path) -> None:
    other = Path(shutil.copytree(place.model, tmp_path / "other"))
    before = {file: file.read_bytes() for file in other.iterdir() if file.is_file()}
    for part in ("config.json", "README.md", "encoder/config.json"):
        (other / part).parent.mkdir(exist_ok=True)
        answer = run("score", place.model, place.test, "--out", other / part)
        assert (answer.code, answer.out) == (2, "")
        assert f"--out would write over a part of the model saved at {other}" in answer.err
    for report in ("config.json", "report.html"):
        answer = run("fit", place.train, "--out", other, "--report", other / report, *FAST)
        assert (answer.code, answer.out) == (2, "")
        (empty := tmp_path / "empty").mkdir(exist_ok=True)
        answer = run("fit", place.train, "--out", empty, "--report", empty / report, *FAST)
        assert f"--report must lie outside of {empty}, where the model is saved" in answer.err
    assert before == {file: file.read_bytes() for file in other.iterdir() if file.is_file()}


def test_places_that_take_no_file_are_found_before_the_work(place: Place, tmp_path: Path) -> None:
    os.symlink("/dev/null", tmp_path / "device.csv")
    os.symlink(tmp_path / "gone" / "x.csv", tmp_path / "dangling.csv")
    for out, said in (("device.csv", "is a device"), ("dangling.csv", "must lie in a folder that exists")):
        answer = run("predict", place.model, "hello", "--out", tmp_path / out)
        assert answer.code == 2
        assert said in answer.err
    answer = run("predict", place.model, "hello", "--out", tmp_path / f"{'n' * 300}.csv")
    assert answer.code == 1
    assert "File name too long" in answer.err
    if Path("/proc").is_dir():
        answer = run("predict", place.model, "hello", "--out", "/proc/p.csv")
        assert answer.code == 1
        assert "/proc/p.csv cannot be written: " in answer.err
        assert "choose another place with --out" in answer.err


@pytest.mark.usefixtures("works")
def test_a_link_stays_a_link(place: Place, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    os.symlink(tmp_path / "real.csv", tmp_path / "link.csv")
    assert run("predict", place.model, "hello", "--out", tmp_path / "link.csv").code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert read_rows(tmp_path / "real.csv")[0]["text"] == "hello"


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize("ending", ["csv", "json", "md", "html"])
def test_a_full_disk_leaves_the_old_file(
    ending: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / f"p.{ending}"
    out.write_text("old")

    def full(*given: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "write", full)
    answer = run("predict", place.model, "hello", "--out", out)
    monkeypatch.undo()
    assert (answer.code, answer.out) == (1, "")
    assert f"{out} cannot be written: No space left on device" in answer.err
    assert out.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


HIDDEN = ("", " ", "\n", "\r\n", "\t", "\ufeff", "\u200b", "\xa0", "\x00", "\x1b", "\u202e", " \n\u2060")
SIGNS = ("=1+1", "+A1", "-1+2", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠x", "﹦1")


@pytest.mark.parametrize("before", HIDDEN)
@pytest.mark.parametrize("sign", SIGNS)
def test_formulas_behind_unseen_characters_are_text(before: str, sign: str) -> None:
    assert safe_cell(f"{before}{sign}") == f"'{before}{sign}"


@pytest.mark.parametrize(
    "cell",
    [-1.5, -3, 0.0, float("-inf"), "a=b", "1-2", "", " ", "\n", "‘=", None, True, "(-1)", "-1.5", "+1", "-1,234.5e-6"],
)
def test_other_cells_stay_as_they_are(cell: Any) -> None:
    assert safe_cell(cell) is cell


def test_headers_and_labels_run_no_formula(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", {"\n=1+1": ["＝label"], "fine": ["\ud800"]})
    assert read_rows(tmp_path / "t.csv") == [{"'\n=1+1": "'＝label", "fine": "\\ud800"}]
