"""Every wrong input we could think of, one by one, with the message it gets.

A message says what must hold, what came and what to do. What can be kept is kept and counted; nothing vanishes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import re
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spacetune import SpaceClassifier, read_texts
from spacetune.data import DataWarning, check_texts, label_kind
from spacetune.encoders import Encoder
from spacetune.errors import DataError, SpacetuneError, UsageError
from spacetune.studies import fit_model, score_model

ROW = b'{"text": "a", "label": "x"}\n'
OBJECT = 'must be a JSON object such as {"text": …, "label": …}'
FOLDER = "must be a folder that `datasets` saved with save_to_disk, and cannot be read as one: "
QUOTES = 'A cell that holds double quotes must stand in double quotes, with each inner one doubled: "he said ""no"""'


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A file nobody can read: its name, its bytes, how it is read, and what must be said."""

    name: str
    content: bytes | Callable[[], bytes]
    message: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    error: type[SpacetuneError] = DataError

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        path.write_bytes(self.content if isinstance(self.content, bytes) else self.content())
        return path


def damaged_middle() -> bytes:
    packed = gzip.compress(b"".join(b"%d,%d\n" % (i, i * 7919 % 997) for i in range(3000)))
    return packed[:30] + b"\x00\xff\x13" * 5 + packed[45:]


def damaged_parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": ["a"], "label": ["x"]}), sink)
    return sink.getvalue().to_pybytes()[:-20]


WRONG: dict[str, Wrong] = {
    "wrong text column": Wrong(
        "a.csv", b"txt,label\na,x\n",
        "column 'text' is not in a.csv (columns: txt, label); did you mean --text txt?",
    ),
    "wrong label column": Wrong(
        "a.csv", b"text,labl\na,x\n",
        "column 'label' is not in a.csv (columns: text, labl); did you mean --label labl?", {"labelled": True},
    ),
    "misspelt label column": Wrong(
        "a.jsonl", ROW, "column 'labl' is not in a.jsonl (columns: text, label); did you mean --label label?",
        {"label": "labl"},
    ),
    "misspelt pair column": Wrong(
        "a.csv", b"text,reply\na,x\n",
        "column 'repli' is not in a.csv (columns: text, reply); did you mean --text-pair reply?",
        {"text_pair": "repli"},
    ),
    "no column near": Wrong(
        "a.csv", b"id,stars\n1,5\n", "column 'text' is not in a.csv (columns: id, stars); say which with --text",
    ),
    "empty file": Wrong(
        "a.csv", b"", "a.csv is empty (0 bytes); it must hold a header and rows, or one JSON object per line",
    ),
    "empty gzip": Wrong(
        "a.csv.gz", gzip.compress(b""),
        "a.csv.gz must start with a line that names its columns, such as text,label; it is empty",
    ),
    "empty JSON Lines, packed": Wrong(
        "a.jsonl.gz", gzip.compress(b""), "a.jsonl.gz holds no rows; write one JSON object per line",
    ),
    "blank lines only": Wrong("a.jsonl", b"\n \n\n", "a.jsonl holds no rows; write one JSON object per line"),
    "empty JSON list": Wrong("a.json", b"[]", "a.json holds no rows; write one JSON object per line"),
    "header only": Wrong(
        "a.csv", b"text,label\n", "a.csv names its columns (text, label) but holds no rows; add some",
    ),
    "blank header": Wrong(
        "a.csv", b"\ntext,label\na,x\n",
        "a.csv must start with a line that names its columns, such as text,label; line 1 is blank",
    ),
    "doubled column": Wrong(
        "a.csv", b"text,label,text\na,x,b\n",
        "the header of a.csv must name every column once, 'text' is there 2 times (text, label, text); rename one",
    ),
    "semicolons": Wrong(
        "a.csv", b"text;label\na;x\n",
        "column 'text' is not in a.csv: its header is one column, 'text;label'; the cells seem to be separated by "
        "';', try --delimiter ';'",
    ),
    "semicolons, and commas in a text": Wrong(
        "a.csv", b"text;label\na, b;x\n",
        "row 1 of a.csv has 2 cells where the header has 1; its header is one column, 'text;label'; the cells seem to "
        "be separated by ';', try --delimiter ';'",
    ),
    "tabs in a .csv": Wrong(
        "a.csv", b"text\tlabel\na\tx\n", r"the cells seem to be separated by '\t', try --delimiter '\t'",
    ),
    "commas in a .tsv": Wrong(
        "a.tsv", b"text,label\na,x\n", "the cells seem to be separated by ',', try --delimiter ','",
    ),
    "delimiter of two characters": Wrong(
        "a.csv", b"text;;label\na;;x\n", "--delimiter must be one character such as ';' or '|', got ';;'",
        {"delimiter": ";;"}, UsageError,
    ),
    "empty delimiter": Wrong(
        "a.csv", b"text,label\na,x\n", "--delimiter must be one character such as ';' or '|', got ''",
        {"delimiter": ""}, UsageError,
    ),
    "empty label separator": Wrong(
        "a.csv", b"text,label\na,x\n", "--label-separator must be at least one character such as '|', got none",
        {"label_separator": ""}, UsageError,
    ),
    "row too long": Wrong(
        "a.csv", b"text,label\na,x\nb, c,y\n",
        "row 2 of a.csv has 3 cells where the header has 2; put cells that hold ',' or line breaks in double quotes",
    ),
    "row too short": Wrong("a.csv", b"text,label\na,x\n\nb\n", "row 2 of a.csv has 1 cells where the header has 2"),
    "open quote": Wrong(
        "a.csv", b'text,label\na,x\nb,"y\nc,x\nd,y\n',
        f"a.csv breaks after row 1: unexpected end of data. Is a double quote left open? {QUOTES}",
    ),
    "open quote, closed too late": Wrong(
        "a.csv", b'text,label\n"a,x\nb said "no",y\n',
        f"a.csv breaks after row 0: ',' expected after '\"'. Is a double quote left open? {QUOTES}",
    ),
    "broken UTF-8": Wrong(
        "a.csv", "text,label\nok,x\ncafé,y\n".encode("cp1252"),
        "a.csv is not UTF-8: byte 0xe9 in line 3; an older Windows file needs --encoding cp1252",
    ),
    "broken UTF-8 in JSON Lines": Wrong(
        "a.jsonl.gz", lambda: gzip.compress(ROW * 4 + b'{"text": "caf\xe9"}\n'),
        "a.jsonl.gz is not UTF-8: byte 0xe9 in line 5; an older Windows file needs --encoding cp1252",
    ),
    "UTF-16": Wrong(
        "a.csv", "text,label\na,x\n".encode("utf-16"),
        "a.csv is not UTF-8: byte 0xff in line 1; it looks like UTF-16, try --encoding utf-16",
    ),
    "unknown encoding": Wrong(
        "a.csv", b"text,label\na,x\n", "'latin-99' is not an encoding Python knows; try utf-8 or cp1252",
        {"encoding": "latin-99"},
    ),
    "not JSON": Wrong(
        "a.jsonl", ROW + b"{text: 1}\n",
        f"line 2 of a.jsonl {OBJECT} and is not JSON: "
        "Expecting property name enclosed in double quotes at character 2",
    ),
    "broken JSON list": Wrong(
        "a.json", b'[\n  {"text": "a"},\n  {"text": }\n]\n',
        f"line 3 of a.json {OBJECT} and is not JSON: Expecting value at character 12",
    ),
    "cut JSON line": Wrong("a.jsonl", ROW + ROW[:9], f"line 2 of a.jsonl {OBJECT} and is not JSON: "),
    "a line that is no object": Wrong("a.jsonl", ROW + b"\n3\n", f"line 3 of a.jsonl {OBJECT}, got int"),
    "a list among objects": Wrong("a.jsonl", ROW + b"[{}]\n", f"line 2 of a.jsonl {OBJECT}, got list"),
    "a list of strings": Wrong("a.json", b'["a", "b"]', f"line 1 of a.json {OBJECT}, got str"),
    "a key twice": Wrong(
        "a.jsonl", b'{"text": "a", "label": "b"}\n{"text": "a", "label": "b", "text": "c"}\n',
        "line 2 of a.jsonl cannot be read as JSON: 'text' occurs twice in one object; correct the line",
    ),
    "lists without end": Wrong("a.jsonl", b"[" * 200_000 + b"]", "line 1 of a.jsonl cannot be read as JSON: "),
    "a number without end": Wrong(
        "a.jsonl", b'{"text": "a", "label": ' + b"9" * 5000 + b"}\n", "line 1 of a.jsonl cannot be read as JSON: ",
    ),
    "unknown ending": Wrong(
        "a.xlsx", b"PK",
        "a.xlsx: the ending says the format, and '.xlsx' is not one of .csv .tsv .txt (as CSV) .jsonl .json (each "
        "also .gz) .parquet, or a folder saved by datasets; export it as one of these",
    ),
    "no ending": Wrong("data", b"text\na\n", "data: the ending says the format, and 'none' is not one of .csv"),
    "cut gzip": Wrong(
        "a.csv.gz", lambda: gzip.compress(b"text,label\n" + b"a,x\n" * 999)[:-12],
        "a.csv.gz is not a whole gzip file: Compressed file ended before the end-of-stream marker was reached; "
        "download or pack it again",
    ),
    "not gzip": Wrong(
        "a.csv.gz", b"text,label\na,x\n",
        "a.csv.gz is not a whole gzip file: Not a gzipped file (b'te'); download or pack it again",
    ),
    "damaged gzip": Wrong(
        "a.csv.gz", damaged_middle, "a.csv.gz is not a whole gzip file: Error -3 while decompressing data",
    ),
    "wrong checksum": Wrong(
        "a.csv.gz", lambda: gzip.compress(b"text,label\na,x\n")[:-8] + bytes(8),
        "a.csv.gz is not a whole gzip file: CRC check failed",
    ),
    "damaged Parquet": Wrong("a.parquet", damaged_parquet, "a.parquet is not a readable Parquet file: "),
    "not Parquet": Wrong("a.parquet", b"text,label\na,x\n", "a.parquet is not a readable Parquet file: "),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_cannot_be_read_says_why(name: str, tmp_path: Path) -> None:
    wrong = WRONG[name]
    with pytest.raises(wrong.error, match=re.escape(wrong.message)) as caught:
        read_texts(wrong.write(tmp_path), **wrong.options)
    assert "\n" not in str(caught.value).strip()


def test_zlib_is_what_a_damaged_middle_raises() -> None:
    with pytest.raises(zlib.error):
        gzip.decompress(damaged_middle())


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text\na\n")
    with pytest.raises(DataError, match=r"traim\.csv does not exist; did you mean .*train\.csv\?$"):
        read_texts(tmp_path / "traim.csv")
    with pytest.raises(DataError, match=r"nowhere/a\.csv does not exist$"):
        read_texts(tmp_path / "nowhere" / "a.csv")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "texts must come as a path, a frame (pandas, polars, pyarrow), a datasets.Dataset, a mapping"),
        (3, "or a list of strings, got int"),
        (np.array(["a"]), "or a list of strings, got ndarray"),
        ([], "memory names its columns (text) but holds no rows"),
        ([1, "b", 2.5], "column 'text' must hold text, and not in 2 rows: the first is row 1 (int); turn them into"),
        ([("a", "x")], "column 'text' must hold text, and not in 1 row: the first is row 1 (tuple)"),
        ([{"text": "a"}, "b"], "column 'text' must hold text, and not in 1 row: the first is row 1 (dict)"),
        ({"text": "abc"}, "column 'text' must be a list with one value a row, got str"),
        ({"text": ["a"], "label": 1}, "column 'label' must be a list with one value a row, got int"),
        (
            {"text": ["a", "b"], "label": ["x"]},
            "all columns of a mapping of columns must be of one length, and 'label'",
        ),
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), "a frame must name every column once"),
        (pd.DataFrame([["a", "b"]]), "column 'text' is not in a pandas frame (columns: 0, 1); say which with --text"),
        (pd.DataFrame({"text": [1, 2]}), "column 'text' must hold text, and not in 2 rows: the first is row 1 (int)"),
    ],
)
def test_tables_that_cannot_be_read_say_why(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read_texts(source)


def test_folders_that_datasets_did_not_save(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(FOLDER)):
        read_texts(tmp_path)


@pytest.mark.parametrize("file", ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"])
@pytest.mark.parametrize("content", [None, b"junk"], ids=["lost", "damaged"])
def test_damaged_datasets_folders(file: str, content: bytes | None, tmp_path: Path) -> None:
    datasets.disable_progress_bar()
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path / "saved")
    (tmp_path / "saved" / file).unlink()
    if content is not None:
        (tmp_path / "saved" / file).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(FOLDER) + ".*; save it again, or name a file in it"):
        read_texts(tmp_path / "saved")


@pytest.mark.parametrize("split", [None, "tset"])
def test_a_split_must_be_named(split: str | None) -> None:
    one = datasets.Dataset.from_dict({"text": ["a"]})
    said = "has the splits train, test" + (f", not {split!r}" if split else "") + "; say which with --split"
    with pytest.raises(DataError, match=re.escape(said)):
        read_texts(datasets.DatasetDict(train=one, test=one), split=split)


# --- a line of 200 MB: refused early, in bounded memory and time ----------------------------------------------

LONG = 200_000_000


@pytest.mark.parametrize(
    ("name", "start", "message"),
    [
        ("a.csv", b"text,label\na,x\n", "line 3 of a.csv is longer than 10,000,000 characters; is a double quote left"),
        ("a.jsonl", ROW, "line 2 of a.jsonl is longer than 10,000,000 characters; write one JSON object per line"),
    ],
)
def test_a_line_of_200_megabytes_is_refused(name: str, start: bytes, message: str, tmp_path: Path) -> None:
    with (tmp_path / name).open("wb") as file:
        file.write(start)
        file.truncate(LONG)  # sparse: takes no room on disk
    began = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=re.escape(message)):
            read_texts(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < LONG / 4
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        (",".join(f"c{i}" for i in range(50_000)), "x"),
        ("text,label", "9" * 200_000 + "x"),
        ("text,label", "[" * 200_000),
        ("text,label", "[" + "'a'," * 40_000 + "]"),
    ],
    ids=["many columns", "many digits", "many brackets", "a long list"],
)
def test_odd_files_are_told_of_quickly(header: str, cell: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f'{header}\na,"{cell}"\n')
    began = time.perf_counter()
    for separator in (None, "list"):
        with contextlib.suppress(DataError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read_texts(tmp_path / "a.csv", label_separator=separator)
    assert time.perf_counter() - began < 5


# --- what can be kept is kept, counted, and named by row ---------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Kept:
    """A file with something odd in it: every row is kept, and what is odd is said."""

    name: str
    content: bytes
    texts: list[str]
    notes: list[str]


EMPTY = "texts in column 'text' are empty; kept as empty texts"
KEPT: dict[str, Kept] = {
    "empty texts": Kept(
        "a.csv", b"text,label\na,x\n,y\n   ,x\n", ["a", "", "   "], [f"2 {EMPTY} (rows 2, 3)"],
    ),
    "null and absent texts": Kept(
        "a.jsonl", b'{"text": null}\n{"id": 1}\n{"text": "b"}\n{"text": NaN}\n', ["", "", "b", ""],
        [f"3 {EMPTY} (rows 1, 2, 4)"],
    ),
    "many empty texts": Kept(
        "a.csv", b"text,label\n" + b",x\n" * 8, [""] * 8, [f"8 {EMPTY} (rows 1, 2, 3, 4, 5 and 3 more)"],
    ),
    "NUL bytes": Kept(
        "a.csv", b"text,label\nok,x\na\x00b,y\n", ["ok", "a b"],
        ["1 text in column 'text' holds NUL characters; read as spaces (row 2)"],
    ),
    "half a character": Kept(
        "a.jsonl", b'{"text": "ok"}\n{"text": "cut \\ud83d"}\n', ["ok", "cut ?"],
        ["1 text in column 'text' holds half a character; read as '?' (row 2)"],
    ),
    "blank lines": Kept(
        "a.csv", b"text,label\na,x\n\nb,y\n\n", ["a", "b"],
        ["2 lines of a.csv are blank and hold no row (lines 3, 5)"],
    ),
    "blank lines in JSON Lines": Kept(
        "a.jsonl", b'{"text": "a"}\n\n{"text": "b"}\n\n', ["a", "b"],
        ["1 line of a.jsonl is blank and holds no row (line 2)"],
    ),
    "a header in the middle": Kept(
        "a.csv", b"text,label\na,x\ntext,label\nb,y\n", ["a", "text", "b"],
        ["1 row of a.csv repeats its header; kept as text (row 2)"],
    ),
    "quotes that join nothing in a file with tabs": Kept("a.tsv", b'text\tlabel\n"a ""b"" c"\tx\n', ['a "b" c'], []),
    "a label column of another name": Kept(
        "a.csv", b"text,labels\na,x\n", ["a"], ["no column 'label', hence no labels; did you mean --label labels?"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_no_row_disappears_unsaid(name: str, tmp_path: Path) -> None:
    kept = KEPT[name]
    (tmp_path / kept.name).write_bytes(kept.content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = read_texts(tmp_path / kept.name)
    assert data.texts == kept.texts
    assert [str(note) for note in data.notes] == kept.notes
    assert all(note.kind and isinstance(note.rows, tuple) for note in data.notes)
    assert [str(w.message) for w in caught if w.category is DataWarning] == kept.notes


@pytest.mark.parametrize(
    "column", [["a", None, "b"], ["a", np.nan, "b"], pd.array(["a", pd.NA, "b"], dtype="string"), ["a", pd.NaT, "b"]]
)
def test_missing_texts_of_frames_are_kept_as_empty(column: Any) -> None:
    frame = pd.DataFrame({"text": pd.Series(column, dtype=getattr(column, "dtype", object)), "label": [1, 2, 3]})
    with pytest.warns(DataWarning, match=re.escape("1 text in column 'text' is empty; kept as empty text (row 2)")):
        assert read_texts(frame).texts == ["a", "", "b"]


# --- labels that cannot be learnt from ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["x", None, "y", ""], "every row needs a label: 2 of 4 have none (rows 2, 4); label them or take them out"),
        (["x", float("nan")], "every row needs a label: 1 of 2 have none (row 2)"),
        (["x", pd.NA], "every row needs a label: 1 of 2 have none (row 2)"),
        ([["x"], None], "every row needs a label: 1 of 2 have none (row 2)"),
        (["x", "y", 1], "labels must be of one type, got 2 str, 1 int; int at row 3; write them all alike"),
        ([True, 0, 1], "labels must be of one type, got 2 int, 1 bool; bool at row 1"),
        ([["x"], "y", ["z"]], "labels must be of one type, got 2 list, 1 str; str at row 2"),
        ([0.5, float("inf")], "labels to predict must be finite numbers; infinite at row 2; take them out"),
        ([{"x": 1}], "labels must be strings, integers, floats or lists of strings, got dict; convert them first"),
    ],
)
def test_labels_that_cannot_be_learnt_from_say_why(labels: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        label_kind(labels)
    with pytest.raises(DataError, match=re.escape(message)):
        fit_model(read_texts({"text": [f"t{i}" for i in range(len(labels))], "label": labels}))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (["1", "", "0.5"], "column 'w' must be numbers, one a text: '' at row 2"),
        (["heavy", "1", "light"], "column 'w' must be numbers, one a text: 'heavy' at rows 1, 3"),
        (["1", "-2", "nan"], "column 'w' must be 0, or from 1e-15 to 1e+15; -2.0 at rows 2, 3; correct or fill them"),
        ([1, None, 2], "column 'w' must be 0, or from 1e-15 to 1e+15; nan at row 2"),
        ([1, 10**400, 2], "column 'w' must be numbers, one a text: 1000"),
        ([[1], [2], [3]], "column 'w' must be one number per text: 3 texts, weights of shape (3, 1)"),
    ],
)
def test_weights_that_are_no_numbers_say_which_rows(weights: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read_texts({"text": ["a", "b", "c"], "w": weights}, weight="w")
    with pytest.raises(DataError, match=r"column 'v' is not in memory \(columns: text, w\); say which with --weight"):
        read_texts({"text": ["a", "b", "c"], "w": weights}, weight="v")


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> SpaceClassifier:
    texts = [f"{word} number {i}" for i in range(6) for word in ("cat", "dog")]
    return SpaceClassifier(encoder, n_latent=2, n_epochs=1).fit(texts, ["cat", "dog"] * 6)


def test_one_class_only(encoder: Encoder) -> None:
    data = read_texts({"text": ["a", "b", "c", "d"], "label": ["x"] * 4})
    with pytest.raises(DataError, match=r"a classifier needs at least 2 classes, got 1 class: all 4 labels are .*'x'"):
        fit_model(data, settings={"encoder": encoder})


def test_no_labels_at_all() -> None:
    with pytest.raises(DataError, match="memory carries no labels; say which column holds them with --label"):
        fit_model(read_texts(["a", "b"]))


def test_a_class_with_one_example_is_noted_and_learnt(encoder: Encoder) -> None:
    rows = [{"text": f"{word} {i}", "label": word} for i in range(12) for word in ("cat", "dog")]
    data = read_texts([*rows, {"text": "the only bird", "label": "bird"}])
    assert "1 text only of class 'bird' (row 25)" in [str(note) for note in check_texts(data).notes]
    fitted, report = fit_model(
        data, baselines=False, settings={"encoder": encoder, "n_latent": 2, "n_epochs": 1}, dev_fraction=0.2
    )
    assert "memory: 1 text only of class 'bird' (row 25)" in report.notes
    assert list(fitted.classes_) == ["bird", "cat", "dog"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["cat", "cow", "cow"], "label 'cow' (str) was not among the training labels, 2 times (rows 2, 3)"),
        (
            [0, 1, 0],
            "label 0 (int) was not among the training labels, 2 times (rows 1, 3), nor were those of 1 other row",
        ),
    ],
)
def test_labels_unseen_in_training(model: SpaceClassifier, labels: list[Any], message: str) -> None:
    data = read_texts({"text": ["a", "b", "c"], "label": labels})
    with pytest.raises(DataError, match=re.escape(message) + "; the classes are"):
        score_model(model, data)


def test_unlabelled_test_texts(model: SpaceClassifier) -> None:
    with pytest.raises(DataError, match="memory carries no labels to score against; say which column"):
        score_model(model, read_texts(["a"]))


def test_rows_repeated_across_train_and_test_are_counted(model: SpaceClassifier) -> None:
    data = read_texts({"text": ["new", "CAT number 0", "dog  number 5"], "label": ["cat", "cat", "dog"]})
    assert "2 of 3 texts repeat a training text (rows 2, 3)" in score_model(model, data).notes


def test_fit_counts_rows_repeated_in_dev_and_test(encoder: Encoder) -> None:
    rows = [{"text": f"{word} {i}", "label": word} for i in range(12) for word in ("cat", "dog")]
    test = dataclasses.replace(read_texts([*rows[:3], {"text": "new", "label": "cat"}]), source="test.csv")
    settings = {"encoder": encoder, "n_latent": 2, "n_epochs": 1}
    report = fit_model(read_texts(rows), test=test, baselines=False, settings=settings)[1]
    assert "test.csv: 3 of 4 rows repeat a training text (rows 1, 2, 3)" in report.notes
