"""Tables at an address are copied once and read as files; what cannot be had is said in a sentence."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from spacetune import read_texts
from spacetune.data import TextBlocks
from spacetune.data.remote import is_address, local_copy
from spacetune.errors import DataError

ROWS = "text,label\nall well,good\nnot at all,bad\n"


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True) if system.exists("/") else None


def test_a_file_at_an_address_is_read_as_a_file(memory: Any) -> None:
    memory.pipe("/bucket/rows.csv", ROWS.encode())
    memory.pipe("/bucket/rows.csv.gz", gzip.compress(ROWS.encode()))
    for name in ("memory://bucket/rows.csv", "memory://bucket/rows.csv.gz"):
        data = read_texts(name)
        assert (data.texts, data.labels) == (["all well", "not at all"], ["good", "bad"])
    assert read_texts(Path("memory://bucket/rows.csv")).source == "rows.csv", "a path has one slash of the two"


def test_a_folder_at_an_address_is_read_block_by_block(memory: Any) -> None:
    for i in range(3):
        memory.pipe(f"/bucket/parts/part-{i}.csv", f"text,id\nrow {i},{i}\n".encode())
    memory.pipe("/bucket/parts/README.md", b"none of the tables")
    blocks = TextBlocks("memory://bucket/parts", size=2)
    survey = blocks.survey()
    assert [block.texts.texts for block in blocks.read(survey)] == [["row 0"], ["row 1"], ["row 2"]]
    memory.pipe("/bucket/one.csv", b"text,id\nrow 0,0\n")
    one = TextBlocks("memory://bucket/one.csv").digest()
    memory.pipe("/bucket/one.csv", b"text,id\nrow 1,0\n")
    assert TextBlocks("memory://bucket/one.csv").digest() != one, "what changed is copied anew"


def test_what_has_not_changed_is_copied_once(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/bucket/same.csv", ROWS.encode())
    first = local_copy("memory://bucket/same.csv", (".csv",))
    monkeypatch.setattr(type(memory), "get_file", None)
    assert local_copy("memory://bucket/same.csv", (".csv",)) == first


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("memory://bucket/none.csv", "does not exist"),
        ("memory://bucket/empty", "holds no .csv"),
        ("nowhere://bucket/a.csv", "cannot be read"),
        ("https://example.com/a.csv", "download it"),
        ("memory://bucket/" + "a" * 5000, "does not exist"),
    ],
)
def test_what_cannot_be_had_is_said(memory: Any, address: str, said: str) -> None:
    memory.pipe("/bucket/empty/notes.md", b"nothing to read")
    with pytest.raises(DataError, match=said):
        read_texts(address)


def test_a_service_that_fails_is_no_traceback(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("403 Forbidden")

    memory.pipe("/bucket/closed.csv", ROWS.encode())
    monkeypatch.setattr(type(memory), "get_file", refuse)
    with pytest.raises(DataError, match="RuntimeError: 403 Forbidden"):
        read_texts("memory://bucket/closed.csv")


def test_files_that_are_there_go_before_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "memory:" / "a").mkdir(parents=True)
    (tmp_path / "memory:" / "a" / "b.csv").write_text(ROWS)
    assert not is_address("memory:/a/b.csv")
    assert len(read_texts("memory:/a/b.csv")) == 2
    assert not any(is_address(each) for each in ("C:/rows.csv", "C:\\rows.csv", "rows.csv", "a:b", "/a://b"))
