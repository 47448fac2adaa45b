"""A user's mistake gets a sentence on stderr and the right exit code; never a traceback, never a lost file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from spacetune import LabelledTexts
from spacetune.errors import UsageError
from spacetune.estimators import load_estimator
from spacetune.model_folder.saved_model import config_digest
from spacetune.studies import (
    check_explanations,
    choose_encoder,
    choose_method,
    compare_models,
    fit_model,
    map_spaces,
    measure_drift,
    predict_texts,
    score_model,
    score_simplex,
    suggest_texts,
)

from .conftest import FAST, Place, run, start, write_rows

DATA = LabelledTexts(["a", "b"] * 4, ["x", "y"] * 4)
FIT = ("fit", "TRAIN", "--out", "NEW", *FAST)

CALLS: dict[str, tuple[tuple[Any, ...], int, str]] = {
    "misspelt label column": (
        (*FIT, "--label", "labl"), 1,
        "spacetune: column 'labl' is not in train.csv (columns: text, label); did you mean --label label?",
    ),
    "misspelt text column": (
        ("predict", "MODEL", "TRAIN", "--text", "txt"), 1,
        "column 'txt' is not in train.csv (columns: text, label); did you mean --text text?",
    ),
    "no such file": (("score", "MODEL", "FOLDER/tset.csv"), 1, "tset.csv does not exist; did you mean"),
    "no such file to predict": (("predict", "MODEL", "nothing.csv"), 1, "nothing.csv does not exist"),
    "no name of a file": (("fit", "", "--out", "NEW"), 1, "the name of the file is empty; give a file or a folder"),
    "no name of a second file": ((*FIT, "--test", ""), 1, "the name of the file is empty; give a file or a folder"),
    "a file of another kind": (
        (*FIT[:1], "MODEL/model.safetensors", *FIT[2:]), 1,
        "model.safetensors: the ending says the format, and '.safetensors' is not one of",
    ),
    "a folder of another kind": (("score", "MODEL", "FOLDER"), 1, "is a folder of tables, which are read block by"),
    "no such model": (("score", "FOLDER/modle", "TEST"), 1, "is not a saved model: there is no such folder"),
    "a file as the model": (("predict", "TRAIN", "hello"), 1, "train.csv is not a saved model"),
    "a folder without a model": (("predict", "FOLDER", "hello"), 1, "is not a whole saved model: config.json is"),
    "no such encoder": ((*FIT, "--encoder", "/no/encoder"), 1, "/no/encoder is not a folder"),
    "regression on words": ((*FIT, "--task", "regression"), 1, "--task regression needs numbers as labels"),
    "unknown encoding": ((*FIT, "--encoding", "latin-99"), 1, "'latin-99' is not an encoding Python knows"),
    "unknown layer": ((*FIT, "--layers", "99"), 2, "has layers 0 (embeddings) to 6, asked for 99"),
    "no layer": ((*FIT, "--layers", "top"), 2, "must be a number, numbers as 2,4,6, 'all' or 'auto', got 'top'"),
    "no epochs": ((*FIT, "--n-epochs", 0), 2, "n_epochs must be at least 1, got 0"),
    "no width": ((*FIT, "--n-latent", 0), 2, "n_latent must be at least 1, got 0"),
    "a share above 1": ((*FIT, "--dev-fraction", 2), 2, "must lie between 0 and 1, got 2.0"),
    "a share of nothing": ((*FIT, "--dev-fraction", 0), 2, "must lie between 0 and 1, got 0.0"),
    "negative seed": ((*FIT, "--seed", -1), 2, "seed must be 0 or more, got -1"),
    "setting of another method": ((*FIT, "--method", "probe"), 2, "LinearProbe has no setting 'n_epochs'"),
    "delimiter too long": ((*FIT, "--delimiter", ";;"), 2, "--delimiter must be one character"),
    "empty separator": ((*FIT, "--label-separator", ""), 2, "--label-separator must be at least one character"),
    "unknown method": ((*FIT, "--method", "magic"), 2, "Invalid value for '--method'"),
    "unknown command": (("fitt",), 2, "No such command 'fitt'"),
    "no data": (("fit",), 2, "Missing argument"),
    "no place for the model": (("fit", "TRAIN"), 2, "Missing option '--out'"),
    "misspelt class": (
        ("explain", "MODEL", "hello", "--class", "cancel_ordr"), 2,
        "--class 'cancel_ordr' is none of account_login, cancel_order,",
    ),
    "words looked at nowhere": (
        ("explain", "MODEL", "hello", "--at", "words"), 2, "at must be 'input', 'states' or 'both', got 'words'",
    ),
    "misspelt other class": (
        ("explain", "MODEL", "hello", "--against", "cancel_ordr"), 2,
        "--against 'cancel_ordr' is none of account_login",
    ),
    "a class that nobody asks for": (("explain", "MODEL", "hello", "--check", "--class", "x"), 2, "--class is for"),
    "random words of no check": (("explain", "MODEL", "hello", "--seed", "1"), 2, "--seed is for --check"),
    "a class against itself": (
        ("explain", "MODEL", "hello", "--class", "cancel_order", "--against", "cancel_order"), 2, "against itself"
    ),
    "two questions at once": (("explain", "MODEL", "hello", "--check", "--summary"), 2, "ask one at a time"),
    "a counterfactual of two texts": (
        ("explain", "MODEL", "hello", "you", "--counterfactual"), 2, "--counterfactual is of one text, got 2",
    ),
    "explanation as something else": (
        ("explain", "MODEL", "hello", "--out", "why.gif"), 2,
        "--out must end in .html or .md or .png or .pdf or .json or .csv or .jsonl or .parquet, got why.gif",
    ),
    "predictions into a folder": (
        ("predict", "MODEL", "TEST", "--out", "FOLDER"), 2, "--out must name a file, and",
    ),
    "predictions into no folder": (
        ("predict", "MODEL", "TEST", "--out", "FOLDER/no/p.csv"), 2, "--out must lie in a folder that exists, and",
    ),
    "model into a file": ((*FIT, "--out", "TRAIN"), 2, "exists and is not a saved model; choose another place"),
    "model below a file": ((*FIT, "--out", "TRAIN/m"), 2, "a model is saved to a folder, and"),
    "model into this folder": ((*FIT, "--out", "."), 2, ". exists and is not a saved model"),
    "model into the root": ((*FIT, "--out", "/"), 2, "/ exists and is not a saved model"),
    "demo into a foreign folder": (("demo", "--out", "FOLDER"), 2, "exists and is not a saved model"),
}  # fmt: skip


def filled_in(word: Any, place: Place, new: Path) -> str:
    names = {"TRAIN": place.train, "TEST": place.test, "MODEL": place.model, "FOLDER": place.folder, "NEW": new}
    first, slash, rest = str(word).partition("/")
    return f"{names.get(first, first)}{slash}{rest}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", CALLS)
def test_a_mistake_gets_a_sentence_and_touches_nothing(name: str, place: Place, tmp_path: Path) -> None:
    words, code, message = CALLS[name]
    before = contents(place.folder)
    answer = run(*[filled_in(word, place, tmp_path / "new") for word in words])
    assert message in unboxed(answer.err)
    assert answer.code == code
    assert answer.out == ""
    assert contents(place.folder) == before
    assert list(tmp_path.iterdir()) == []


def unboxed(text: str) -> str:
    """Undo the frame and the line breaks that typer puts around its own errors."""
    return " ".join(text.replace("│", " ").split())


def test_what_is_wrong_with_out_is_said_before_the_work(place: Place, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    answer = run("fit", place.train, "--out", tmp_path, *FAST)
    assert answer.code == 2
    assert f"{tmp_path} exists and is not a saved model; choose another place or remove it first" in answer.err
    assert "fitting" not in answer.err
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_an_empty_folder_is_a_free_place(place: Place, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert run("fit", place.train, "--out", tmp_path / "m", *FAST).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_folders_on_the_way_are_made(place: Place, tmp_path: Path) -> None:
    assert run("fit", place.train, "--out", tmp_path / "a" / "b" / "m", *FAST).code == 0
    assert run("predict", tmp_path / "a" / "b" / "m", "hello").code == 0


def test_a_label_the_model_does_not_know(place: Place, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "d.csv", [{"text": "a", "label": "cancel_order"}, {"text": "b", "label": "praise"}])
    answer = run("score", place.model, data)
    assert answer.code == 1
    assert "label 'praise' (str) was not among the training labels, 1 time (row 2); the classes are" in answer.err


@pytest.mark.parametrize("role", ["train", "dev", "test", "score"])
def test_missing_labels_are_said_before_the_work(role: str, place: Place, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "d.csv", [{"text": t, "label": c} for t, c in (("a", "cat"), ("b", ""), ("c", ""))])
    words: dict[str, tuple[Any, ...]] = {
        "train": ("fit", data, "--out", tmp_path / "m"),
        "score": ("score", place.model, data),
    }
    answer = run(*words.get(role, ("fit", place.train, f"--{role}", data, "--out", tmp_path / "m")))
    assert (answer.code, answer.out) == (1, "")
    said = "every row needs a label: 2 of 3 have none (rows 2, 3); label them or take them out"
    assert answer.err == f"spacetune: d.csv: {said}\n"


def test_a_header_and_no_rows(place: Place, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("text,label\n")
    for words in (("fit", tmp_path / "d.csv", "--out", tmp_path / "m"), ("score", place.model, tmp_path / "d.csv")):
        answer = run(*words)
        assert (answer.code, answer.out) == (1, "")
        assert "d.csv names its columns (text, label) but holds no rows; add some" in answer.err


CONFIG, WEIGHTS = "config.json", "model.safetensors"
DAMAGES: dict[str, tuple[str, bytes | None, str]] = {
    "no weights": (WEIGHTS, None, "is not a whole saved model: model.safetensors is missing; fit it again"),
    "empty weights": (WEIGHTS, b"", "is not a whole saved model: model.safetensors is empty (0 bytes); fit it again"),
    "cut weights": (WEIGHTS, b"\x40\x00\x00", "is damaged: "),
    "junk as weights": (WEIGHTS, b"junk" * 99, "is damaged: "),
    "no config": (CONFIG, None, "is not a whole saved model: config.json is missing; fit it into another folder"),
    "empty config": (
        CONFIG,
        b"",
        "is not a whole saved model: config.json is empty (0 bytes); fit it into another folder",
    ),
    "cut config": (CONFIG, b'{"schema": 1, "mod', "is damaged: "),
    "config that is no text": (CONFIG, b"\xff\xfe\x00", "is damaged: "),
    "config without schema": (CONFIG, b"{}", "has no schema number; was it written by spacetune?"),
    "config that is a list": (CONFIG, b"[1]", "has no schema number; was it written by spacetune?"),
    "config from the future": (
        CONFIG,
        b'{"schema": 99}',
        "has schema 99, this spacetune reads up to 2; update spacetune",
    ),
    "config with nothing in it": (CONFIG, b'{"schema": 1, "model": "SpaceClassifier"}', "is incomplete: "),
}


@pytest.fixture
def copy(place: Place, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place.model, tmp_path / "copy"))


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_model_says_what_is_wrong(name: str, copy: Path) -> None:
    file, content, message = DAMAGES[name]
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_bytes(content)
    answer = run("predict", copy, "hello")
    assert (answer.code, answer.out) == (1, "")
    assert message in answer.err
    assert str(copy) in answer.err


def edited(copy: Path, *path: str, value: Any) -> None:
    config = json.loads((copy / CONFIG).read_text())
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    config["digest"] = config_digest(config)
    (copy / CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("model",), "Oracle", "holds a model of kind 'Oracle'"),
        (("settings", "n_dreams"), 3, "is damaged: its settings: "),
        (("learned", "classes"), ["a", "b"], "is incomplete: "),
        (("encoder", "sha256"), "0" * 64, "its predictions would mean nothing"),
    ],
)
def test_a_config_that_does_not_fit_the_weights(path: tuple[str, ...], value: Any, message: str, copy: Path) -> None:
    edited(copy, *path, value=value)
    answer = run("predict", copy, "hello")
    assert (answer.code, answer.out) == (1, "")
    assert message in answer.err


@pytest.mark.parametrize(
    "words",
    [("score", "MODEL", "none.csv"), pytest.param(("predict", "FOLDER", "hello", "--json"), marks=pytest.mark.slow)],
)
def test_mistakes_as_a_process(words: tuple[str, ...], place: Place, tmp_path: Path) -> None:
    process = start(*[filled_in(word, place, tmp_path) for word in words])
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("spacetune: ")
    assert "Traceback" not in err


def test_a_disk_that_cannot_be_written(place: Place) -> None:
    answer = run("predict", place.model, "hello", "--out", "/proc/p.csv")
    assert answer.code in (1, 2)
    assert "p.csv cannot be written: " in answer.err or "--out must lie in a folder" in answer.err


def test_several_labels_in_one_cell_get_a_hint(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": "|".join(["joy", "love", "fear"][: 1 + i % 3])} for i in range(12)]
    rows += [{"text": f"more {i}", "label": ["fear", "love|fear", "love"][i % 3]} for i in range(6)]
    told = " ".join(run("check", write_rows(tmp_path / "tags.csv", rows)).out.split())
    assert "look like several labels in one cell: say what separates them with --label-separator '|'" in told
    plain = [{"text": f"text {i}", "label": ["a, b", "c", "d"][i % 3]} for i in range(12)]
    assert "--label-separator" not in run("check", write_rows(tmp_path / "plain.csv", plain)).out


def test_a_column_of_names_is_no_column_of_labels(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "ids.csv", [{"text": f"text {i}", "label": f"id{i}"} for i in range(120)])
    answer = run("fit", rows, "--out", tmp_path / "m")
    assert (answer.code, (tmp_path / "m").exists()) == (1, False)
    assert "ids.csv has 120 different labels in 120 rows, such as 'id0'" in answer.err
    assert "name the column of the labels with --label" in answer.err


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda model: fit_model("train.csv"),
            "train must be LabelledTexts, got str 'train.csv': read_texts reads a file",
        ),
        (lambda model: fit_model(DATA, dev=["a"]), "dev must be LabelledTexts, got list"),
        (
            lambda model: fit_model(DATA, method="spce"),
            "method must be one of auto, space, .*got 'spce'; did you mean 'space'",
        ),
        (lambda model: score_model(model, "f.csv"), "data must be LabelledTexts, got str"),
        (
            lambda model: score_model("model", DATA),
            "model must be a fitted estimator, got str 'model': load_estimator reads",
        ),
        (lambda model: compare_models(model, "probe", DATA), "second must be a fitted estimator, got str"),
        (lambda model: measure_drift(model, ["a"], ["b"]), "data must be LabelledTexts, got list"),
        (lambda model: suggest_texts(model, ["a"], 5), "data must be LabelledTexts, got list"),
        (lambda model: choose_method("a.csv"), "data must be LabelledTexts, got str"),
        (lambda model: choose_encoder([None, None], "a.csv"), "data must be LabelledTexts, got str"),
        (lambda model: score_simplex("model", DATA), "model must be a fitted estimator, got str"),
        (lambda model: predict_texts("model", ["a"]), "model must be a fitted estimator, got str"),
        (lambda model: map_spaces(model, "a.csv"), "data must be LabelledTexts, got str"),
        (lambda model: check_explanations("model", ["a"]), "model must be a fitted estimator, got str"),
    ],
)
def test_studies_say_what_they_take(place: Place, call: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call(load_estimator(place.model))
