"""What is a text and what names a file: one rule for every command."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Place, run

LINES = "lovely film\n\nawful film, really\n"


def texts_of(place: Place, *words: Any) -> list[str]:
    answer = run("predict", place.model, *words, "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)["texts"]


WRITTEN = (
    LINES.encode(),
    LINES.replace("\n", "\r\n").encode(),
    b"\xef\xbb\xbf" + LINES.encode(),
    LINES.encode("utf-16"),
    LINES[:-1].encode(),
)


@pytest.mark.parametrize("content", WRITTEN)
def test_a_txt_file_is_one_text_a_line(content: bytes, place: Place, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    answer = run("predict", place.model, tmp_path / "notes.txt", "--json")
    assert json.loads(answer.out)["texts"] == ["lovely film", "", "awful film, really"]
    assert "! notes.txt is read as one text per line: 3 texts" in answer.err
    assert "1 text in column 'text' is empty" in answer.err


@pytest.mark.parametrize("encoding", ["utf-8", "utf_8", "U8"])
def test_a_mark_at_the_start_is_no_text_however_the_encoding_is_spelled(
    encoding: str, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_bytes(b"\xef\xbb\xbfone\ntwo\n")
    assert texts_of(place, tmp_path / "notes.txt", "--encoding", encoding) == ["one", "two"]


def test_a_packed_txt_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "notes.TXT.gz").write_bytes(gzip.compress(b"one\ntwo"))
    assert texts_of(place, tmp_path / "notes.TXT.gz") == ["one", "two"]


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_a_txt_file_whose_first_line_names_the_column_is_a_table(mark: str, place: Place, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(f"text{mark}label\nlovely film{mark}good\nawful film{mark}bad\n")
    words = () if mark == "," else ("--delimiter", mark)
    assert texts_of(place, tmp_path / "notes.txt", *words) == ["lovely film", "awful film"]
    if mark != ",":
        assert "try --delimiter" in run("predict", place.model, tmp_path / "notes.txt").err


def test_standard_input_is_one_text_a_line(place: Place) -> None:
    answer = run("predict", place.model, "-", "--json", given=LINES.encode())
    assert json.loads(answer.out)["texts"] == ["lovely film", "", "awful film, really"]
    assert "! standard input is read as one text per line: 3 texts" in answer.err
    measured = ("measure", "-", "--layers", "1", "--measures", "isoscore")
    modelled = (("explain", place.model, "-"), ("terms", "use", place.model, "-"))
    for words in (*modelled, measured, ("dissect", "-", "--layers", "1"), ("check", "-")):
        assert run(*words, given=b"lovely film\nawful film\n").code == 0


def test_standard_input_that_holds_nothing_is_said(place: Place) -> None:
    answer = run("predict", place.model, "-", given=b"")
    assert (answer.code, answer.out) == (1, "")
    assert "standard input is empty; it must hold one text per line" in answer.err
    assert "standard input is not UTF-8" in run("predict", place.model, "-", given=b"caf\xe9\n").err
    assert run("predict", place.model, "-", "--encoding", "cp1252", given=b"caf\xe9\n").code == 0


def test_standard_input_has_no_labels(place: Place) -> None:
    answer = run("score", place.model, "-", given=b"a\nb\n")
    assert (answer.code, answer.out) == (1, "")
    assert "standard input is read as one text per line, and labels are needed" in answer.err


def test_a_pipe_is_read_as_lines(place: Place, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(tmp_path / 'pipe')!r}, 'w').write('one\\ntwo\\n')"])
    assert texts_of(place, tmp_path / "pipe") == ["one", "two"]
    writer.wait(30)


@pytest.mark.parametrize("name", ["page.html", "no-ending", "folder"])
def test_what_exists_and_is_no_texts_is_refused(name: str, place: Place, tmp_path: Path) -> None:
    for file in ("page.html", "no-ending"):
        (tmp_path / file).write_text("<p>")
    (tmp_path / "folder").mkdir()
    for words in (("predict", place.model), ("explain", place.model), ("dissect",), ("terms", "use", place.model)):
        answer = run(*words, tmp_path / name)
        assert (answer.code, answer.out) == (1, "")
        assert "can be sent as a text through standard input: -" in answer.err


def test_a_file_beside_texts_is_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    for words in (
        (tmp_path / "a.txt", "a text"),
        ("a text", tmp_path / "a.txt"),
        ("-", "a text"),
        ("a", "missing.csv"),
    ):
        answer = run("predict", place.model, *words)
        assert (answer.code, answer.out) == (2, "")
        assert "names a file beside others" in answer.err


@pytest.mark.parametrize("text", ["please look at report.csv", "what is in notes.txt", "my data.parquet"])
def test_a_text_that_only_ends_as_a_file_does_is_a_text(text: str, place: Place) -> None:
    assert texts_of(place, text) == [text]
    assert f"! {text!r} is taken as a text: there is no such file" in run("predict", place.model, text).err


@pytest.mark.parametrize("text", ["", " ", "a" * 5000, "and/or", "~", "a\0b", "why?\n- because", "*"])
def test_other_texts_are_texts(text: str, place: Place) -> None:
    assert texts_of(place, text) == [text]


def test_an_address_is_read_and_never_taken_for_a_text(place: Place) -> None:
    for command in ("predict", "explain"):
        answer = run(command, place.model, "memory://nothing/there.parquet")
        assert (answer.code, answer.out) == (1, "")
        assert "memory://nothing/there.parquet" in answer.err
    assert run("predict", place.model, "https://shop.example/parcel").code == 0
