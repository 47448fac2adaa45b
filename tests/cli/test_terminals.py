"""What a terminal gets: no markup of others, nothing that steers it, in its encoding; and JSON stays JSON."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from spacetune.cli.guarded import quiet_libraries
from spacetune.errors import STEERING, printable
from spacetune.reports.terminal import ScoreTable

from .conftest import FAST, Place, run, write_rows

LABELS = ("[/x]", "\x1b[31mred", "=1+1", "ü☃[bold]")
STRANGE = ("[/b] [link=x]", "\x1b]0;owned\x07", "a\nb", "\u202elive", "\x9b31m", "snow ☃ 🙂", "\rover")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts whose texts and labels are hostile, and a model of them."""
    folder = tmp_path_factory.mktemp("odd")
    rows = [{"text": f"{STRANGE[i % 7]} {i}", "label": LABELS[i % 4]} for i in range(28)]
    (folder / "[red]t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    answer = run("fit", folder / "[red]t.jsonl", "--out", folder / "m", *FAST, "--n-latent", "2")
    assert answer.code == 0
    assert not steering(answer.out + answer.err)
    return folder


def steering(text: str) -> list[str]:
    return [found for found in STEERING.findall(text) if found != "\n"]


CALLS: dict[str, tuple[Any, ...]] = {
    "score": ("score", "m", "[red]t.jsonl"),
    "predict": ("predict", "m", *STRANGE),
    "predict a file": ("predict", "m", "[red]t.jsonl"),
    "explain": ("explain", "m", *STRANGE, "--class", "[/x]"),
    "spaces": ("spaces", "m", "[red]t.jsonl"),
    "check": ("check", "[red]t.jsonl", "--no-lengths"),
    "dissect": ("dissect", *STRANGE[:2], "--layers", "1"),
    "terms use": ("terms", "use", "m", *STRANGE),
}


@pytest.mark.parametrize("name", CALLS)
def test_texts_and_labels_are_shown_and_not_obeyed(name: str, odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(odd)
    shown = run(*CALLS[name])
    assert shown.code == 0, shown.err
    assert not steering(shown.out + shown.err)
    if name in ("score", "predict a file", "explain", "spaces", "check"):
        assert "[red]t.jsonl" in shown.out or "[/x]" in shown.out
    told = run(*CALLS[name], "--json")
    assert json.loads(told.out)
    assert not steering(told.out)


def test_a_table_keeps_labels_that_look_like_markup(odd: Path) -> None:
    shown = run("check", odd / "[red]t.jsonl", "--no-lengths").out
    assert all(printable(label) in shown for label in LABELS)


def test_words_of_an_explained_text_keep_their_colours_behind_control_characters() -> None:
    from spacetune.reports.terminal import _coloured  # pyright: ignore[reportPrivateUsage]

    text = "\x1b[1m good"
    drawn = _coloured(text, [{"start": 5, "stop": 9, "score": 1.0, "part": 0}], 1.0)
    assert drawn.plain == "  \\x1b[1m good"
    assert [(drawn.plain[s.start : s.end], s.style) for s in drawn.spans if s.style] == [("good", "bold green")]


@pytest.mark.parametrize("width", [60, 72, 200])
def test_a_table_fits_its_terminal_and_loses_nothing(width: int) -> None:
    numbers = {f"score_{i}": i + 0.1234 for i in range(5)}
    rows = [{"method": "tf-idf + linear", "split": "test", "not there": None, **numbers, "n": 120}]
    shown = io.StringIO()
    Console(width=width, file=shown).print(ScoreTable(rows))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert ("0.1234" in shown.getvalue()) == (width >= 40)  # then columns go below, and numbers fold at the very last
    heads = [i for i, line in enumerate(lines) if "━" in line]
    tables = [lines[at + 1 : end - 1] for at, end in zip(heads, [*heads[1:], len(lines) + 1], strict=True)]
    told: list[str] = []
    for rows_ in tables:
        columns = zip(*(line.split("│") for line in rows_ if "│" in line), strict=True)
        cells = ["".join("".join(column).split()) for column in columns]  # a cell goes on in the lines below
        assert not told or cells[:2] == told[:2]  # what is a row's name stands before every part
        told += cells[2:] if told else cells
    assert told == ["tf-idf+linear", "test", *(f"{i}.1234" for i in range(5)), "120"]


@pytest.mark.slow
def test_a_terminal_without_colour_gets_none(place: Place) -> None:
    told = {"FORCE_COLOR": "1", "COLUMNS": "60", "TERM": "xterm-256color"}
    words = ("explain", place.model, "where is it?")
    assert b"\x1b[" in process(*words, **told).stdout
    plain_ = process(*words, **told, NO_COLOR="1").stdout.decode()
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38)", plain_)


@pytest.mark.parametrize("column", ["\x1b[31mx", "[/x]", "\u202ex"])
def test_names_in_errors_are_written_out(column: str, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "\x1b[1m[b].csv", [{column: "a", "label": "b"}])
    answer = run("check", data, "--text", "\x1b[5m")
    assert answer.code == 1
    assert not steering(answer.err)
    assert printable(column) in answer.err


def test_log_lines_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("spacetune")
    before = log.handlers[:], log.level, log.propagate
    try:
        quiet_libraries()
        log.warning("label %s of %s", "\x1b[31m", "[/x]")
    finally:
        log.handlers[:], log.level, log.propagate = before
    assert capsys.readouterr().err == "label \\x1b[31m of [/x]\n"


def process(*words: Any, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "spacetune", *map(str, words)]
    return subprocess.run(command, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"} | environment)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_code_page_gets_all_texts_as_it_can_write_them(encoding: str, odd: Path) -> None:
    done = process("check", odd / "[red]t.jsonl", "--no-lengths", PYTHONIOENCODING=encoding)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert {"cp1252": "ü\\u2603", "ascii": "\\xfc\\u2603", "utf-8": "ü☃"}[encoding] in done.stdout.decode(encoding)


def test_json_in_a_code_page_is_json(odd: Path) -> None:
    done = process("check", odd / "[red]t.jsonl", "--no-lengths", "--json", PYTHONIOENCODING="cp1252", LC_ALL="C")
    assert set(json.loads(done.stdout.decode("ascii"))["classes"]) == set(LABELS)


@pytest.mark.parametrize("words", [("--help",), ("fit", "--help"), ("nothing\x1b[31m",), ("fit", "--\x1b[31m"), ()])
def test_help_and_complaints_in_a_code_page(words: tuple[str, ...]) -> None:
    done = process(*words, PYTHONIOENCODING="cp1252", LC_ALL="C")
    assert done.returncode in (0, 2)
    assert done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stdout + done.stderr


def test_a_reader_who_has_enough_hears_no_complaint(place: Place) -> None:
    for words in (("check", place.train, "--no-lengths", "--json"), ("--help",)):
        command = [sys.executable, "-m", "spacetune", *map(str, words)]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert started.stdout is not None
        started.stdout.close()
        assert started.stderr is not None
        assert started.stderr.read() == b""
        started.wait(60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["check", "--no-lengths"], ["--version"], ["--help"], ["fit", "--help"]])
def test_a_full_disk_behind_standard_output_is_one_sentence(words: list[str], place: Place) -> None:
    command = [sys.executable, "-m", "spacetune", *words, *([str(place.train)] if words[0] == "check" else [])]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.startswith(b"spacetune: ")
    assert done.stderr.endswith(b"No space left on device\n")
    assert done.stderr.count(b"\n") == 1


def test_closed_streams_are_no_reason_to_fail(place: Place) -> None:
    shell = f"{sys.executable} -m spacetune check '{place.train}' --no-lengths >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", shell]).returncode == 0


def test_printable_leaves_text_alone() -> None:
    text = "naïve — “quoted” 漢字 עברית 🧑‍🚀 \\x1b"
    assert printable(text) == text
    assert printable("a\tb\r\nc\r", lines=True) == "a\tb\nc\\r"
    assert printable("\u2066\u2028\x85\ud800") == "\\u2066\\u2028\\x85\\ud800"
