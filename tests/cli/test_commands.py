"""The commands do what they say, on 60 demo texts."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import spacetune
from spacetune.data import few_shot
from spacetune.data.writing import safe_cell
from spacetune.fitting import loop
from spacetune.studies import demo_texts

from .conftest import FAST, Place, read_rows, run, start, write_rows


def test_fit_prints_json_and_nothing_else_on_stdout(place: Place) -> None:
    report = json.loads(place.fitted.out)
    assert place.fitted.code == 0
    assert (report["method"], report["source"]) == ("space", "train.csv")
    assert (report["n_texts"], len(report["classes"])) == (60, 8)
    aside = "8 of 60 training texts, set aside stratified by seed 0"
    assert report["dev"] == f"{aside}; what it chose was then learnt from 60 texts in all"
    assert [(row["method"], row["split"], row["n"]) for row in report["table"]] == [("space", "dev", 8)]
    assert "fitting 52 texts, at most 2 epochs" in place.fitted.err
    assert f"saved to {place.model}" in place.fitted.err


def test_fit_leaves_a_whole_model_and_nothing_beside_it(place: Place) -> None:
    assert sorted(p.name for p in place.model.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert sorted(p.name for p in place.folder.iterdir()) == ["model", "test.csv", "train.csv"]
    assert json.loads((place.model / "config.json").read_text())["schema"] == 2


def test_fit_for_people_shows_scores_and_warnings(place: Place, tmp_path: Path) -> None:
    answer = run("fit", place.train, "--test", place.test, "--out", tmp_path / "m", *FAST)
    assert answer.code == 0
    assert "60 training texts, 8 classes from train.csv" in " ".join(answer.out.split())
    assert "8 texts only of class 'account_login'" in " ".join(answer.out.split())
    assert re.search(r"space +│ test +│ +24 +│ +0\.\d{4}", answer.out)
    end = " ".join(answer.out.split())
    assert re.search(
        r"space: accuracy 0\.\d{3} \(95 % interval .*\) on 24 texts of test\. The best constant guess ", end
    )
    assert end.endswith(f'saved to {tmp_path / "m"}; next, see why: spacetune explain {tmp_path / "m"} "a text"')


def test_a_command_keeps_to_max_memory(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("predict", place.model, "a nice file", "--max-memory")
    assert run(*words, "20GB").out == run(*words[:-1]).out
    assert "a number of gigabytes above 0, or one with MB or GB; got 'much'" in run(*words, "much").err
    monkeypatch.setattr("spacetune.memory.held_bytes", lambda: 3e10)
    monkeypatch.setattr("spacetune.memory.EVERY", 0.0)
    answer = run(*words, "20GB")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "spacetune: stopped by --max-memory (30 GB are held, 20 allowed); no result was printed\n"


def test_a_fit_that_came_beyond_max_memory_keeps_its_best_epoch(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [0.0]
    monkeypatch.setattr("spacetune.memory.held_bytes", lambda: held[0])
    monkeypatch.setattr("spacetune.memory.EVERY", 0.001)
    record = loop._record

    def heavy(candidates: Any, schedule: Any, epoch: int, *rest: Any) -> None:
        record(candidates, schedule, epoch, *rest)
        if epoch == 1:
            held[0] = 3e10
            time.sleep(0.2)

    monkeypatch.setattr(loop, "_record", heavy)
    answer = run("fit", place.train, "--out", tmp_path / "m", *FAST, "--max-memory", "20")
    assert answer.code == 1
    stopped = "stopped by --max-memory (30 GB are held, 20 allowed)"
    assert f"{stopped} in epoch 1; the best so far, epoch 1, is kept" in answer.err
    assert answer.err.endswith(f"spacetune: {stopped}\n")
    assert run("predict", tmp_path / "m", "a nice file").code == 0


@pytest.mark.slow
def test_auto_tells_what_was_tried_in_one_table(place: Place, tmp_path: Path) -> None:
    answer = run("fit", place.train, "--out", tmp_path / "m", *FAST, "--method", "auto", "--budget", "1")
    assert answer.code == 0
    assert answer.err.count("fitting 52 texts") <= 1  # of what was chosen, and not of the trials
    assert re.search(r"probe +│ +(0\.\d{4})? │", answer.out)


def test_a_part_set_aside_can_be_left_out(place: Place, tmp_path: Path) -> None:
    report = json.loads(run("fit", place.train, "--out", tmp_path / "m", *FAST, "--no-refit", "--json").out)
    assert (report["n_texts"], report["dev"]) == (52, "8 of 60 training texts, set aside stratified by seed 0")
    words = ["fit", place.train, "--dev", place.test, "--out", tmp_path / "all", *FAST, "--refit", "--json"]
    assert json.loads(run(*words).out)["n_texts"] == 84


def test_a_column_says_what_texts_weigh(place: Place, tmp_path: Path) -> None:
    rows = [row | {"times": "0" if i < 20 else "2.5"} for i, row in enumerate(read_rows(place.train))]
    words = ["--method", "probe", "--no-baselines", "--json", "--out", tmp_path / "m"]
    report = json.loads(run("fit", write_rows(tmp_path / "w.csv", rows), "--weight", "times", *words).out)
    assert report["n_texts"] == 40
    assert any("20 texts weigh 0 and are left out (rows 1, 2, 3" in note for note in report["notes"])
    again = [rows[0] | {"times": "0"}, *(row | {"times": "1"} for row in [rows[0], *rows[1:], rows[1]])]
    report = json.loads(run("fit", write_rows(tmp_path / "w.csv", again), "--weight", "times", *words).out)
    assert not any("(row 2)" in note for note in report["notes"])
    assert any("1 row repeats an earlier text (row 62)" in note for note in report["notes"])
    refused = run("fit", write_rows(tmp_path / "w.csv", [*rows, rows[0] | {"times": "much"}]), "--weight=times", *words)
    assert refused.code == 1
    assert "column 'times' must be numbers, one a text: 'much' at row 61" in refused.err


def test_quiet_leaves_the_result_and_what_is_wrong(place: Place, tmp_path: Path) -> None:
    words = ["fit", place.train, "--out", tmp_path / "m", "--method", "probe", "--no-baselines", "--report"]
    told, quiet = run(*words, tmp_path / "a.html"), run(*words, tmp_path / "b.html", "--quiet")
    assert "saved to" in told.out
    assert "report written to" in told.err
    assert (quiet.err, "saved to" in quiet.out) == ("", False)
    assert "training texts" in quiet.out
    assert "there is no such file" in run("predict", place.model, "a nice file.csv", "--quiet").err
    assert run("predict", tmp_path / "none", "a text", "--quiet").err.startswith("spacetune: ")


def test_the_lexicon_can_be_left_out(place: Place, tmp_path: Path) -> None:
    assert run("fit", place.train, "--out", tmp_path / "m", *FAST, "--no-lexicon").code == 0
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["settings"]["lexicon"] is False
    refused = run("fit", place.train, "--out", tmp_path / "p", *FAST, "--method", "prefix-simplex", "--no-lexicon")
    assert refused.code != 0
    assert "PrefixSimplexClassifier has no setting 'lexicon'" in refused.err


def test_baselines_stand_beside_the_model(place: Place, tmp_path: Path) -> None:
    words = ["fit", place.train, "--dev", place.test, "--out", tmp_path / "m", "--n-epochs", 2, "--json"]
    table = json.loads(run(*words).out)["table"]
    assert [row["method"] for row in table] == ["majority", "tf-idf + linear", "linear probe", "space"]
    assert all(row["split"] == "dev" and 0 <= row["accuracy"] <= 1 for row in table)


def test_fit_replaces_an_older_model(place: Place, tmp_path: Path) -> None:
    for n_latent in (2, 3):
        assert run("fit", place.train, "--out", tmp_path / "m", *FAST, "--n-latent", n_latent).code == 0
        assert json.loads((tmp_path / "m/config.json").read_text())["settings"]["n_latent"] == n_latent
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_the_same_seed_gives_the_same_model(place: Place, tmp_path: Path) -> None:
    assert run("fit", place.train, "--out", tmp_path / "m", *FAST).code == 0
    assert (tmp_path / "m/model.safetensors").read_bytes() == (place.model / "model.safetensors").read_bytes()


def test_score(place: Place) -> None:
    scored = json.loads(run("score", place.model, place.test, "--json").out)
    assert (scored["source"], scored["n_texts"], scored["kind"]) == ("test.csv", 24, "single")
    assert scored["scores"]["accuracy"] > scored["baseline"]["accuracy"] == pytest.approx(3 / 24, abs=0.05)
    assert sum(map(sum, scored["confusion"])) == 24
    shown = run("score", place.model, place.test).out
    assert f"{scored['scores']['accuracy']:.4f}" in shown
    assert "majority" in shown


def test_score_says_that_training_texts_flatter(place: Place) -> None:
    said = " ".join(run("score", place.model, place.train).out.split())
    assert "! 60 of 60 texts repeat a training text (rows " in said


def test_predict_texts(place: Place) -> None:
    told = json.loads(run("predict", place.model, "Where is my parcel?", "", "--json").out)
    assert told["texts"] == ["Where is my parcel?", ""]
    assert set(told["predicted"]) <= set(told["classes"])
    assert [sum(row) for row in told["probabilities"]] == pytest.approx([1, 1])
    shown = run("predict", place.model, "Where is my parcel?").out
    assert shown.startswith(told["predicted"][0])
    assert "Where is my parcel?" in shown


@pytest.mark.slow
def test_what_no_window_reaches_is_said(place: Place, tmp_path: Path) -> None:
    windows = ("--max-length", "16", "--max-windows", "2")
    assert run("fit", place.train, "--out", tmp_path / "model", *FAST, *windows).code == 0
    assert "1 text cut at 32 tokens" in run("predict", tmp_path / "model", "where is it? " * 20).out
    assert "cut" not in run("predict", tmp_path / "model", "where is my parcel? " * 5).out
    assert "cut" not in run("predict", place.model, "where is it? " * 100).out


def test_predict_bytes_that_are_no_text(place: Place) -> None:
    answer = run("predict", place.model, "caf\udce9", "--json")
    assert json.loads(answer.out)["texts"] == ["caf?"]


ODD = ["=1+1", "+x", "-y", "@z", "\tq", "fine", "", "fine", "two\nlines", 'a "b", c', "a=b"]


def test_predictions_have_one_row_a_text_and_run_no_formula(place: Place, tmp_path: Path) -> None:
    texts = write_rows(tmp_path / "texts.csv", [{"id": i, "text": t} for i, t in enumerate(ODD)])
    answer = run("predict", place.model, texts, "--out", tmp_path / "p.csv")
    assert (answer.code, answer.out) == (0, "")
    assert "11 predictions written to" in answer.err
    assert "1 text in column 'text' is empty; kept as empty text (row 7)" in " ".join(answer.err.split())
    rows = read_rows(tmp_path / "p.csv")
    assert [row["text"] for row in rows] == [f"'{t}" if t[:1] in tuple("=+-@\t") and t else t for t in ODD]
    classes = [name.removeprefix("p(").removesuffix(")") for name in rows[0] if name.startswith("p(")]
    assert len(classes) == 8
    assert all(row["predicted"] in classes for row in rows)
    assert all(sum(float(row[f"p({c})"]) for c in classes) == pytest.approx(1) for row in rows)


@pytest.mark.parametrize("cell", ["=1+1", "+A1", "-1-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_escaped_and_numbers_are_not(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"
    assert safe_cell(-1.5) == -1.5
    assert safe_cell(f"x{cell}") == f"x{cell}"


def test_predict_writes_both_where_both_are_asked_for(place: Place, tmp_path: Path) -> None:
    told = json.loads(run("predict", place.model, place.test, "--out", tmp_path / "p.csv", "--json").out)
    assert [row["predicted"] for row in read_rows(tmp_path / "p.csv")] == told["predicted"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_predict_keeps_the_files_own_columns(place: Place, tmp_path: Path, ending: str) -> None:
    rows = [
        {"id": "007", "message": "My parcel is lost", "predicted": "yesterday", "note": ""},
        {"id": "8", "message": "I cannot log in", "predicted": "long ago", "note": "=1+1"},
    ]
    data, out = write_rows(tmp_path / "in.csv", rows), tmp_path / f"out{ending}"
    assert run("predict", place.model, data, "--text", "message", "--out", out, "--top", "2").code == 0
    found = pd.read_parquet(out).to_dict("records") if ending == ".parquet" else (
        [json.loads(line) for line in out.read_text().splitlines()] if ending == ".jsonl" else read_rows(out)
    )  # fmt: skip
    names = [*rows[0], "spacetune predicted", "class 1", "p 1", "class 2", "p 2"]
    assert [list(row) for row in found] == [names, names]
    expected = spacetune.SpaceClassifier.from_pretrained(place.model)
    texts = [row["message"] for row in rows]
    assert [row["spacetune predicted"] for row in found] == expected.predict(texts).tolist()
    assert [row["class 1"] for row in found] == expected.predict(texts).tolist()
    table = -np.sort(-expected.predict_proba(texts), axis=1)
    for row, own, sure in zip(found, rows, table, strict=True):
        assert (float(row["p 1"]), float(row["p 2"])) == pytest.approx(tuple(sure[:2]), abs=1e-5)
        kept = {name: row[name] for name in own}
        assert kept == (own if ending != ".csv" else {**own, "note": safe_cell(own["note"])})


def test_explain_adds_up(place: Place, tmp_path: Path) -> None:
    words = ["explain", place.model, "My parcel is lost", "--out", tmp_path / "why.json"]
    one = json.loads(run(*words, "--json").out)["texts"][0]
    assert one == json.loads((tmp_path / "why.json").read_text())["texts"][0]
    assert one["text"] == "My parcel is lost"
    scores = [sum(token[c] for token in one["token_scores"]) + one["bias"][c] for c in range(8)]
    assert scores == pytest.approx(one["logits"], abs=1e-4)
    assert one["additivity_error"] < 1e-4
    shown = " ".join(run(*words[:3], "--class", "cancel_order").out.split())
    assert re.search(r"bias [+-]\d\.\d\d = logit [+-]\d\.\d\d for cancel_order", shown)


def test_explain_against_the_rest_and_at_the_input(place: Place) -> None:
    shown = " ".join(run("explain", place.model, "My parcel is lost", "--against", "rest", "--at", "input").out.split())
    assert re.search(r"= logit [+-]\d\.\d\d for \w+ less that of the rest A score is what a word, as it goes in", shown)


@pytest.mark.slow
def test_explanations_are_checked_turned_around_and_summed_up(place: Place, tmp_path: Path) -> None:
    checked = run("explain", place.model, place.test, "--check", "--top", "2", "--out", tmp_path / "check.json")
    told = json.loads((tmp_path / "check.json").read_text())
    assert told["top"] == 2
    assert [row["words"] for row in told["scores"]] == ["strongest", "random", "strongest less random"]
    assert "Without its 2 strongest words" in checked.out
    told = json.loads(run("explain", place.model, "My parcel is lost", "--counterfactual", "--json").out)
    assert told["text"] == "My parcel is lost"
    assert run("explain", place.model, "My parcel is lost", "--counterfactual").out.startswith(("Without ", "No few"))
    told = json.loads(run("explain", place.model, "My parcel is lost", "--reach", "--json").out)
    assert told["words"] == ["My", "parcel", "is", "lost", "[special]"]
    assert len(told["scores"]) == len(told["scores"][0]) == 5
    shown = run("explain", place.model, "My parcel is lost", "--reach", "--class", "cancel_order").out
    assert "Of the logit of cancel_order: " in shown
    words = ["explain", place.model, place.test, "--summary", "--out", tmp_path / "words.csv"]
    told = json.loads(run(*words, "--json").out)
    assert {"words", "texts", "mean", "sum", "wrong", "mean_wrong", "example"} <= told["words"][0].keys()
    assert len(read_rows(tmp_path / "words.csv")) == len(told["words"])
    assert "  words for it: " in run(*words[:4]).out
    assert (
        "wrong" not in json.loads(run("explain", place.model, "lost", "lost too", "--summary", "--json").out)["words"]
    )


def test_the_likeliest_classes_are_named_everywhere(place: Place, tmp_path: Path) -> None:
    rows = [{"id": "-007", "text": "My parcel is lost", "predicted": "a", "spacetune predicted": "b"}]
    data, out = write_rows(tmp_path / "in.csv", rows), tmp_path / "out.json"
    words = ["predict", place.model, data, "--top", "2", "--out"]
    shown = run(*words[:-1]).out
    assert run(*words, out).code == 0
    told = json.loads(out.read_text())
    first, second = told["likeliest"][0]
    assert first["class"] == told["predicted"][0]
    assert shown.startswith(f"{first['class']} {first['probability']:.0%}, {second['class']} ")
    assert told["columns"] == {name: [value] for name, value in rows[0].items()}
    run(*words, tmp_path / "out.csv")
    (row,) = read_rows(tmp_path / "out.csv")
    assert {name: row[name] for name in rows[0]} == rows[0]
    assert row["spacetune spacetune predicted"] == first["class"]
    run(*words, tmp_path / "out.html")
    table = (tmp_path / "out.html").read_text().split("Predicted classes")[1].split("</table>")[0]
    assert first["class"] in table


def test_a_model_in_a_folder_below_is_no_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["predict"], ["explain"], ["score"], ["spaces"], ["simplex"], ["serve"]):
        answer = run(*command, "./models/clf", *(["a text"] if command != ["serve"] else []))
        assert answer.code != 0
        assert "hub" not in answer.err


def test_explain_to_csv(place: Place, tmp_path: Path) -> None:
    assert run("explain", place.model, "My parcel is lost", "--out", tmp_path / "why.csv").code == 0
    assert {"parcel", "lost"} <= {row.get("word") or row.get("token") for row in read_rows(tmp_path / "why.csv")}


def test_check_counts_what_is_wrong(tmp_path: Path) -> None:
    rows = [{"text": t, "label": c} for t, c in (("a", "x"), ("A", "y"), ("", "x"), ("long " * 4_100, "x"))]
    told = json.loads(run("check", write_rows(tmp_path / "d.csv", rows), "--json").out)
    assert {note["kind"]: note["rows"] for note in told["notes"]} == {
        "empty": [3], "duplicates": [2], "conflicts": [1, 2], "tiny": [2], "long": [4],
    }  # fmt: skip


def test_check_goes_on_where_labels_are_missing(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "d.csv", [{"text": "a", "label": "x"}, {"text": "b", "label": ""}])
    answer = run("check", data, "--no-lengths")
    assert answer.code == 0
    assert "! 1 text has no label; label them or take them out before a fit (row 2)" in " ".join(answer.out.split())


def test_doctor(bundled: None) -> None:
    answer = run("doctor", "--json")
    found = json.loads(answer.out)
    assert answer.code == (1 if found["problems"] else 0)
    assert found["encoder"]["origin"] == "bundled"
    assert found["encoder"]["sha256"].startswith("53aa51172d142c89")
    assert "torch" in found["versions"]
    assert ("all well" in run("doctor").out) == (not found["problems"])


def test_demo_tells_the_whole_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacetune.studies.demo_texts", lambda split: few_shot(demo_texts(split), 24))
    answer = run("demo", "--out", tmp_path / "demo")
    assert answer.code == 0
    for said in ("1. Fit", "majority", "tf-idf + linear", "linear probe", "2. Explain", "bias", "3. Saved"):
        assert said in answer.out
    assert run("predict", tmp_path / "demo", "my parcel went to the old flat").code == 0


@pytest.mark.slow
def test_demo_of_pairs(tmp_path: Path) -> None:
    answer = run("demo", "--pairs", "--out", tmp_path / "demo")
    assert answer.code == 0
    for said in ("180 pairs of questions", "cosine", "majority", "2. Explain", "words that met", "3. Saved"):
        assert said in answer.out
    pairs = write_rows(tmp_path / "p.csv", [{"text": "Where is it?", "text_pair": "Has my parcel come?"}])
    assert run("predict", tmp_path / "demo", pairs, "--out", tmp_path / "a.csv").code == 0
    assert list(read_rows(tmp_path / "a.csv")[0])[:3] == ["text", "text_pair", "predicted"]


KINDS: dict[str, tuple[list[dict[str, Any]], list[str], str]] = {
    "regression": ([{"text": f"number {i}", "label": i / 4} for i in range(24)], [], "regression"),
    "several labels": (
        [{"text": f"joy {i}", "label": ("joy|love", "joy", "")[i % 3]} for i in range(24)],
        ["--label-separator", "|"], "multi",
    ),
    "pairs": (
        [{"text": f"one {i}", "reply": f"two {i}", "label": "yn"[i % 2]} for i in range(24)],
        ["--text-pair", "reply"], "single",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_other_kinds_of_labels(name: str, tmp_path: Path) -> None:
    rows, options, kind = KINDS[name]
    data = write_rows(tmp_path / "d.csv", rows)
    assert run("fit", data, "--out", tmp_path / "m", *FAST, *options).code == 0
    scored = json.loads(run("score", tmp_path / "m", data, *options, "--json").out)
    assert (scored["kind"], scored["n_texts"]) == (kind, 24)
    pairs = options if name == "pairs" else []
    assert run("predict", tmp_path / "m", data, "--out", tmp_path / "p.csv", *pairs).code == 0
    assert len(read_rows(tmp_path / "p.csv")) == 24


def test_as_a_process_stdout_is_data_and_stderr_is_talk(place: Place) -> None:
    process = start("score", place.model, place.test, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert json.loads(out)["n_texts"] == 24
    assert "Traceback" not in err


def test_version() -> None:
    assert run("--version").out == f"{spacetune.__version__}\n"


def test_check_counts_pairs_over_one_window(tmp_path: Path) -> None:
    rows = [{"text": "a", "text_pair": t, "label": c} for t, c in (("b", "x"), ("long " * 300, "y"))]
    told = json.loads(run("check", write_rows(tmp_path / "d.csv", rows), "--json").out)
    [note] = [note for note in told["notes"] if note["kind"] == "long"]
    assert note["rows"] == [2]
    assert "longer than 256 tokens" in note["message"]
