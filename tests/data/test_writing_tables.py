"""What Parquet and CSV do with values that they have no word for: each is kept in a form that can be read back."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spacetune import read_texts
from spacetune.data.delimited import delimited_blocks
from spacetune.data.writing import safe_cell, table_pieces, write_table


def parquet_of(values: list[Any], place: Path) -> list[Any]:
    write_table(place / "t.parquet", {"a": values})
    return pq.read_table(place / "t.parquet").column("a").to_pylist()


@pytest.mark.parametrize("value", [{}, {"tags": {}}, [{}], [[{"a": [{}]}]]])
def test_mappings_without_a_key_are_json_in_parquet(value: Any, tmp_path: Path) -> None:
    assert [json.loads(cell) for cell in parquet_of([value, value], tmp_path)] == [value, value]
    assert parquet_of([None, value], tmp_path)[0] is None


@pytest.mark.parametrize("values", [[1.5, True], [True, 1.5], [1, False], [0, 1, True]])
def test_truth_beside_numbers_stays_truth(values: list[Any], tmp_path: Path) -> None:
    assert parquet_of(values, tmp_path) == [str(value) for value in values]


def test_columns_of_one_kind_keep_their_type(tmp_path: Path) -> None:
    for values in ([True, None, False], [1, 2, None], [1.5, 2.0], [{"a": 1}, {"a": None}], [[1], []]):
        assert parquet_of(values, tmp_path) == values


def test_cells_with_an_apostrophe_are_told(caplog: pytest.LogCaptureFixture) -> None:
    tables = [{"id": ["-A1", "b", "+"], "n": [-1, 2, 3]}, {"id": ["=2", "c", "-"], "n": [1, 2, 3]}]
    with caplog.at_level(logging.WARNING, logger="spacetune"):
        text = b"".join(table_pieces(".csv", tables)).decode()
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == ["'-A1", "b", "+", "'=2", "c", "-"]
    assert [record.getMessage() for record in caplog.records] == [
        "! 2 cells of the CSV file with an apostrophe in front, since a spreadsheet would take it for a formula: the "
        'first is "\'-A1"; spacetune reads it without, and .jsonl and .parquet hold every cell as it was'
    ]


def test_no_cell_no_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="spacetune"):
        b"".join(table_pieces(".csv", [{"id": ["a", "+", "-0.5"], "list": [[1], [], None]}]))
    assert not caplog.records
    assert safe_cell({"a": [1, None]}) == '{"a": [1, null]}'


@pytest.mark.parametrize("size", [None, 2])
def test_what_is_written_for_spreadsheets_is_read_as_it_was(tmp_path: Path, size: int | None) -> None:
    texts = [
        "@you said so",
        "=1+1",
        "'@you",
        "''=1",
        "-0.5",
        "+",
        "'tis fine",
        "'",
        " -x",
        "\tx",
        "plain",
        "'quoted'",
        "＝1",
    ]
    columns = {"text": texts, "label": ["+", "-a", "b"] * 4 + ["b"], "=odd": ["@x"] * len(texts)}
    place = tmp_path / "a.csv"
    place.write_bytes(b"".join(table_pieces(".csv", [columns])))
    assert b"'@you said so" in place.read_bytes()
    read = [columns for columns, _ in delimited_blocks(place, None, ",", "utf-8", size=size)]
    assert {name: [cell for block in read for cell in block[name]] for name in read[0]} == columns
    notes = [note for _, block in delimited_blocks(place, None, ",", "utf-8") for note in block]
    assert "have an apostrophe before what a spreadsheet would run; it is read without" in str(notes[0])
    found = read_texts(place)
    assert found.texts == texts
    assert [note.kind for note in found.notes][:1] == ["apostrophes"]
