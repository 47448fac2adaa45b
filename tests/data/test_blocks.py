"""Reading block by block finds what reading at once finds: the same rows, and the same notes on them."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spacetune.data import TextBlocks, read_texts
from spacetune.data.parquet import parquet_blocks
from spacetune.data.sources import TextFormat, open_blocks
from spacetune.errors import DataError, UsageError

ROWS = [{"text": f"text {i}", "id": i} for i in range(9)]
FILES = {
    "plain.csv": "text,id\n" + "".join(f"text {i},{i}\n" for i in range(9)),
    "blank.csv": "text,id\n\na,1\n\n\nb,2\nc,3\n\n,4\nd,5\n,6\n",
    "header.csv": "text,id\na,1\ntext,id\nb,2\ntext,id\n",
    "joined.tsv": 'text\tid\nsay "a\t1\nand b"\t2\nc\t3\n"d"\t4\n',
    "quoted.tsv": 'text\tid\n"a\nb"\t1\nc\t2\n',
    "lines.jsonl": '{"text": "a"}\n\n{"text": "b", "id": 2}\n\n{"text": "", "x": [1]}\n{"text": "d"}\n\n',
    "list.json": json.dumps(ROWS),
    "table.json": json.dumps({"text": ["a", "b", "c"], "id": [1, 2, 3]}),
    "pairs.jsonl": '{"text": "a", "text_pair": "b"}\n{"text": "c"}\n{"text_pair": "d"}\n{"id": 3}\n',
    "one.jsonl": '{"text": "a", "id": 1}\n',
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("name", FILES)
def test_blocks_are_the_whole_in_parts(name: str, size: int, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name])
    whole = read_texts(tmp_path / name, labelled=False, keep_columns=True)
    blocks = TextBlocks(tmp_path / name, size=size)
    survey = blocks.survey()
    read = list(blocks.read(survey))
    assert [text for block in read for text in block.texts.inputs] == whole.inputs
    assert {len(block) for block in read[:-1]} <= {size}
    assert [block.before for block in read] == [size * i for i in range(len(read))]
    columns = {name: [v for block in read for v in block.texts.columns[name]] for name in survey.types}
    assert columns == whole.columns
    assert sorted(map(str, survey.notes)) == sorted(map(str, whole.notes))
    assert [len(block) for block in blocks.read(survey, skip=1)] == list(survey.sizes[1:])


def test_parquet_is_read_by_the_columns_that_are_wanted(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS).assign(kind=pd.Categorical(["a", "b", "a"] * 3))
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=2)
    read = list(parquet_blocks(tmp_path / "t.parquet", 4, {"text", "gone"}))
    assert [list(columns) for columns, _, _ in read] == [["text"]] * 3
    assert [len(columns["text"]) for columns, _, _ in read] == [4, 4, 1]
    assert list(read[0][2]) == ["text", "id", "kind"]
    with pytest.raises(DataError, match=r"column 'txt' is not in t\.parquet \(columns: text, id, kind\); did you mean"):
        TextBlocks(tmp_path / "t.parquet", text="txt").survey()


def test_what_holds_no_rows_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,id\n")
    pd.DataFrame({"text": pd.Series([], dtype=str)}).to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(DataError, match="but holds no rows; add some"):
            TextBlocks(tmp_path / name).survey()
    with pytest.raises(UsageError, match="must hold 1 to 10,000,000 rows, got 0"):
        TextBlocks(["a"], size=0)


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text\na\nb\nc\n")
    blocks = TextBlocks(tmp_path / "t.csv", size=2)
    survey = blocks.survey()
    (tmp_path / "t.csv").write_text("text\na\nb\nc\nd\n")
    with pytest.raises(DataError, match="changed while they were read, after row 2"):
        list(blocks.read(survey))


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    for name, text in (("a.csv", "a"), ("b.csv", "a"), ("c.csv", "c")):
        (tmp_path / name).write_text(f"text\n{text}\n")
    a, b, c = (TextBlocks(tmp_path / name).digest() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b != c
    assert TextBlocks({"text": ["a"]}).digest() != TextBlocks({"text": ["b"]}).digest()


@pytest.mark.parametrize("row_group_size", [1_000, 2_500, 50_000])
def test_a_parquet_file_is_held_a_block_at_a_time(tmp_path: Path, row_group_size: int) -> None:
    draw, n_rows = np.random.default_rng(0), 50_000
    rows = pa.table({"text": [draw.bytes(200).hex() for _ in range(n_rows)], "id": np.arange(n_rows)})
    pq.write_table(rows, tmp_path / "rows.parquet", row_group_size=row_group_size)
    expected, bound = rows["text"].to_pylist(), rows.nbytes / 3
    del rows
    before, seen, most = pa.total_allocated_bytes(), list[str](), 0
    for table in open_blocks(tmp_path / "rows.parquet", TextFormat(), None, 1_700):
        assert len(table) == min(1_700, n_rows - len(seen))
        seen += table.columns["text"]
        most = max(most, pa.total_allocated_bytes() - before)
    assert seen == expected
    assert most < bound, "what was read stays in memory"


@pytest.mark.parametrize("rows_a_file", [40, 4, 2])
def test_blocks_that_lie_in_rings_do_not_pile_up(tmp_path: Path, rows_a_file: int) -> None:
    for i in range(40 // rows_a_file):
        (tmp_path / f"{i:02}.csv").write_text("text\n" + "row\n" * rows_a_file)
    blocks, seen = TextBlocks(tmp_path, size=4), list[weakref.ref[Any]]()
    survey = blocks.survey()
    gc.disable()  # as far as a command goes, which collects late
    try:
        for block in blocks.read(survey):
            ring: list[Any] = [block]
            ring.append(ring)
            seen.append(weakref.ref(block))
            del block, ring
            assert sum(each() is not None for each in seen) <= 2
    finally:
        gc.enable()
    assert len(seen) == 40 // min(rows_a_file, 4)
