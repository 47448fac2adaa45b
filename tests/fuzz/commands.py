"""Random calls of the command line: whatever is typed, it ends in order, with a sentence and in time.

``python -m tests.fuzz.commands N SEED`` tries N calls and prints those that do not.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from spacetune.cli.app import app

__all__ = ["calls", "furnish", "trouble_of"]

SECONDS = 10.0
COMMANDS = ("fit", "score", "predict", "encode", "explain", "spaces", "simplex", "dissect", "measure", "compare",
            "perturb", "check", "suggest", "drift", "thresholds", "cache", "export", "doctor", "terms use",
            "terms subsets", "terms geometry", "terms shift")  # fmt: skip
LABELS = ("good", "bad", "[/x]", "[red]odd", "\x1b[31mred", "=1+1", "ü\u202e")
TEXTS = ("the parcel is late", "", "[/b] [link=x]", "\x1b]0;owned\x07", "＝cmd()", "a\nb\r\nc", "é" * 40,
         "report.csv now", "\ud800half", "-", "--", "\u202eevil", "🙂 " * 9, " ")  # fmt: skip
NUMBERS = ("0", "1", "2", "3", "-1", "-7", "1.5", "nan", "inf", "-inf", "1e400", "99999999999999999999", "", "x", "٣")
WORDS = ("text", "label", "words", "[/x]", "", "\x1b[1m", "utf-16", "latin-99", ";", "\\t", "''", "all", "auto",
         "default", "balanced", "2,4", "-1", "1,1", "99", ",", "streamed", "official", "uniformity", "space", "probe",
         "float64", "float16", "head", "bias", "attended", "layer", "train", "good")  # fmt: skip
LARGE = {"--n-epochs": ("0", "1", "2", "-1", "nan"), "--budget": ("0", "-1", "nan", "0.5"),
         "--points": ("-1", "0", "2", "x"), "--seeds": ("0", "1", "0,1", "x", "-1"),
         "--n-latent": ("0", "1", "2", "-1", "10"), "--n-vertices": ("0", "1", "2", "-3"),
         "--prefix-length": ("0", "1", "-1"),
         "--alphas": ("1", "nan", "-1", "0", "1,2", "x", "1e400"),
         "--method": ("space", "probe", "magic", "\x1b[31m", "space-simplex"),
         "--encoding": ("utf-8", "utf-16", "latin-99", "")}  # fmt: skip
"""What is drawn for options whose larger values are work and not mistakes."""


def furnish(folder: Path) -> list[str]:
    """Fill a folder with good and broken files, a model among them; return what a call may name."""
    rows = [f"{text},{label}" for i in range(12) for text, label in ((f"good thing {i}", "good"), (f"bad {i}", "[/x]"))]
    table = "\n".join(["text,label", *rows]) + "\n"
    odd = [{"text": text, "label": LABELS[i % len(LABELS)]} for i, text in enumerate(TEXTS)]
    files: dict[str, bytes] = {
        "train.csv": table.encode(), "test.csv": table[:200].rsplit("\n", 1)[0].encode(),
        "one.csv": b"text,label\na,good\n", "odd.jsonl": "\n".join(map(json.dumps, odd)).encode(),
        "empty.csv": b"", "header.csv": b"text,label\n", "columns.csv": "wörter,\x1b[31mx\na,b\n".encode(),
        "notes.txt": b"one\n\ntwo\n", "table.txt": table.encode(),
        "binary.csv": bytes(range(256)), "broken.csv.gz": gzip.compress(b"text\na\n")[:-5], "cut.json": b'[{"text": ',
        "list.json": b'[{"text": "a"}, {"text": "b"}]', "page.html": b"<p>", "no-ending": b"text\n",
        "[bold]x.csv": b"text,label\na,good\n", "\x1b[31m.csv": b"text,label\na,good\n",
        "many.jsonl": b'{"text":"a","label":["x"]}',
        "number.csv": b"text,label\na,1.5\nb,2.5\nc,3.5\nd,0.5\n", "model.csv": b"text,text_pair,label\na,b,good\n",
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    words = ("fit", "train.csv", "--out", "model", "--n-epochs", "1", "--n-latent", "2", "--no-baselines")
    assert invoke(folder, [str(folder / w) if w in ("train.csv", "model") else w for w in words]) == ""
    return [
        *(
            str(folder / name)
            for name in (*files, "folder", "model", "missing.csv", "no/such.csv", "model/config.json")
        ),
        "-",
    ]


def calls(seed: int, places: list[str]) -> Iterator[list[str]]:
    """Yield random words to type, without end."""
    draw = random.Random(seed)
    commands: Any = typer.main.get_command(app)
    while True:
        names = draw.choice(COMMANDS).split()
        command = commands
        for name in names:
            command = command.commands[name]
        yield [*names, *_arguments(draw, command, places), *_options(draw, command, places)]


def _arguments(draw: random.Random, command: Any, places: list[str]) -> list[str]:
    words: list[str] = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            usual = {"model": "model", "train": "train.csv", "data": "train.csv", "test": "test.csv", "a": "model"}
            named = next((p for p in places if p.endswith(f"/{usual.get(parameter.name, 'test.csv')}")), "")
            pick = named if draw.random() < 0.6 else draw.choice([*places, *TEXTS])
            words += [pick] + [draw.choice(TEXTS)] * (parameter.nargs == -1 and draw.random() < 0.2)
    return words[: len(words) - (draw.random() < 0.03)]


def _options(draw: random.Random, command: Any, places: list[str]) -> list[str]:
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    words: list[str] = []
    for option in draw.sample(options, min(len(options), draw.choice((0, 0, 1, 1, 2, 3)))):
        name = draw.choice([*option.opts, *option.secondary_opts])
        words += [name] if option.is_flag else [name, _value(draw, name, places)]
    if command.name == "fit":
        words += [
            "--out",
            draw.choice([places[0], f"{places[0]}.m", draw.choice(places)]),
            "--n-epochs",
            "1",
            "--no-baselines",
        ]
    if command.name == "perturb" and "--alphas" not in words:
        words += ["--alphas", "1", "--seeds", "0"]  # the usual ladder is 21 passes
    return words


def _value(draw: random.Random, name: str, places: list[str]) -> str:
    if name in LARGE:
        return draw.choice(LARGE[name])
    if name in ("--out", "-o", "--report"):
        return draw.choice(
            [f"{places[0]}{e}" for e in (".json", ".csv", ".md", ".html", ".pdf")] + [draw.choice(places)]
        )
    return draw.choice([*NUMBERS, *WORDS, draw.choice(places), draw.choice(TEXTS)])


def trouble_of(folder: Path, words: list[str], seconds: float = SECONDS) -> str:
    """Run a call, and say what is wrong with how it ended: a traceback, a strange code, late, or a steered terminal.

    Late is by the processor's time: by the clock, what runs beside it would count too.
    """
    began = time.process_time()
    wrong = invoke(folder, words)
    late = time.process_time() - began > seconds and words[0] != "fit" and words[1:2] != ["subsets"]
    return wrong or (f"took {time.process_time() - began:.0f} s" if late else "")


def invoke(folder: Path, words: list[str]) -> str:
    """Run the command line in this process with `folder` as the working folder."""
    log, here = logging.getLogger("spacetune"), Path.cwd()
    before = log.handlers[:], log.level, log.propagate
    os.chdir(folder)
    try:
        result = CliRunner().invoke(app, words, input="from standard input\n")
    finally:
        os.chdir(here)
        log.handlers[:], log.level, log.propagate = before
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return "".join(traceback.format_exception(result.exception)[-6:])
    if result.exit_code not in (0, 1, 2):
        return f"exit code {result.exit_code}"
    typed = any("\x1b" in word or "\u202e" in word for word in words)  # typer repeats such words; `main` escapes them
    if ("\x1b" in result.output or "\u202e" in result.output) and not (typed and "Usage:" in result.output):
        return f"the terminal is steered: {result.output!r:.300}"
    if result.exit_code == 0 and "--json" in words and not _is_json(result.stdout):
        return f"no JSON: {result.stdout!r:.300}"
    return "" if result.exit_code == 0 or result.output.strip() else "it failed without a word"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def main(n: int, seed: int) -> int:
    """Try n calls, and return how many did not end in order."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        source = calls(seed, furnish(Path(folder)))
        for _ in range(n):
            words = next(source)
            if wrong := trouble_of(Path(folder), words):
                bad += 1
                print(f"{words}\n    {wrong}", flush=True)
    print(f"{n} calls, {bad} of them in trouble")
    return bad


if __name__ == "__main__":
    sys.exit(min(1, main(int(sys.argv[1]), int(sys.argv[2]))))
