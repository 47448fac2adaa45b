"""What becomes of a column of labels: numbers or names, lists, spellings of one name."""

from __future__ import annotations

import json
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import pytest

from spacetune import LabelledTexts, read_texts
from spacetune.data import DataWarning, check_texts, label_kind
from spacetune.encoders import Encoder
from spacetune.errors import DataError, UsageError
from spacetune.studies import fit_model

VERSIONS = "text,label\nthe menu is slow,1.1\nthe menu hangs,1.10\nthe menu is gone,1.2\n"


def read(content: str, path: Path, **options: Any) -> LabelledTexts:
    path.write_text(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_texts(path, **options)


def said(data: LabelledTexts) -> list[str]:
    return [str(note) for note in data.notes]


# --- numbers or names --------------------------------------------------------------------------------------------


def test_versions_are_names_where_told_so(tmp_path: Path) -> None:
    data = read(VERSIONS, tmp_path / "a.csv", task="classification")
    assert (data.labels, data.notes) == (["1.1", "1.10", "1.2"], ())


def test_two_spellings_of_one_number_are_noted(tmp_path: Path) -> None:
    data = read(VERSIONS, tmp_path / "a.csv")
    assert data.labels == [1.1, 1.1, 1.2]
    assert said(data) == [
        "'1.1' and '1.10' in column 'label' are one number; if they are names, say --task classification"
    ]


@pytest.mark.parametrize(
    ("labels", "noted"),
    [
        (["1.9", "1.10"], True),
        (["3.9", "3.10", "3.11"], True),
        (["0.50", "0.75"], False),
        (["0.5", "1.0", "1.25"], False),
        (["1", "2.5"], False),
        (["1", "1.0", "2.5"], True),
        (["01", "10"], False),
        (["1e-07", "0.5"], False),
    ],
)
def test_a_zero_that_numbers_lose_is_noted(labels: list[str], noted: bool, tmp_path: Path) -> None:
    rows = "".join(f"text {i},{label}\n" for i, label in enumerate(labels))
    data = read("text,label\n" + rows, tmp_path / "a.csv")
    assert bool(data.notes) is noted
    named = read("text,label\n" + rows, tmp_path / "a.csv", task="classification")
    assert not named.notes
    assert len(set(named.labels or [])) == len(labels)


def test_whole_numbers_are_the_same_classes_for_every_task(tmp_path: Path) -> None:
    assert read("text,label\na,1\nb,2\n", tmp_path / "a.csv", task="classification").labels == [1, 2]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**999])
def test_numbers_beyond_64_bits_are_names(number: int, tmp_path: Path) -> None:
    noted = ["1 label in column 'label' is too large for 64 bits; the column is read as names (row 2)"]
    from_csv = read(f"text,label\na,1\nb,{number}\n", tmp_path / "a.csv")
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": number}]
    from_json = read("\n".join(json.dumps(row) for row in rows), tmp_path / "a.jsonl")
    for data in (from_csv, from_json):
        assert data.labels == ["1", str(number)]
        assert said(data) == noted


def test_the_largest_numbers_of_64_bits_stay_numbers(tmp_path: Path) -> None:
    data = read(f"text,label\na,{2**63 - 1}\nb,{-(2**63)}\n", tmp_path / "a.csv")
    assert (data.labels, data.notes) == ([2**63 - 1, -(2**63)], ())


def test_more_digits_than_python_writes_are_refused_in_a_sentence() -> None:
    with pytest.raises(DataError, match="whole numbers as labels must fit in 64 bits; 1 do not"):
        label_kind(read_texts({"text": ["a"], "label": [10**5000]}).labels or [])


# --- labels as known classes are written -------------------------------------------------------------------------


def test_a_file_s_spelling_decides_which_class_a_label_is(tmp_path: Path) -> None:
    data = read(VERSIONS, tmp_path / "a.csv").labelled_as(["1.1", "1.10", "1.2"])
    assert data.labels == ["1.1", "1.10", "1.2"]
    assert data.take([1]).labelled_as(["1.10"]).followed_by(data).labels == ["1.10", "1.1", "1.10", "1.2"]
    assert read(VERSIONS, tmp_path / "a.csv").labelled_as([1.1, 1.2]).labels == [1.1, 1.1, 1.2]


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (["01", "02", "10"], ["10", "10"], ["10", "10"]),
        (["5", "1", "unknown"], ["5", "1"], ["5", "1"]),
        (["5", "1"], ["5", "unknown"], [5, "unknown"]),
        (["5.0", "1.0"], ["5", "1"], [5.0, 1.0]),
        (["5.0", "unknown"], ["5", "5"], ["5.0", "5.0"]),
    ],
)
def test_test_labels_are_read_as_the_training_classes_are(
    train: list[str], test: list[str], expected: list[Any], tmp_path: Path
) -> None:
    classes = read("text,label\n" + "".join(f"a,{c}\n" for c in train), tmp_path / "train.csv").labels
    data = read("text,label\n" + "".join(f"a,{c}\n" for c in test), tmp_path / "test.csv")
    assert data.labelled_as(classes or []).labels == expected


def test_labels_that_were_replaced_are_not_spelled_as_the_file_was(tmp_path: Path) -> None:
    import dataclasses

    data = dataclasses.replace(read(VERSIONS, tmp_path / "a.csv"), labels=["1.2", "1.2", "1.1"])
    assert data.labelled_as(["1.1", "1.10", "1.2"]).labels == ["1.2", "1.2", "1.1"]
    assert LabelledTexts(["a"]).labelled_as(["x"]).labels is None


def test_fit_learns_names_and_reads_dev_and_test_so(encoder: Encoder, tmp_path: Path) -> None:
    lines = [f"{word} number {i},{c}" for i in range(6) for word, c in (("cat", "1.1"), ("dog", "1.10"))]
    train = read("text,label\n" + "\n".join(lines), tmp_path / "train.csv")
    test = read("text,label\na dog,1.10\nno dog,1.10\na cat,1.1\n", tmp_path / "test.csv")
    settings = {"encoder": encoder, "n_latent": 2, "n_epochs": 1}
    model, report = fit_model(train, test=test, task="classification", baselines=False, settings=settings)
    assert model.classes_.tolist() == ["1.1", "1.10"]  # pyright: ignore[reportAttributeAccessIssue]
    assert report.scored["test"].n_texts == 3
    with pytest.raises(DataError, match="the labels are numbers with fractions; write names as strings"):
        fit_model(read_texts({"text": ["a", "b"], "label": [1.1, 1.2]}), task="classification")


# --- lists -------------------------------------------------------------------------------------------------------

CELLS = ["\"['acting', 'fun']\"", "['story']", "[]", "", '"[""music"", ""fun""]"', "\"('fun',)\""]


def test_cells_that_look_like_lists_are_noted_and_read_as_lists_where_told_so(tmp_path: Path) -> None:
    content = "text,label\n" + "".join(f"text {i},{cell}\n" for i, cell in enumerate(CELLS))
    data = read(content, tmp_path / "a.csv")
    assert said(data) == [
        "4 labels in column 'label' look like lists and are read as one name each; --label-separator list reads them "
        "as lists (rows 1, 2, 3, 5)"
    ]
    data = read(content, tmp_path / "a.csv", label_separator="list")
    assert data.labels == [["acting", "fun"], ["story"], [], [], ["music", "fun"], ["fun"]]
    assert (label_kind(data.labels or []), data.notes) == ("multi", ())


@pytest.mark.parametrize(
    "cell",
    ["joy", "3", "['a' 'b']", "[a, b]", "['a'", "[x for x in 'ab']", "__import__('os').getcwd()", "[" * 5000, "['\\"],
)
def test_a_cell_that_is_no_list_is_named(cell: str) -> None:
    with pytest.raises(DataError, match=r"column 'label' must hold lists such as \['joy', 'love'\], and row 2 holds "):
        read_texts({"text": ["a", "b"], "label": ["['x']", cell]}, label_separator="list")


def test_choices_of_label_studio_and_lists_stay_lists() -> None:
    cells = ['{"choices": ["joy", "love"]}', ["joy"], None]
    assert read_texts({"text": list("abc"), "label": cells}, label_separator="list").labels == [
        ["joy", "love"], ["joy"], [],
    ]  # fmt: skip
    assert read_texts({"text": ["a"], "label": [["a|b"]]}, label_separator="|").labels == [["a|b"]]


def test_lists_of_zeros_and_ones_are_an_indicator(tmp_path: Path) -> None:
    rows = [{"text": f"t{i}", "label": label} for i, label in enumerate(([1, 0, 0], [0, 1, 0], [1, 1, 0]))]
    data = read("\n".join(json.dumps(row) for row in rows), tmp_path / "a.jsonl")
    assert data.labels == [[1, 0, 0], [0, 1, 0], [1, 1, 0]]
    assert said(data) == [
        "lists of 0 and 1 of one length are read as an indicator matrix: each place of column 'label' is a class"
    ]
    assert [(note.kind, note.rows) for note in data.notes] == [("indicator", ())]
    report = check_texts(data)
    assert (report.kind, report.classes) == ("multi", {"0": 2, "1": 2, "2": 0})
    assert [str(note) for note in report.notes[1:]] == [
        "2 texts only of class 0 (rows 1, 3)",
        "2 texts only of class 1 (rows 2, 3)",
        "no text is of class 2",
    ]


# --- spellings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_two_unicode_forms_of_one_label_are_one_class(name: str, tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    if name == "a.csv":
        content = "text,label\n" + "".join(f"t,{form}\n" for form in forms)
    else:
        content = "\n".join(json.dumps({"text": "t", "label": form}) for form in forms)
    data = read(content, tmp_path / name)
    assert data.labels == [forms[0]] * 2
    assert said(data) == [
        "1 label in column 'label' is spelled in another Unicode form; read in the composed one (NFC) (row 2)"
    ]


def test_the_names_in_a_list_are_composed_too() -> None:
    with pytest.warns(DataWarning, match="another Unicode form"):
        data = read_texts({"text": ["t"], "label": [["cafe\u0301 ", "x"]]})
    assert data.labels == [["caf\u00e9", "x"]]


def test_labels_that_differ_in_case_or_spaces_alone_are_noted() -> None:
    labels = ["good", "Good", "bad", "very bad", "very  bad"]
    report = check_texts(LabelledTexts([f"t{i}" for i in range(60)], labels * 12))
    assert [str(note) for note in report.notes] == [
        "classes 'good' and 'Good' differ in case or spaces alone",
        "classes 'very bad' and 'very  bad' differ in case or spaces alone",
    ]


# --- unknown tokens ----------------------------------------------------------------------------------------------


def test_texts_with_unknown_tokens_are_counted(encoder: Encoder) -> None:
    data = LabelledTexts([f"order {i} came" + " \U0001f600" * (i % 2) for i in range(20)], ["bad", "good"] * 10)
    assert encoder.unknown(data.inputs[:2]) == [[], ["\U0001f600"]]
    assert encoder.unknown([("\U0001f600", "a"), ("a", "b \U0001f600")]) == [["\U0001f600"], ["\U0001f600"]]
    note = check_texts(data, encoder.count_tokens, 512, encoder.unknown).notes[0]
    assert str(note) == (
        "10 texts hold tokens that the encoder does not know and reads alike: 10, 9.1% of all, most often "
        "'\U0001f600' (rows 2, 4, 6, 8, 10 and 5 more)"
    )
    settings = {"encoder": encoder, "n_latent": 2, "n_epochs": 1}
    report = fit_model(data, baselines=False, settings=settings)[1]
    assert f"memory: {note}" in report.notes


def test_one_unknown_token_among_many_texts_is_no_note() -> None:
    pieces = [["?"]] + [[] for _ in range(200)]
    assert not check_texts(LabelledTexts(["a"] * 201), unknown=lambda _: pieces).notes[1:]


# --- several columns of 0 and 1 -----------------------------------------------------------------------------------

FLAGS = "text,rude,mild\na,1,0\nb,0,0\nc,1,1\n"


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("True", "FALSE"), (" 1 ", "0")])
def test_columns_of_0_and_1_are_labels(yes: str, no: str, tmp_path: Path) -> None:
    content = f"text,rude,mild\na,{yes},{no}\nb,{no},{no}\nc,{yes},{yes}\n"
    data = read(content, tmp_path / "a.csv", label=["rude", "mild"])
    assert (data.labels, data.notes) == ([["rude"], [], ["rude", "mild"]], ())


@pytest.mark.parametrize("cell", ["2", "", "yes", "0.5"])
def test_a_cell_that_says_neither_is_named(cell: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column 'mild' must hold 0 or 1 .*row 2 does not: '" + cell):
        read(f"text,rude,mild\na,1,0\nb,0,{cell}\n", tmp_path / "a.csv", label=["rude", "mild"])


def test_typed_columns_of_a_table_are_labels() -> None:
    table = {"text": ["a", "b"], "rude": [True, False], "mild": [1, 0], "calm": [0.0, 1.0]}
    assert read_texts(table, label=["rude", "mild", "calm"]).labels == [["rude", "mild"], ["calm"]]


def test_one_column_in_a_list_is_that_column(tmp_path: Path) -> None:
    assert read(FLAGS, tmp_path / "a.csv", label=["rude"]).labels == [1, 0, 1]


def test_a_label_that_no_text_has_is_told(tmp_path: Path) -> None:
    data = read("text,rude,mild\na,1,0\nb,0,0\n", tmp_path / "a.csv", label=["rude", "mild"])
    assert said(data) == ["no text has the label 'mild': column 'mild' holds 0 alone"]


def test_a_separator_is_for_one_column(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--label-separator is for one column"):
        read(FLAGS, tmp_path / "a.csv", label=["rude", "mild"], label_separator="|")


def test_where_no_column_is_called_label_such_columns_are_pointed_at(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"read as several labels a text by --label rude --label mild$"):
        read(FLAGS, tmp_path / "a.csv", labelled=True)
    with pytest.raises(DataError, match=r"column 'calm' is not in a.csv"):
        read(FLAGS, tmp_path / "a.csv", label=["rude", "calm"])
    with pytest.raises(DataError, match=r"column 'label' is not in a.csv"):
        read(FLAGS, tmp_path / "a.csv", label=["label", "rude"])
    assert read(FLAGS, tmp_path / "a.csv", label=["rude", "mild"], labelled=False).labels is None
