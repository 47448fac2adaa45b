"""The commands for the data around a classifier show what their functions find."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from .conftest import Place, read_rows, run, write_rows


def test_likely_label_errors_of_a_file(place: Place, bundled: None, tmp_path: Path) -> None:
    rows = read_rows(place.train)
    rows[2]["label"] = next(row["label"] for row in rows if row["label"] != rows[2]["label"])
    spoilt = write_rows(tmp_path / "spoilt.csv", rows)
    answer = run("check", spoilt, "--labels", "--out", tmp_path / "errors.csv")
    assert "labels of spoilt.csv are worth a look" in " ".join(answer.out.split())
    found = read_rows(tmp_path / "errors.csv")
    assert ("3", rows[2]["text"]) in [(row["row"], row["text"]) for row in found]
    several = write_rows(tmp_path / "sets.csv", [row | {"label": f"all|{row['label']}"} for row in rows[:32]])
    sets = json.loads(run("check", several, "--labels", "--label-separator", "|", "--json").out)
    assert (sets["kind"], sets["n_texts"]) == ("multi", 32)
    unlabelled = write_rows(tmp_path / "texts.csv", [{"text": row["text"]} for row in rows])
    assert run("check", unlabelled, "--labels").code == 1


def test_near_duplicates_of_two_files(place: Place, tmp_path: Path) -> None:
    first = read_rows(place.train)[0]
    leaked = write_rows(tmp_path / "leaked.csv", [{"text": f"{first['text']} ", "label": "other"}])
    told = json.loads(run("check", leaked, "--against", place.train, "--json").out)
    assert [(row["row"], row["other_row"], row["exact"]) for row in told["found"]] == [(1, 1, True)]
    refused = run("check", leaked, "--against", place.train, "--labels")
    assert (refused.code, "choose one" in refused.err) == (2, True)
    alone = run("check", leaked, "--similarity", "0.9")
    assert (alone.code, "name the other file with --against" in alone.err) == (2, True)


def test_drift_names_the_files(place: Place) -> None:
    answer = run("drift", place.model, place.test, "--reference", place.train)
    said = " ".join(answer.out.split())
    assert "24 texts of test.csv against 60 of train.csv: told apart with an AUC of" in said
    assert "60 of 60 texts repeat a training text" in said
    assert run("drift", place.model, place.test).code == 2


def test_thresholds_go_from_their_file_into_predictions(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "unsure.json"
    assert run("thresholds", place.model, place.test, "--keep", 0.5, "--out", file).code == 0
    told = json.loads(run("predict", place.model, place.test, "--abstain", file, "--json").out)
    assert 12 <= sum(label is not None for label in told["predicted"]) < 24
    assert "unsure" in run("predict", place.model, "hm", "--abstain", 0.99).out
    assert "unsure (" in run("predict", place.model, "hm", "--abstain", 0.99, "--top", 2).out
    refused = run("predict", place.model, "hm", "--abstain", "often")
    assert (refused.code, "a probability, or a file of thresholds" in refused.err) == (2, True)


def test_a_model_against_another(place: Place, tmp_path: Path) -> None:
    other = shutil.copytree(place.model, tmp_path / "other")
    told = json.loads(run("score", place.model, place.test, "--against", other, "--json").out)
    assert (told["names"], told["differing"], told["mcnemar"]["p"]) == (["model", "other"], [], 1.0)
    shown = run("score", place.model, place.test, "--against", other).out
    assert "first: model, second: other." in shown
    assert shown.endswith("Where they differ: None.\n")


def test_what_to_label_next_goes_into_a_file(place: Place, tmp_path: Path) -> None:
    texts = write_rows(tmp_path / "texts.csv", [{"text": row["text"]} for row in read_rows(place.test)])
    run("suggest", place.model, texts, "-n", 5, "--out", tmp_path / "next.csv")
    found = read_rows(tmp_path / "next.csv")
    given = read_rows(texts)
    assert len(found) == 5
    assert all(given[int(row["row"]) - 1]["text"] == row["text"] for row in found)


def test_numbers_are_judged_as_classes_where_that_is_asked_for(place: Place, tmp_path: Path) -> None:
    names = {"account_login": "1.5"}
    rows = [{"text": row["text"], "label": names.get(row["label"], "2.5")} for row in read_rows(place.train)]
    data = write_rows(tmp_path / "numbers.csv", rows)
    assert "numbers" in run("check", data, "--labels").err
    answer = run("check", data, "--labels", "--task", "classification", "--json")
    assert (answer.code, json.loads(answer.out)["kind"]) == (0, "single")


def test_pairs_are_called_pairs(tmp_path: Path) -> None:
    rows = [{"text": f"a {i}", "text_pair": f"b {i}", "label": "xy"[i % 2]} for i in range(24)]
    data = write_rows(tmp_path / "pairs.csv", rows)
    assert "24 pairs, one class" in " ".join(run("check", data).out.split())
    fitted = " ".join(run("fit", data, "--out", tmp_path / "m", "--no-baselines", "--method", "probe").out.split())
    assert "training pairs, 2 classes" in fitted
    assert re.search(r"on \d pairs of dev", fitted)
