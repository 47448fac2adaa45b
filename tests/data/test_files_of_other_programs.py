"""Files as spreadsheets, labelling tools, pandas and R write them: read, or named with what to do."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spacetune import LabelledTexts, read_texts
from spacetune.data import label_kind
from spacetune.errors import DataError, SpacetuneError, UsageError

FILMS = ["lovely film", "awful film"]


def read(content: bytes | str, path: Path, **options: Any) -> LabelledTexts:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_texts(path, **options)


def said(data: LabelledTexts) -> list[str]:
    return [str(note) for note in data.notes]


# --- quotes ------------------------------------------------------------------------------------------------------

QUOTES = (
    'text\tlabel\n"I loved the first part .\tgood\nthe middle is fine\tgood\na dull middle\tbad\n'
    'and the end is great ."\tgood\nan awful film\tbad\n'
)
AS_CHARACTERS = "all quotes are read as characters, --quoting double reads them otherwise"


def test_quotes_that_would_join_rows_of_a_tsv_are_characters(tmp_path: Path) -> None:
    data = read(QUOTES, tmp_path / "a.tsv")
    assert data.texts[0] == '"I loved the first part .'
    assert data.labels == ["good", "good", "bad", "good", "bad"]
    rows = "2 rows of a.tsv hold double quotes that would join or break rows"
    assert said(data) == [f"{rows}; {AS_CHARACTERS} (rows 1, 4)"]


def test_blank_lines_in_quotes_are_no_blank_lines(tmp_path: Path) -> None:
    data = read('label\ttext\nx\t"one\n\ntwo"\ny\tthree\n', tmp_path / "a.tsv")
    assert (data.texts, data.notes) == (["one\n\ntwo", "three"], ())
    data = read('label\ttext\n\nx\t"one\n\ntwo"\ny\tthree\n', tmp_path / "b.tsv")
    assert [str(note) for note in data.notes] == ["1 line of b.tsv is blank and holds no row (line 2)"]


@pytest.mark.parametrize(
    "line", ['"Hi" he said\tgood', '"open\tgood', 'he said "no\tgood', '5" and 6"\tgood', '"a" and "b"\tgood']
)
@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
def test_a_tsv_of_any_quotes_keeps_its_rows(line: str, name: str, tmp_path: Path) -> None:
    content = f"text\tlabel\nfirst\tbad\n{line}\nlast\tbad\n".encode()
    data = read(gzip.compress(content) if name.endswith(".gz") else content, tmp_path / name)
    assert data.texts == ["first", line.split("\t")[0], "last"]


def test_a_tsv_of_quoted_cells_stays_one(tmp_path: Path) -> None:
    data = read('text\tlabel\n"two\nlines"\tgood\n"a\ttab"\tbad\n', tmp_path / "a.tsv")
    assert (data.texts, data.notes) == (["two\nlines", "a\ttab"], ())


def test_quoting_is_a_choice(tmp_path: Path) -> None:
    assert len(read(QUOTES, tmp_path / "a.tsv", quoting="double")) == 2
    data = read(QUOTES, tmp_path / "a.tsv", quoting="none")
    assert (len(data), data.notes) == (5, ())
    data = read(QUOTES.replace("\t", ","), tmp_path / "a.csv", quoting="none")
    assert (len(data), data.notes) == (5, ())
    with pytest.raises(UsageError, match="--quoting must be one of auto, double, none, got 'all'"):
        read(QUOTES, tmp_path / "a.tsv", quoting="all")


def test_a_header_in_quotes_names_its_columns_where_quotes_are_characters(tmp_path: Path) -> None:
    data = read('"text"\t"label"\na "b\tx\nc" d\ty\n', tmp_path / "a.tsv", quoting="none")
    assert data.texts == ['a "b', 'c" d']


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.tsv", "\t")])
def test_lines_in_a_cell_that_look_like_rows_are_named(name: str, mark: str, tmp_path: Path) -> None:
    data = read(QUOTES.replace("\t", mark), tmp_path / name, quoting="double")
    assert len(data) == 2
    assert said(data) == [
        f"1 row of {name} holds lines that look like rows; if a double quote is left open there, close it or read with "
        "--quoting none (row 1)"
    ]


def test_lines_in_a_cell_that_look_like_prose_are_not(tmp_path: Path) -> None:
    data = read('text,label\n"Dear all,\nthank you, all\nbye",good\nb,bad\n', tmp_path / "a.csv")
    assert data.notes == ()


# --- spreadsheets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sep line", "sep=;\r\ntext;label\r\nlovely film;good\r\nawful film;bad\r\n"),
        ("sep line in quotes", '"sep=;"\r\ntext;label\r\nlovely film;good\r\nawful film;bad\r\n'),
        ("sep line, capitals, mark", "\ufeffSEP=;\ntext;label\nlovely film;good\nawful film;bad\n"),
        ("sep line of tabs", "sep=\t\ntext\tlabel\nlovely film\tgood\nawful film\tbad\n"),
        ("trailing commas", "text,label,,\nlovely film,good,,\nawful film,bad,,\n"),
        ("trailing commas in rows", "text,label\nlovely film,good,\nawful film,bad\n"),
        ("trailing commas in the header", "text,label,\nlovely film,good\nawful film,bad\n"),
        ("spaces in trailing cells", "text,label, \nlovely film,good, \nawful film,bad,\n"),
        ("two marks", "\ufeff\ufefftext,label\nlovely film,good\nawful film,bad\n"),
        ("two marks before a quote", '\ufeff\ufeff"text",label\nlovely film,good\nawful film,bad\n'),
        ("a mark and spaces", "\ufeff text , label\nlovely film,good\nawful film,bad\n"),
        ("a mark in the second name", "text,\ufefflabel\nlovely film,good\nawful film,bad\n"),
    ],
)
def test_what_spreadsheets_write_is_read(name: str, content: str, tmp_path: Path) -> None:
    data = read(content, tmp_path / "a.csv")
    assert (data.texts, data.labels, data.notes) == (FILMS, ["good", "bad"], ())


def test_a_mark_before_json_is_no_part_of_it(tmp_path: Path) -> None:
    assert read('\ufeff\ufeff{"text": "a"}\n', tmp_path / "a.jsonl").texts == ["a"]


def test_a_delimiter_given_wins_over_the_first_line(tmp_path: Path) -> None:
    assert read("sep=;\ntext,label\na;b,x\n", tmp_path / "a.csv", delimiter=",").texts == ["a;b"]


def test_a_cell_beyond_the_header_that_holds_something_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 1 of a\.csv has 3 cells where the header has 2"):
        read("text,label,\na,x,y\n", tmp_path / "a.csv")


# --- encodings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_named(codec: str, tmp_path: Path) -> None:
    content = "text,label\nfilm sehr schön,gut\n".encode(codec)
    said = re.escape(f"a.csv looks like UTF-16 without a byte order mark, try --encoding {codec}")
    with pytest.raises(DataError, match=said):
        read(content, tmp_path / "a.csv")
    with pytest.raises(DataError, match=f"a.csv is not UTF-16: .*; try --encoding {codec}"):
        read(content, tmp_path / "a.csv", encoding="utf-16")
    assert read(content, tmp_path / "a.csv", encoding=codec).labels == ["gut"]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.jsonl", b"[", {"encoding": "utf-16"}, "a.jsonl is not UTF-16: "),
        ("a.csv", b"label\r\n0\r\n\xed\r\n", {"encoding": "utf-16"}, "stream does not start with BOM"),
        ("a.csv", b"text\na\n", {"encoding": "utf-16"}, "it looks like UTF-8, leave --encoding out"),
        ("a.csv", b"text\ncaf\xc3\xa9 \x81\n", {"encoding": "cp1252"}, "a.csv is not CP1252: byte 0x81 in line 2"),
        ("a.csv", b"text\na\n", {"encoding": "hex"}, "'hex' is not an encoding Python knows"),
        ("a.csv", b"text\na\n", {"encoding": "utf-8\x00"}, r"'utf-8\x00' is not an encoding Python knows"),
        ("a.csv", b"text\na\n", {"encoding": "undefined"}, "a.csv is not UNDEFINED: "),
        ("a.csv", b"text\n\xff\xfe\xfd\n", {"encoding": "idna"}, "a.csv is not IDNA: "),
        ("a.csv", b"text\na\n", {"encoding": ""}, "'' is not an encoding Python knows"),
        ("a.csv", b"\x1f\x8b\x08\x00", {}, "a.csv is packed with gzip; let its name end in .gz"),
        ("a.csv", b"PK\x03\x04", {}, "a.csv is a zip file or a spreadsheet; export it as CSV"),
        ("a.csv", b"PAR1\x15", {}, "a.csv is a Parquet file; let its name end in .parquet"),
        ("a.csv", b"\x00", {}, r"column 'text' is not in a.csv (columns: \x00)"),
        ("a.jsonl", b"null", {}, "line 1 of a.jsonl must be a JSON object such as"),
    ],
)
def test_bytes_that_are_no_text_give_one_sentence(
    name: str, content: bytes, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read(content, tmp_path / name, **options)
    assert str(caught.value).isprintable()


def test_a_bad_byte_in_a_cut_gzip_file_gives_one_sentence(tmp_path: Path) -> None:
    content = gzip.compress(b"text,label\n" + b"caf\xe9,x\n" * 20_000, compresslevel=0)
    for cut in (content[:-12], content[:-300], content[:-8] + bytes(8)):
        with pytest.raises(DataError, match=r"a\.csv\.gz is not (UTF-8|a whole gzip file)"):
            read(cut, tmp_path / "a.csv.gz")


READER = {
    "BadGzipFile_text_files.py_53_s1.csv.gz": "is not a whole gzip file: CRC check failed",
    "EOFError_text_files.py_53_s1.csv.gz": "is not a whole gzip file: Compressed file ended",
    "OverflowError_labels.py_86_s1.json": "labels to predict must be finite numbers",
    "TypeError_labels.py_113_s1.ndjson": "a list of labels must hold the names of classes",
    "UnicodeDecodeError_sources.py_97_s1.parquet": "is not a readable Parquet file",
    "UnicodeError_text_files.py_182_s1.jsonl": "and is not JSON",
    "UnicodeError_text_files.py_55_s1.jsonl": "every row needs a label",
    "UnicodeError_text_files.py_55_s2.csv": "is not UTF-8: byte 0xed in line 3",
    "ValueError_text_files.py_33_s1.jsonl": "must be a JSON object",
    "ValueError_text_files.py_33_s2.csv": "column 'text' is not in",
}


@pytest.mark.parametrize("name", READER)
def test_files_that_once_gave_a_traceback_give_one_sentence(name: str, shared: Path) -> None:
    def kind(**options: Any) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return label_kind(read_texts(shared / "cases" / "reader" / name, **options).labels or [])

    with pytest.raises(DataError, match=re.escape(READER[name])):
        kind()
    for encoding in ("utf-16", "cp1252", "utf-8\x00"):
        with contextlib.suppress(SpacetuneError):
            kind(encoding=encoding)


# --- pandas ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("orient", ["columns", "split", "index", "table", "records"])
def test_every_table_that_pandas_writes_is_read(orient: Any, indent: int | None, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": FILMS, "label": ["good", "bad"]})
    frame.to_json(tmp_path / "a.json", orient=orient, indent=indent)
    data = read_texts(tmp_path / "a.json")
    assert (data.texts, data.labels, data.notes) == (FILMS, ["good", "bad"], ())


def test_a_mapping_of_lists_and_a_lone_row_are_read(tmp_path: Path) -> None:
    assert read(json.dumps({"text": FILMS, "label": ["good", "bad"]}), tmp_path / "a.json").labels == ["good", "bad"]
    data = read(json.dumps({"text": "lovely film", "label": ["good", "long"]}, indent=1), tmp_path / "a.json")
    assert (data.texts, data.labels) == (["lovely film"], [["good", "long"]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[["lovely film", "good"]]', "got list; a list of lists does not name its columns, write it with orient="),
        ('{"text": {"a": "x", "b": "y"}}', "a.json is one object of objects, as pandas' to_json writes by default"),
        (
            '{"version": 1, "rows": [{"text": "a"}]}',
            "object whose rows seem to lie under 'rows'; write that",
        ),
        ('{"name": "set", "rows": [{"text": "a"}]}', "column 'text' is not in a.json"),
        ('{"columns": ["text", "label"], "data": [["a"]]}', "a.json looks like pandas' orient='split', and its rows"),
        ('{"columns": 3, "data": [["a"]]}', "a.json looks like pandas' orient='split', and its rows"),
        ('{"schema": {}, "data": [1]}', "must be a JSON object such as"),
        (
            '{"text": ["a", "b"], "id": [1], "label": ["x", "y"]}',
            "all columns of a.json must be of one length, and 'id' has 1 row, 'text' 2; give every row a value",
        ),
    ],
)
def test_other_tables_in_json_are_named(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read(content, tmp_path / "a.json")


# --- Label Studio ------------------------------------------------------------------------------------------------


def task(text: str, *answers: list[str], **more: Any) -> dict[str, Any]:
    annotations = [
        {
            "id": i,
            "result": [{"value": {"choices": a}, "from_name": "sentiment", "to_name": "text", "type": "choices"}],
            **more,
        }
        for i, a in enumerate(answers)
    ]
    return {"id": 1, "annotations": annotations, "data": {"text": text}}


def test_an_export_of_label_studio_is_read(tmp_path: Path) -> None:
    tasks = [task("lovely film", ["Positive"]), task("awful film", ["Negative"])]
    data = read(json.dumps(tasks), tmp_path / "a.json")
    assert (data.texts, data.labels) == (FILMS, ["Positive", "Negative"])
    assert said(data) == ["a.json is Label Studio's export; answers to 'sentiment' are the labels"]
    assert read(json.dumps(tasks), tmp_path / "a.json", label="sentiment").labels == ["Positive", "Negative"]


def test_several_choices_are_lists_and_several_answers_are_rows(tmp_path: Path) -> None:
    tasks = [task("a", ["x", "y"], ["y", "x"]), task("b", []), task("c", ["x"], ["x"]), task("d", ["x"], ["y"])]
    data = read(json.dumps(tasks), tmp_path / "a.json")
    assert data.texts == ["a", "b", "c", "d", "d"]
    assert data.labels == [["x", "y"], [], ["x"], ["x"], ["y"]]
    assert said(data)[1] == (
        "1 task of a.json was answered differently by several people; each answer is a row (task 4)"
    )


def test_tasks_without_an_answer_have_no_label(tmp_path: Path) -> None:
    tasks = [task("a", ["x"]), task("b"), task("c", ["x"], was_cancelled=True)]
    assert read(json.dumps(tasks), tmp_path / "a.json").labels == ["x", None, None]
    several = [task("a", ["x", "y"]), *tasks[1:], task("d", [])]
    assert read(json.dumps(several), tmp_path / "a.json").labels == [["x", "y"], None, None, []]


def test_ratings_are_numbers_and_spans_are_no_labels(tmp_path: Path) -> None:
    rated = task("a")
    rated["annotations"] = [{"result": [{"type": "rating", "from_name": "stars", "value": {"rating": 4}}]}]
    assert read(json.dumps([rated]), tmp_path / "a.json").labels == [4]
    rated["annotations"] = [
        {"result": [{"type": "labels", "from_name": "ner", "value": {"start": 0, "labels": ["x"]}}]}
    ]
    with pytest.raises(DataError, match=r"task 1 of a\.json, an export of Label Studio, holds an annotation of"):
        read(json.dumps([rated]), tmp_path / "a.json")


def test_the_small_export_of_label_studio_is_read(tmp_path: Path) -> None:
    own = {"annotator": 1, "annotation_id": 2, "created_at": "2026", "updated_at": "2026", "lead_time": 3.5}
    rows = [
        {"text": "a", "id": 1, "mood": "joy", **own},
        {"text": "b", "id": 2, "mood": {"choices": ["joy", "love"]}, **own},
    ]
    data = read(json.dumps(rows), tmp_path / "a.json")
    assert data.labels is None
    assert said(data) == ["a.json is Label Studio's export; say with --label which column to learn: 'mood'"]
    assert [(note.kind, note.rows) for note in data.notes] == [("export", ())]
    assert read(json.dumps(rows), tmp_path / "a.json", label="mood").labels == [["joy"], ["joy", "love"]]


# --- Parquet -----------------------------------------------------------------------------------------------------


def test_class_names_in_parquet_are_read(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["neg", "pos"]),
            "tags": datasets.List(datasets.ClassLabel(names=["x", "y"])),
        }
    )
    rows = {"text": ["a", "b", "c"], "label": [1, 0, -1], "tags": [[0, 1], [], [1]]}
    datasets.disable_progress_bar()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    data = read_texts(tmp_path / "a.parquet")
    assert (data.labels, data.names) == (["pos", "neg", None], ("neg", "pos"))
    assert read_texts(tmp_path / "a.parquet", label="tags").labels == [["x", "y"], [], ["y"]]
    assert read_texts(pq.read_table(tmp_path / "a.parquet")).labels == ["pos", "neg", None]


@pytest.mark.parametrize("metadata", [b"", b"[]", b"{}", b'{"info": {"features": {"label": 3}}}', b"[" * 100_000])
def test_unreadable_metadata_of_parquet_is_no_fault(metadata: bytes, tmp_path: Path) -> None:
    table = pa.table({"text": ["a"], "label": [1]}).replace_schema_metadata({b"huggingface": metadata})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_texts(tmp_path / "a.parquet").labels == [1]


def test_a_class_without_a_name_is_an_error(tmp_path: Path) -> None:
    told = {"info": {"features": {"label": {"names": ["x"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["a"], "label": [1]}).replace_schema_metadata({b"huggingface": json.dumps(told).encode()})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=re.escape("column 'label' of a.parquet holds 1, and names its classes 0 to 0")):
        read_texts(tmp_path / "a.parquet")


def test_the_folder_of_a_parquet_file_adds_no_columns(tmp_path: Path) -> None:
    (tmp_path / "label=3").mkdir()
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "label=3" / "a.parquet")
    assert read_texts(tmp_path / "label=3" / "a.parquet").labels is None


def test_text_of_parquet_that_is_no_utf_8_gives_one_sentence(tmp_path: Path) -> None:
    broken = pa.array([b"\xff\xfea"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": broken}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet is not a readable Parquet file: .*; write it again"):
        read_texts(tmp_path / "a.parquet")


def test_a_column_named_twice_in_parquet_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet"):
        read_texts(tmp_path / "a.parquet")


# --- places ------------------------------------------------------------------------------------------------------


def test_places_that_hold_no_file_give_one_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    for place, message in (
        (tmp_path / "pipe.csv", "must be a file or a folder, and is a pipe or a device"),
        ("/dev/null", "is a pipe or a device"),
        (tmp_path / "folder.csv", "must be a folder that `datasets` saved"),
        (tmp_path / "loop.csv", "cannot be read: Too many levels of symbolic links"),
        (tmp_path / "gone.csv", "does not exist"),
        ("a" * 5000 + ".csv", "cannot be read: File name too long"),
        ("a\x00.csv", r"a\x00.csv cannot be read: embedded null byte"),
        ("\x1b[2Ja.csv", r"\x1b[2Ja.csv does not exist"),
        ("\udcff.csv", r"\udcff.csv does not exist"),
    ):
        with pytest.raises(DataError, match=re.escape(message)) as caught:
            read_texts(place)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1000


def test_a_closed_file_gives_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("text\na\n")

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"a\.csv cannot be read: Permission denied"):
        read_texts(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a\x1b[31m.csv", b"b\x1b[2J,c\na,x\n"),
        ("a.csv", b"text\x1b[2J,label\na,x\n"),
        ("a.csv", b"text\x1b[2J;label\na;x\n"),
        ("a.csv", b"\x1b[2J,\x1b[2J,text\na,x,y\n"),
        ("a.csv", b"text,label\n" + b"a\x1b[2J,x,y\n"),
        ("a.jsonl", b'{"te\\u001bxt": "a"}\n'),
        ("a.jsonl", b'{"\\u009b": "a"}\n'),
    ],
)
def test_control_characters_of_a_file_are_escaped_in_messages(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(content, tmp_path / name)
    assert str(caught.value).isprintable()
