"""`measure` and `compare` on the command line: the Python functions' results, and mistakes as sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Place, read_rows, run

FEW = ("--layers", "0,6", "--measures", "eee,average-cosine")


def test_measure_prints_json_and_nothing_else(place: Place) -> None:
    answer = run("measure", place.test, *FEW, "--json")
    found = json.loads(answer.out)
    assert answer.code == 0
    assert [(v["layer"], v["measure"]) for v in found["values"]] == [
        (layer, measure) for layer in (0, 6) for measure in ("eee", "average_cosine")
    ]
    assert found["n_texts"] == 24
    assert found["provenance"]["encoder"].endswith("all-MiniLM-L6-v2")


def test_measure_reads_a_file_block_by_block(place: Place) -> None:
    one, many = (run("measure", place.test, *FEW, "--json", *more) for more in ((), ("--block", "7")))
    assert (one.code, many.code) == (0, 0)
    whole, parts = (json.loads(answer.out) for answer in (one, many))
    assert (parts["n_tokens"], parts["n_texts"]) == (whole["n_tokens"], 24)
    assert [v["value"] for v in parts["values"]] == pytest.approx([v["value"] for v in whole["values"]], rel=1e-2)
    wrong = run("measure", place.test, "--rank", "--block", "7")
    assert wrong.code == 2
    assert "--block is for measures of an encoder" in wrong.err
    assert "no-such.csv does not exist" in run("measure", "no-such.csv", "--block", "7").err


def test_measure_for_people_warns_of_too_few_tokens(place: Place, bundled: None) -> None:
    answer = run("measure", place.test, *FEW)
    words = " ".join(answer.out.split())
    assert answer.code == 0
    assert all(name in words for name in ("layer", "eee", "average-cosine"))
    assert "fewer than advised for eee" in words


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "json"])
def test_measure_to_a_file(place: Place, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"table.{ending}"
    answer = run("measure", place.test, *FEW, "--intervals", "--out", out)
    assert (answer.code, answer.out) == (0, "")
    rows = read_rows(out) if ending == "csv" else json.loads(out.read_text())["values"]
    assert len(rows) == 4
    assert all(float(row["low"]) < float(row["value"]) < float(row["high"]) for row in rows)


def test_measure_and_compare_as_a_report(place: Place, tmp_path: Path) -> None:
    answer = run("measure", place.test, *FEW, "--out", tmp_path / "geometry.html")
    assert (answer.code, answer.out) == (0, "")
    assert "Spectrum" in (tmp_path / "geometry.html").read_text()
    answer = run("compare", "default", "default", place.test, *FEW, "--out", tmp_path / "two.md")
    assert (answer.code, answer.out) == (0, "")
    assert (tmp_path / "two.md").read_text().startswith("# Two encoders")


QUICK = ("--alphas", "2,10", "--seeds", "0", "--measures", "eee")


@pytest.mark.slow
def test_perturb(place: Place, tmp_path: Path) -> None:
    answer = run("perturb", place.test, *QUICK, "--json", "--out", tmp_path / "ladder.html")
    found = json.loads(answer.out)
    assert [(v["alpha"], v["measure"]) for v in found["values"]] == [(0.0, "eee"), (2.0, "eee"), (10.0, "eee")]
    assert "Perturbation ladder" in (tmp_path / "ladder.html").read_text()
    shown = " ".join(run("perturb", place.test, *QUICK).out.split())
    assert all(words in shown for words in ("noise in %", "eee", "mean over 1 seed"))
    wrong = run("perturb", place.test, "--alphas", "2,much")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--alphas must be numbers separated by commas, got 'much'" in wrong.err


def test_the_spaces_of_a_saved_model(place: Place) -> None:
    found = json.loads(run("measure", place.test, "--model", place.model, "--json").out)
    assert len(found["spaces"]) == 8
    assert "disjoint" in found["disjoint"]
    assert "the spaces are" in " ".join(run("measure", place.test, "--model", place.model).out.split())


@pytest.mark.slow
def test_rank_states_its_record(place: Place) -> None:
    answer = run("measure", place.test, "--rank", "--sample", 300)
    words = " ".join(answer.out.split())
    assert answer.code == 0
    assert "picked the best layer on" in words
    assert "always the last layer" in words or "best on average on the other data sets" in words
    assert "evidence:" in words


def test_compare_an_encoder_with_a_saved_model_s(place: Place) -> None:
    answer = run("compare", "default", place.model, place.test, "--layers", 6, "--measures", "eee", "--json")
    found = json.loads(answer.out)
    assert answer.code == 0
    assert found["pairs"][0]["debiased_cka"] == pytest.approx(1.0)
    assert found["unit"] == "token"
    shown = " ".join(run("compare", "default", "default", place.test, "--layers", 6, "--measures", "eee").out.split())
    assert "similarity of" in shown


def test_compare_ranks_encoders_for_labels(place: Place, tmp_path: Path) -> None:
    words = ("compare", "default", "default", "default", place.train, "--label", "label", "-n", 60)
    found = json.loads(run(*words, "--json").out)
    assert [row["behind"] for row in found["encoders"]] == [0.0, 0.0, 0.0]
    assert found["n_texts"] == 60
    shown = " ".join(run(*words).out.split())
    assert "a probe has" in shown
    assert "the probe" in shown
    answer = run(*words, "--out", tmp_path / "choice.html")
    assert (answer.code, answer.out) == (0, "")
    assert "Which encoder to read with" in (tmp_path / "choice.html").read_text()


def test_compare_without_labels_is_of_two(place: Place) -> None:
    mixed = run("compare", "default", "default", place.train, "--label", "label", "--layers", 1)
    assert (mixed.code, mixed.out) == (2, "")
    assert "leave out --layers" in mixed.err
    assert "--n-texts goes with --label" in run("compare", "default", "default", place.test, "-n", 5).err
    answer = run("compare", "default", "default", "default", place.test)
    assert (answer.code, answer.out) == (2, "")
    assert "takes two encoders and a file of texts, got 3 before" in answer.err
    assert "--label COLUMN" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--measures", "ee"], 2, "did you mean 'eee'"),
        (["--layers", "auto"], 2, "--layers must be"),
        (["--layers", "9"], 2, "has layers 0"),
        (["--out", "table.gif"], 2, "must end in .html or .md"),
        (["--rank", "--model", "m"], 2, "choose one"),
        (["--rank", "--official"], 2, "--official are for measures of an encoder alone"),
    ],
)
def test_mistakes_are_sentences(place: Place, words: list[str], code: int, said: str) -> None:
    answer = run("measure", place.test, *words)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
