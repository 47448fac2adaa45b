"""The commands that write as they go: folders of parts, --resume, --on-error, encode; signals end them in order."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spacetune import Encoder, LinearProbe
from spacetune.data.parts import Parts
from spacetune.studies import demo_texts

from .conftest import Place, read_rows, run, write_rows


@pytest.fixture(scope="module")
def model(tiny_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = demo_texts("train")
    folder = tmp_path_factory.mktemp("streaming") / "model"
    encoder = str(tiny_encoder.source.folder)
    LinearProbe(encoder, store=None).fit(data.texts[:200], (data.labels or [])[:200]).save_pretrained(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.csv", [{"id": i, "text": t} for i, t in enumerate(demo_texts("test").texts[:40])])


def ids_of(out: Path) -> list[str]:
    return [i for part in sorted(out.glob("part-*")) for i in pd.read_parquet(part)["id"]]


@pytest.fixture
def heeded() -> Iterator[None]:
    """Let Ctrl-C reach this process, which a shell's background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_says_how_to_go_on(
    number: signal.Signals, code: int, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("predict", model, data, "--out", tmp_path / "out", "--block", 9)
    write = Parts.write

    def stopped(parts: Parts, part: int, content: Iterable[bytes]) -> None:
        write(parts, part, content)
        if part == 1:
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", stopped)
        answer = run(*words)
    assert answer.code == code
    assert f"2 of 5 parts in {tmp_path / 'out'} are kept: --resume goes on" in answer.err
    answer = run(*words, "--resume")
    assert answer.code == 0
    assert "40 predictions written to" in answer.err
    assert "(18 were there already)" in answer.err
    assert ids_of(tmp_path / "out") == [str(i) for i in range(40)]


MISTAKES: dict[str, Callable[[Path], tuple[tuple[Any, ...], str]]] = {
    "other things in the folder": lambda at: (("--out", at), "is a folder that holds other things; name a new folder"),
    "no folder above": lambda at: (("--out", at / "no" / "out"), "must lie in a folder that exists"),
    "a file to resume": lambda at: (("--out", at / "p.csv", "--resume"), "goes on from the parts in a folder"),
    "nothing to resume": lambda at: (("--resume",), "goes on from the parts in a folder: name one with --out"),
    "a choice of no use": lambda at: (("--out", at / "p.html", "--block", 3), "--block is for --out with a folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_place_that_will_not_do_is_refused_before_the_work(
    mistake: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spacetune.estimators.load_estimator", None)
    words, said = MISTAKES[mistake](tmp_path)
    answer = run("predict", "model", data, *words)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_folder_that_is_read_is_not_written_into(model: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    shutil.copy(data, folder)
    answer = run("predict", model, folder, "--out", folder / "out")
    assert answer.code == 2
    assert "which this command reads" in answer.err


def test_rows_without_a_text_are_kept_and_counted_where_that_is_asked_for(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "fine", "id": 1}\n{"text": 7, "id": 2}\n{"text": "well", "id": 3}\n')
    words = ("predict", model, tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl", "--top", 1, "--columns", "id")
    answer = run(*words)
    assert (answer.code, "the first is row 2 (int)" in answer.err) == (1, True)
    answer = run(*words, "--on-error", "keep")
    assert "3 predictions written to" in answer.err
    assert "1 row without a text is marked" in answer.err
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["id"], row["error"]) for row in rows] == [(1, None), (2, "the text is no text: int"), (3, None)]


def test_encode_and_explain_write_parts(model: Path, data: Path, tiny_encoder: Encoder, tmp_path: Path) -> None:
    encoder = tiny_encoder.source.folder
    answer = run(
        "encode", data, "--encoder", encoder, "--out", tmp_path / "f", "--layers", "all", "--block", 16, "--json"
    )
    assert json.loads(answer.out) | {"seconds": 0} == {
        "out": str(tmp_path / "f"), "n_rows": 40, "n_parts": 3, "n_skipped": 0, "n_errors": 0, "seconds": 0,
        "notes": [], "n_truncated": 0,
    }  # fmt: skip
    assert list(pd.read_parquet(tmp_path / "f/part-00002.parquet"))[-3:] == ["layer 0", "layer 1", "layer 2"]
    assert ids_of(tmp_path / "f") == [str(i) for i in range(40)]
    assert run("explain", model, data, "--out", tmp_path / "why.jsonl").out == ""
    assert json.loads((tmp_path / "why.jsonl").read_text().splitlines()[-1])["text"] == 39
    assert run("explain", model, data, "--out", tmp_path / "beside.csv", "--columns", "id").out == ""
    assert {row["id"] for row in read_rows(tmp_path / "beside.csv")} == {str(i) for i in range(40)}
    assert "--columns is for explanations in --out" in run("explain", model, "a text", "--columns", "id").err
    assert run("explain", model, data, "--out", tmp_path / "why", "--block", 16).out == ""
    assert sorted(file.name for file in (tmp_path / "why").glob("part-*")) == [
        f"part-0000{i}.parquet" for i in range(3)
    ]
    assert "--block is for explanations in --out" in run("explain", model, data, "--block", 16).err


def test_small_things_go_the_same_way(place: Place, tmp_path: Path) -> None:
    assert run("predict", place.model, "Where is my parcel?", "and my money?", "--out", tmp_path / "out").code == 0
    table = pd.read_parquet(tmp_path / "out/part-00000.parquet")
    assert list(table["text"]) == ["Where is my parcel?", "and my money?"]
