"""The same rows through every door come out the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spacetune import LabelledTexts, read_texts
from spacetune.errors import UsageError

TEXTS = ["plain", 'says "no", twice', "two\nlines", "tab\there", "Grüße; 你好 🙂", " edges kept ", "semi;colon"]
LABELS = ["good", "bad", "good", "ugly", "bad", "good", "ugly"]
PAIRS = ["a", "b, c", "d", "e", "f", "g", "h"]
ROWS: list[dict[str, Any]] = [
    {"text": t, "label": c, "text_pair": p} for t, c, p in zip(TEXTS, LABELS, PAIRS, strict=True)
]
NAMES = ["bad", "good", "ugly"]


def delimited(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def dataset(rows: list[dict[str, Any]]) -> datasets.Dataset:
    text = datasets.Value("string")
    features = datasets.Features({"text": text, "label": datasets.ClassLabel(names=NAMES), "text_pair": text})
    return datasets.Dataset.from_list(rows, features=features)


FILES: dict[str, Callable[[], bytes]] = {
    "data.csv": lambda: delimited(ROWS),
    "data.txt": lambda: delimited(ROWS),
    "data.tsv": lambda: delimited(ROWS, "\t"),
    "DATA.CSV": lambda: delimited(ROWS),
    "unix.csv": lambda: delimited(ROWS).replace(b"\r\n", b"\n"),
    "bom.csv": lambda: b"\xef\xbb\xbf" + delimited(ROWS),
    "data.jsonl": lambda: json_lines(ROWS),
    "data.ndjson": lambda: json_lines(ROWS),
    "ascii.jsonl": lambda: "\n".join(json.dumps(row) for row in ROWS).encode(),
    "list.json": lambda: json.dumps(ROWS).encode(),
    "pretty.json": lambda: json.dumps(ROWS, indent=2).encode(),
}
TABLES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(ROWS),
    "pandas, another index": lambda: pd.DataFrame(ROWS, index=range(50, 57)),
    "pandas, categories": lambda: pd.DataFrame(ROWS).astype({"label": "category", "text": "string"}),
    "polars": lambda: pl.DataFrame(ROWS),
    "polars, lazy": lambda: pl.LazyFrame(ROWS),
    "polars, categories": lambda: pl.DataFrame(ROWS).with_columns(pl.col("label").cast(pl.Categorical)),
    "pyarrow": lambda: pa.Table.from_pylist(ROWS),
    "mapping": lambda: {name: [row[name] for row in ROWS] for name in ROWS[0]},
    "mapping of tuples": lambda: {name: tuple(row[name] for row in ROWS) for name in ROWS[0]},
    "list of dicts": lambda: list(ROWS),
    "dataset": lambda: dataset(ROWS),
    "dataset, torch format": lambda: dataset(ROWS).with_format("torch"),
    "dataset, one split": lambda: datasets.DatasetDict(train=dataset(ROWS)),
}


def assert_rows(data: LabelledTexts) -> None:
    assert data.texts == TEXTS
    assert data.labels == LABELS
    assert data.pairs == PAIRS
    assert data.notes == ()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_gives_the_same_rows(name: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(FILES[name]()) if packed else FILES[name]())
    data = read_texts(path)
    assert_rows(data)
    assert data.source == path.name


@pytest.mark.parametrize("name", TABLES)
def test_every_kind_of_table_gives_the_same_rows(name: str) -> None:
    assert_rows(read_texts(TABLES[name]()))


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "data.parquet")
    assert_rows(read_texts(str(tmp_path / "data.parquet")))


def test_a_saved_datasets_folder(tmp_path: Path) -> None:
    datasets.disable_progress_bar()
    dataset(ROWS).save_to_disk(tmp_path / "one")
    datasets.DatasetDict(train=dataset(ROWS), test=dataset(ROWS[:2])).save_to_disk(tmp_path / "two")
    assert_rows(read_texts(tmp_path / "one"))
    assert_rows(read_texts(tmp_path / "two", split="train"))
    assert read_texts(tmp_path / "two", split="test").texts == TEXTS[:2]


def test_class_labels_become_their_names_in_the_order_of_the_source() -> None:
    data = read_texts(dataset([*ROWS, {"text": "x", "label": None, "text_pair": "y"}]), text_pair="text_pair")
    assert data.names == ("bad", "good", "ugly")
    assert data.labels == [*LABELS, None]


def test_minus_one_is_no_class_but_a_missing_label() -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=NAMES)})
    data = read_texts(datasets.Dataset.from_dict({"text": ["a", "b"], "label": [-1, 2]}, features=features))
    assert data.labels == [None, "ugly"]


def test_lists_of_class_labels_become_lists_of_names() -> None:
    many = datasets.List(datasets.ClassLabel(names=NAMES))
    features = datasets.Features({"text": datasets.Value("string"), "label": many})
    rows = {"text": ["a", "b"], "label": [[0, 2], []]}
    data = read_texts(datasets.Dataset.from_dict(rows, features=features))
    assert data.labels == [["bad", "ugly"], []]
    assert data.names == ("bad", "good", "ugly")


def test_a_list_of_strings_is_unlabelled() -> None:
    data = read_texts(["a", "b"])
    assert data.texts == ["a", "b"]
    assert data.labels is None
    assert data.inputs == ["a", "b"]
    assert repr(data) == "LabelledTexts(2 unlabelled texts from memory)"


def test_columns_of_other_names() -> None:
    table = {"review": ["a"], "stars": [5], "reply": ["b"], "text_pair": ["not me"]}
    data = read_texts(table, text="review", label="stars", text_pair="reply")
    assert (data.texts, data.labels, data.pairs) == (["a"], [5], ["b"])
    assert data.inputs == [("a", "b")]


def test_labels_are_left_alone_when_told_so() -> None:
    assert read_texts({"text": ["a"], "label": ["x"]}, labelled=False).labels is None


@pytest.mark.parametrize("delimiter", [";", "|", r"\t"])
def test_another_delimiter(delimiter: str, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(delimited(ROWS, delimiter.replace(r"\t", "\t")))
    assert_rows(read_texts(tmp_path / "data.csv", delimiter=delimiter))


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16"])
def test_another_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes("text,label\ncafé,à\n".encode(encoding))
    data = read_texts(tmp_path / "data.csv", encoding=encoding)
    assert (data.texts, data.labels) == (["café"], ["à"])


def test_json_list_of_one_line_and_unlike_keys() -> None:
    data = read_texts([{"text": "a"}, {"text": "b", "label": "x"}])
    assert data.labels == [None, "x"]


def test_take_keeps_columns_together_and_leaves_notes_behind() -> None:
    with pytest.warns(UserWarning, match="row 2"):
        data = read_texts({"text": ["a", "", "c"], "label": [1, 2, 3], "text_pair": ["x", "y", "z"]})
    part = data.take([2, 0])
    assert (part.texts, part.labels, part.pairs, part.notes) == (["c", "a"], [3, 1], ["z", "x"], ())
    assert len(part) == 2


def test_keys_fold_case_space_and_unicode_form_but_not_the_border_of_a_pair() -> None:
    same = LabelledTexts(["Two  Hours\n", "two hours", "ﬁne", "fine"])
    assert same.keys[0] == same.keys[1]
    assert same.keys[2] == same.keys[3]
    pairs = LabelledTexts(["a b", "a"], pairs=["c", "b c"])
    assert pairs.keys[0] != pairs.keys[1]


def test_columns_of_labels_are_named_and_each_once() -> None:
    table = {"text": ["a", "b"], "rude": [1, 0], "loud": [0, 1]}
    for label, what in (([], "none is named"), (["rude", "loud", "rude"], "column rude is named 2 times")):
        with pytest.raises(UsageError, match=f"each once; {what}"):
            read_texts(table, label=label)


def test_columns_that_a_frame_numbers_are_named_by_their_numbers() -> None:
    frame = pd.DataFrame([["a", 1, 0], ["b", 0, 1]])
    assert read_texts(frame, text="0", label=[1, 2]).labels == [["1"], ["2"]]  # type: ignore[list-item]
    assert read_texts(frame, text="0", label=1).labels == [1, 0]  # type: ignore[arg-type]


def test_arrays_and_tuples_are_lists_of_texts_and_labels() -> None:
    data = LabelledTexts(np.array(["a", "b"]), pd.Series([1, 0]), pairs=("c", "d"))  # type: ignore[arg-type]
    assert (data.texts, data.labels, data.pairs) == (["a", "b"], [1, 0], ["c", "d"])
    assert LabelledTexts(["a", "b"], np.array([[1, 0], [0, 1]])).labels == [[1, 0], [0, 1]]  # type: ignore[arg-type]
