"""`check_texts` counts what a person should look at, and names the rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from spacetune import LabelledTexts, read_texts
from spacetune.data import DataReport, DataWarning, check_texts, overlap_note


def notes_of(report: DataReport) -> dict[str, tuple[int, ...]]:
    return {note.kind: note.rows for note in report.notes}


def test_a_clean_set_has_nothing_to_say() -> None:
    report = check_texts(LabelledTexts([f"text {i}" for i in range(20)], ["a", "b"] * 10))
    assert report.notes == ()
    assert (report.n_texts, report.kind, report.classes) == (20, "single", {"a": 10, "b": 10})
    assert (report.words_median, report.words_longest) == (2.0, 2)


@pytest.mark.parametrize(
    ("labels", "rows"),
    [
        ([["x", "y"], ["y", "x"]], None),
        ([["x", "y"], ["x"]], (1, 2)),
        ([[1, 0], [0, 1]], (1, 2)),
        ([1, 1.0], None),
        (["x", None], None),
    ],
)
def test_labels_conflict_by_what_they_say(labels: list[Any], rows: tuple[int, ...] | None) -> None:
    assert notes_of(check_texts(LabelledTexts(["a", "A"], labels))).get("conflicts") == rows


def test_duplicates_and_conflicts_are_told_apart() -> None:
    texts = ["same", "other", "SAME ", "twice", "twice"] + [f"t{i}" for i in range(20)]
    report = check_texts(LabelledTexts(texts, ["a", "b", "b", "a", "a"] + ["a", "b"] * 10))
    assert notes_of(report) == {"duplicates": (3, 5), "conflicts": (1, 3)}
    assert str(report.notes[0]) == "2 rows repeat an earlier text (rows 3, 5)"
    assert str(report.notes[1]) == "2 rows share a text but not its label (rows 1, 3)"


def test_a_pair_is_a_duplicate_only_as_a_pair() -> None:
    report = check_texts(LabelledTexts(["a", "a", "a"], pairs=["x", "y", "X"]))
    assert notes_of(report) == {"duplicates": (3,)}


def test_tiny_classes_are_named_with_their_rows() -> None:
    report = check_texts(LabelledTexts([f"t{i}" for i in range(14)], ["a"] * 11 + ["lone", "two", "two"]))
    assert [str(note) for note in report.notes] == [
        "2 texts only of class 'two' (rows 13, 14)",
        "1 text only of class 'lone' (row 12)",
    ]


def test_a_thousand_tiny_classes_are_one_note_and_quickly_told() -> None:
    began = time.perf_counter()
    report = check_texts(LabelledTexts([f"t{i}" for i in range(20_000)], [f"name {i}" for i in range(20_000)]))
    assert time.perf_counter() - began < 5
    assert [str(note) for note in report.notes] == [
        "20,000 texts are of 20,000 classes with fewer than 10 texts each (rows 1, 2, 3, 4, 5 and 19,995 more)"
    ]


def test_tiny_labels_of_lists() -> None:
    report = check_texts(LabelledTexts([f"t{i}" for i in range(12)], [["a"]] * 11 + [["a", "rare"]]))
    assert (report.kind, report.classes) == ("multi", {"a": 12, "rare": 1})
    assert notes_of(report) == {"tiny": (12,)}


def test_numbers_have_no_classes() -> None:
    report = check_texts(LabelledTexts(["a", "b"], [0.5, 1.5]))
    assert (report.kind, report.classes, report.notes) == ("regression", {}, ())


def test_texts_over_the_limit_are_counted() -> None:
    data = LabelledTexts(["one", "one two three", "one two"])
    report = check_texts(data, lambda texts: [len(t.split()) for t in texts], 2)
    assert [str(note) for note in report.notes] == ["1 text is longer than 2 tokens and is cut there (row 2)"]


def test_the_reader_s_notes_come_along() -> None:
    with pytest.warns(DataWarning):
        data = read_texts(["a", "", "b\x00", "  "])
    assert notes_of(check_texts(data)) == {"empty": (2, 4), "nul": (3,), "duplicates": (4,)}


def test_rows_without_a_label_are_named_and_the_others_looked_at() -> None:
    report = check_texts(LabelledTexts(["t", "u", "v", "u"], ["a", None, "b", "a"]))
    assert (report.kind, report.classes) == ("single", {"a": 2, "b": 1})
    notes = {note.kind: note for note in report.notes}
    assert notes["labels"].rows == (2,)
    assert str(notes["labels"]).startswith("1 text has no label")
    assert "conflicts" not in notes
    assert [note.rows for note in report.notes if note.kind == "tiny"] == [(1, 4), (3,)]


@pytest.mark.parametrize("labels", [["a", 1], [{"x": 1}, {"x": 2}]])
def test_labels_that_cannot_be_learnt_from_are_a_finding_and_no_crash(labels: list[Any]) -> None:
    report = check_texts(LabelledTexts(["t", "u"], labels))
    assert report.kind is None
    assert [note.kind for note in report.notes] == ["labels"]


def test_the_report_becomes_json() -> None:
    told = check_texts(LabelledTexts(["a", "A"], ["x", "x"])).to_dict()
    assert told["notes"][0] == {
        "kind": "duplicates", "rows": [2], "message": "1 row repeats an earlier text (row 2)",
    }  # fmt: skip
    assert told["classes"] == {"x": 2}


def test_overlap_is_counted_by_rows_of_the_test_set() -> None:
    note = overlap_note({"a", "b"}, ["x", "a", "b", "a"])
    assert note is not None
    assert (note.rows, str(note)) == ((2, 3, 4), "3 of 4 rows repeat a training text (rows 2, 3, 4)")
    assert overlap_note({"a"}, ["x"]) is None


def test_sma_repeats_42_of_its_training_texts(shared: Path) -> None:
    train, test = (read_texts(shared / "data" / "sma" / f"{part}.jsonl.gz") for part in ("train", "test"))
    note = overlap_note(set(train.keys), test.keys)
    assert note is not None
    assert str(note).startswith("42 of 562 rows repeat a training text (rows ")
    assert len(note.rows) == 42
    assert all(test.keys[row - 1] in train.keys for row in note.rows)


def test_labels_with_a_decimal_comma_are_told_of() -> None:
    def told(*labels: str) -> list[str]:
        data = LabelledTexts([f"text {i}" for i in range(len(labels))], list(labels))
        return [str(note) for note in check_texts(data).notes if note.kind == "labels"]

    assert told("5,5", "3,5", "4") == [
        "labels such as '5,5' are read as classes; to learn them as numbers write a decimal point"
    ]
    assert told("5,5", "good", "4") == told("5", "3", "4") == told("1,2,3", "1", "2") == []
