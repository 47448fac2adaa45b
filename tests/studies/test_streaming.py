"""Files of any size: what is written block by block is what is written at once, and a killed run goes on."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open
from tqdm import tqdm

from spacetune import Encoder, LinearProbe, few_shot, read_texts
from spacetune.data import DataWarning, TextBlocks
from spacetune.errors import DataError, UsageError
from spacetune.files import lock
from spacetune.studies import demo_texts, encode_file, explain_file, predict_file, predict_texts

N = 30
TEXTS = demo_texts("test").texts[:N]
ROWS = [{"id": i, "when": None if i < 20 else i / 2, "predicted": "before", "text": t} for i, t in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def model(tiny_encoder: Encoder) -> LinearProbe:
    data = few_shot(demo_texts("train"), 48)
    return LinearProbe(tiny_encoder, store=None).fit(data.texts, data.labels)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(ROWS, tmp_path / "in.parquet")


def written(rows: list[dict[str, Any]], path: Path) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=8)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def rows_of(place: Path) -> list[dict[str, Any]]:
    if place.is_dir():
        return [row for part in sorted(place.glob("part-*")) for row in pq.read_table(part).to_pylist()]
    if place.suffix == ".jsonl":
        return [json.loads(line) for line in place.read_text().splitlines()]
    return pq.read_table(place).to_pylist() if place.suffix == ".parquet" else list(read_columns(place))


def read_columns(place: Path) -> list[dict[str, Any]]:
    columns = read_texts(place, keep_columns=True).columns
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("given", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("out", ["out.csv", "out.jsonl", "out.parquet", "out"])
def test_what_is_written_in_blocks_is_what_is_predicted_at_once(
    given: str, out: str, model: LinearProbe, tmp_path: Path
) -> None:
    source = written(ROWS, tmp_path / f"in{given}")
    found = predict_file(model, TextBlocks(source, size=7), tmp_path / out)
    assert (found.n_rows, found.n_parts) == (N, 5 if out == "out" else None)
    whole = predict_texts(model, read_texts(source, labelled=False, keep_columns=True)).rows()
    rows = rows_of(tmp_path / out)
    assert [list(row) for row in rows] == [list(whole[0])] * N
    for row, expected in zip(rows, whole, strict=True):
        for name, value in expected.items():
            told = row[name]
            if isinstance(value, float):
                assert float(told) == pytest.approx(value, abs=1e-5)
            else:
                assert told == (("" if value is None else str(value)) if out == "out.csv" else value)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        (pa.array([1, 2]), pa.array([0.5, None]), [1.0, 2.0, 0.5, None]),
        (pa.array([2**53 + 1, 2]), pa.array([0.5, None]), [str(2**53 + 1), "2", "0.5", None]),
        (pa.array([2**63, 2], pa.uint64()), pa.array([-1, None], pa.int64()), [str(2**63), "2", "-1", None]),
        (pa.array([Decimal("1.10"), None]), pa.array([0.5, 1.0]), ["1.10", None, "0.5", "1.0"]),
    ],
)
def test_a_column_whose_type_changes_from_file_to_file_loses_nothing(
    model: LinearProbe, one: pa.Array, other: pa.Array, kept: list[Any], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, values in (("a", one), ("b", other)):
        pq.write_table(pa.table({"text": ["a text", "b text"], "id": values}), folder / f"{name}.parquet")
    predict_file(model, TextBlocks(folder), tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["id"].to_pylist() == kept


def test_types_stay_whatever_the_first_block_holds(model: LinearProbe, data: Path, tmp_path: Path) -> None:
    predict_file(model, TextBlocks(data, size=7), tmp_path / "out")
    schemas = [pq.read_schema(part) for part in sorted((tmp_path / "out").glob("part-*"))]
    assert all(schema == schemas[0] for schema in schemas)
    assert [str(schemas[0].field(name).type) for name in ("id", "when")] == ["int64", "double"]
    rows = [{"text": "a"}, {"text": "b", "n": 1}, {"text": "c", "n": 2.5, "late": "x"}, {"text": "d", "late": 3}]
    lines = TextBlocks(written(rows, tmp_path / "in.jsonl"), size=1)
    predict_file(model, lines, tmp_path / "late.parquet", top=1)
    kept = [{name: row[name] for name in ("n", "late")} for row in rows_of(tmp_path / "late.parquet")]
    assert [list(row.values()) for row in kept] == [[None, None], [1.0, None], [2.5, "x"], [None, "3"]]


def test_a_folder_is_read_as_one_and_only_the_columns_asked_for(model: LinearProbe, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(3):
        written(ROWS[10 * i : 10 * i + 10], folder / f"{i}.parquet")
    (folder / "README.md").write_text("no table")
    with pytest.warns(DataWarning, match=r"1 entries of in are no tables and are not read \(README\.md\)"):
        predict_file(model, TextBlocks(folder, size=7, columns=["id"]), tmp_path / "out.jsonl", top=1)
    rows = rows_of(tmp_path / "out.jsonl")
    assert [row["id"] for row in rows] == list(range(N))
    assert list(rows[0]) == ["id", "predicted", "class 1", "p 1"]
    with pytest.raises(DataError, match="column 'ids' is not there; did you mean 'id'"):
        predict_file(model, TextBlocks(folder, columns=["ids"]), tmp_path / "no.jsonl")
    written(ROWS, folder / "more.jsonl")
    with pytest.raises(DataError, match=r"must be of one kind, got \.jsonl and \.parquet"):
        predict_file(model, folder, tmp_path / "no.jsonl")


def test_a_row_without_a_text_ends_the_run_or_is_marked(model: LinearProbe, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": "fine"}, {"text": 7}, {"text": None, "error": "mine"}, {"text": "well"}]
    source, out = tmp_path / "in.jsonl", tmp_path / "out"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"column 'text' must hold text, and not in 1 row: the first is row 2 \(int\)"):
        predict_file(model, TextBlocks(source, size=1), out)
    assert not out.exists()
    found = predict_file(model, TextBlocks(source, size=1, on_error="keep"), out, top=1)
    assert found.n_errors == 2
    marked = rows_of(out)
    assert [row["spacetune error"] for row in marked] == [None, "the text is no text: int", "the text is missing", None]
    assert [row["predicted"] is None for row in marked] == [False, True, True, False]
    assert [row["text"] for row in marked] == ["fine", "7", None, "well"]


def killed_after(parts: int, out: Path, work: Callable[[], object]) -> None:
    """Do the work in a process of its own, and kill it once so many parts are there."""
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(0)
    deadline = time.monotonic() + 60
    while len(list(out.glob("part-*"))) < parts and time.monotonic() < deadline:
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_run_killed_at_any_moment_goes_on_as_if_nothing_was(model: LinearProbe, data: Path, tmp_path: Path) -> None:
    tqdm.set_lock(threading.RLock())  # its usual lock is shared with forks: one killed while it holds it stops us too
    blocks = TextBlocks(data, size=2)
    whole, out = tmp_path / "whole", tmp_path / "out"
    predict_file(model, blocks, whole, progress=False)
    for kill in range(1, 6):
        killed_after(2 * kill, out, lambda: predict_file(model, blocks, out, resume=True, progress=False))
    n_there = len(list(out.glob("part-*")))
    assert 0 < n_there < 15
    found = predict_file(model, blocks, out, resume=True)
    assert found.n_skipped == 2 * n_there
    files = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (whole, out)]
    assert files[0] == files[1]


def test_parts_are_gone_on_with_by_the_same_run_alone(model: LinearProbe, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    blocks = TextBlocks(data, size=7)
    predict_file(model, blocks, out)
    (out / "part-00003.parquet").unlink()
    with pytest.raises(UsageError, match="holds the parts of another run; continue it with --resume"):
        predict_file(model, blocks, out)
    other = TextBlocks(written(ROWS[1:], tmp_path / "other.parquet"), size=8)
    with pytest.raises(UsageError, match="were made by another run: other input, block size, top;"):
        predict_file(model, other, out, top=2, resume=True)
    with lock(out / ".parts.lock"), pytest.raises(UsageError, match="another run is writing to"):
        predict_file(model, blocks, out, resume=True)
    with pytest.raises(UsageError, match="--resume continues a folder of parts only"):
        predict_file(model, blocks, tmp_path / "out.csv", resume=True)
    assert predict_file(model, blocks, out, resume=True).n_skipped == 23
    assert [row["id"] for row in rows_of(out)] == list(range(N))


def test_a_run_that_finished_nothing_leaves_nothing(model: LinearProbe, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at must be"):
        explain_file(model, data, tmp_path / "out", at="nowhere")  # pyright: ignore[reportArgumentType]
    assert os.listdir(tmp_path) == ["in.parquet"]


def test_explanations_in_blocks_are_those_made_at_once(model: LinearProbe, data: Path, tmp_path: Path) -> None:
    explain_file(model, TextBlocks(data, size=7), tmp_path / "why.jsonl")
    rows = rows_of(tmp_path / "why.jsonl")
    expected = model.explain(TEXTS).rows()
    assert [(row["text"], row["token"]) for row in rows] == [(row["text"], row["token"]) for row in expected]
    name = str(model.classes_[0])
    np.testing.assert_allclose([r[name] for r in rows], [r[name] for r in expected], atol=1e-4)
    added = [sum(row[name] for row in rows if row["text"] == i) for i in range(len(TEXTS))]
    np.testing.assert_allclose(added, model.predict_logits(TEXTS)[:, 0], atol=1e-3)


@pytest.mark.parametrize("out", ["why.jsonl", "why.parquet", "why"])
def test_columns_stay_beside_explanations_where_they_are_named(
    model: LinearProbe, data: Path, tmp_path: Path, out: str
) -> None:
    explain_file(model, TextBlocks(data, size=7, columns=["id", "when"]), tmp_path / out)
    rows = rows_of(tmp_path / out)
    assert list(rows[0])[:4] == ["id", "when", "text", "token"]
    assert all((row["id"], row["when"]) == (row["text"], ROWS[row["text"]]["when"]) for row in rows)
    with pytest.raises(UsageError, match="the column 'text' cannot stay: explanations have one of that name"):
        explain_file(model, TextBlocks(data, columns=["id", "text"]), tmp_path / "more.csv")
    with pytest.raises(DataError, match="column 'idd' is not there; did you mean 'id'"):
        explain_file(model, TextBlocks(data, columns=["idd"]), tmp_path / "more.csv")
    assert not (tmp_path / "more.csv").exists()


def test_features_are_the_encoders_with_where_they_come_from(tiny_encoder: Encoder, data: Path, tmp_path: Path) -> None:
    blocks = TextBlocks(data, size=7)
    features = tiny_encoder.encode(TEXTS, layers=[1, 2])
    encode_file(tiny_encoder, blocks, tmp_path / "means", layers=[1, 2])
    rows = rows_of(tmp_path / "means")
    assert list(rows[0]) == ["id", "when", "predicted", "text", "n_tokens", "layer 1", "layer 2"]
    assert [row["n_tokens"] for row in rows] == features.lengths.tolist()
    np.testing.assert_allclose([row["layer 2"] for row in rows], features.means()[:, 1], atol=1e-5)
    told = json.loads(pq.read_schema(tmp_path / "means/part-00000.parquet").metadata[b"spacetune"])
    assert (told["pooling"], told["encoder"]["sha256"]) == ("mean", tiny_encoder.source.sha256)
    assert {"torch", "transformers"} <= told["versions"].keys()

    encode_file(tiny_encoder, blocks, tmp_path / "tokens.parquet", layers=[1, 2], tokens=True)
    states = [state for row in rows_of(tmp_path / "tokens.parquet") for state in row["layer 1"]]
    np.testing.assert_allclose(states, features.values[:, 0], atol=1e-5)

    encode_file(tiny_encoder, blocks, tmp_path / "safe", tokens=True, form="safetensors")
    with safe_open(tmp_path / "safe/part-00000.safetensors", "pt") as part:
        np.testing.assert_allclose(part.get_tensor("values"), features.between(0, 7).values[:, 1:], atol=1e-5)
        assert part.get_tensor("offsets").tolist() == features.offsets[:8].tolist()
        assert json.loads(part.metadata()["spacetune"])["encoder"]["layers"] == [2]


def test_features_of_a_row_without_a_text_are_missing(tiny_encoder: Encoder, tmp_path: Path) -> None:
    blocks = TextBlocks({"text": ["fine", None]}, on_error="keep")
    encode_file(tiny_encoder, blocks, tmp_path / "f.parquet")
    assert [row["layer 2"] is None for row in rows_of(tmp_path / "f.parquet")] == [False, True]
    with pytest.raises(UsageError, match="choose Parquet"):
        encode_file(tiny_encoder, blocks, tmp_path / "f", form="safetensors")


def test_a_part_that_cannot_be_read_whole_is_written_anew(
    model: LinearProbe, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, hurt = tmp_path / "whole", tmp_path / "hurt"
    blocks = TextBlocks(data, size=8)
    for place in (whole, hurt):
        predict_file(model, blocks, place)
    names = sorted(path.name for path in whole.glob("*.parquet"))
    (hurt / names[0]).write_bytes((hurt / names[0]).read_bytes()[:100])
    pq.write_table(pq.read_table(hurt / names[1]).slice(0, 3), hurt / names[1])
    found = predict_file(model, blocks, hurt, resume=True)
    assert found.n_rows - found.n_skipped == 16
    assert caplog.text.count("cannot be read completely and is written again") == 2
    for name in names:
        assert pq.read_table(whole / name).equals(pq.read_table(hurt / name))


def test_an_empty_cell_of_csv_is_a_missing_text_where_rows_are_kept(model: LinearProbe, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,id\na good day,1\n,2\n")
    (tmp_path / "a.jsonl").write_text('{"text": "a good day", "id": 1}\n{"text": "", "id": 2}\n')
    found = predict_file(model, TextBlocks(tmp_path / "a.csv", on_error="keep"), tmp_path / "b.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert (found.n_errors, rows[1]["error"], rows[1]["predicted"]) == (1, "the text is missing", None)
    found = predict_file(model, TextBlocks(tmp_path / "a.jsonl", on_error="keep"), tmp_path / "c.jsonl")
    assert found.n_errors == 0  # there an empty text is one
