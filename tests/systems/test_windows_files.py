"""Under Windows' rules for files: models, tables, features and exports are whole, and nothing lies beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from spacetune import Encoder, LinearProbe
from spacetune.data import TextBlocks
from spacetune.encoders import FeatureStore
from spacetune.encoders.store import merging, shard_files
from spacetune.estimators import load_estimator
from spacetune.files import Busy, clean_leftovers, lock, write_file
from spacetune.studies import predict_file

from .windows import everything_in, held_paths

pytestmark = [
    pytest.mark.usefixtures("windows"),
    pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is open is read from /proc"),
]
TEXTS = [f"text number {i} about {'cards' if i % 2 else 'trains'}" for i in range(24)]
LABELS = ["cards" if i % 2 else "trains" for i in range(24)]


@pytest.fixture(scope="module")
def model(tiny_encoder: Encoder) -> LinearProbe:
    return LinearProbe(tiny_encoder, store=None).fit(TEXTS, LABELS)


def test_what_is_written_has_its_bytes_and_leaves_no_lock(tmp_path: Path) -> None:
    content = b"one\ntwo\r\n\n\x00\x1a" + bytes(range(256))
    write_file(tmp_path / "a", content)
    write_file(tmp_path / "a", [content, content])
    assert (tmp_path / "a").read_bytes() == 2 * content
    with lock(tmp_path / "held"), pytest.raises(Busy), lock(tmp_path / "held"):
        pass
    assert everything_in(tmp_path) == ["a"]


def test_what_killed_runs_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    left, held = tmp_path / ".a.0123456789ab.tmp", tmp_path / ".b.0123456789ab.tmp"
    left.write_bytes(b"x")
    with lock(held):
        assert clean_leftovers(tmp_path) == 1
        assert everything_in(tmp_path) == [held.name]


def test_a_place_that_is_held_for_a_moment_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries, replace = [], os.replace

    def busy(*places: Any) -> None:
        tries.append(places)
        if len(tries) < 3:
            raise PermissionError("an indexer reads it")
        replace(*places)

    monkeypatch.setattr(os, "replace", busy)
    write_file(tmp_path / "a", b"content")
    assert (len(tries), (tmp_path / "a").read_bytes()) == (3, b"content")
    monkeypatch.setattr(os, "replace", lambda *places: (_ for _ in ()).throw(PermissionError("for good")))
    with pytest.raises(PermissionError, match="for good"):
        write_file(tmp_path / "b", b"content")
    assert everything_in(tmp_path) == ["a"]


def test_models_are_saved_again_and_loaded(model: LinearProbe, tiny_encoder: Encoder, tmp_path: Path) -> None:
    for _ in range(2):
        model.save_pretrained(tmp_path / "m")
    loaded = load_estimator(tmp_path / "m", encoder=tiny_encoder)
    assert loaded.predict_logits(TEXTS).tolist() == model.predict_logits(TEXTS).tolist()
    assert everything_in(tmp_path) == ["m", "m/README.md", "m/config.json", "m/model.safetensors"]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_tables_and_folders_of_parts(model: LinearProbe, tmp_path: Path, ending: str) -> None:
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "in.parquet")
    predict_file(model, tmp_path / "in.parquet", tmp_path / f"out{ending}")
    for _ in range(2):
        predict_file(model, TextBlocks(tmp_path / "in.parquet", size=10), tmp_path / "parts", resume=True)
    parts = everything_in(tmp_path / "parts")
    assert (len(parts), parts[0]) == (4, "_parts.json")
    assert sorted(os.listdir(tmp_path)) == sorted(["in.parquet", f"out{ending}", "parts"])
    assert b"\r\r" not in (tmp_path / f"out{ending}").read_bytes()


def test_a_transformers_folder_is_renamed_when_nothing_maps_it(model: LinearProbe, tmp_path: Path) -> None:
    from spacetune.bridges.transformers import export_transformers

    export_transformers(model, tmp_path / "t", texts=TEXTS[:4])
    assert os.listdir(tmp_path) == ["t"]


def shards(store: FeatureStore) -> list[Path]:
    return sorted(store.folder.rglob("*.safetensors"))


def test_the_store_keeps_its_bound(tiny_encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_files, "SMALL", 0)  # all are mapped
    store = FeatureStore(tmp_path, max_bytes=1)
    for i in range(3):
        found = store.encode(tiny_encoder, TEXTS[i : i + 1]).take(torch.tensor([0]))
        assert len(shards(store)) == 1
        del found
    assert store.clear() > 0
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["about.txt"]


@pytest.mark.parametrize("small", [0, 4 << 20])
def test_only_pages_of_a_mapped_file_are_dropped(
    tiny_encoder: Encoder, tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_files, "SMALL", small)
    FeatureStore(tmp_path).encode(tiny_encoder, TEXTS)
    shard = shard_files.read_shard(shards(FeatureStore(tmp_path))[0])
    assert shard.mapped is not None
    assert shard.mapped.droppable == (small == 0), "memory of this process would be lost, and its neighbours'"


@pytest.mark.parametrize("small", [0, 4 << 20])
@pytest.mark.parametrize("at", [4, 40, -1])
def test_a_damaged_shard_goes(tiny_encoder: Encoder, tmp_path: Path, small: int, at: int,
                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(shard_files, "SMALL", small)
    expected = FeatureStore(tmp_path).encode(tiny_encoder, TEXTS).take(torch.arange(24)).values.clone()
    [shard] = shards(FeatureStore(tmp_path))
    content = bytearray(shard.read_bytes())
    content[at] ^= 1
    shard.write_bytes(content)
    for _ in range(2):
        assert FeatureStore(tmp_path).encode(tiny_encoder, TEXTS).take(torch.arange(24)).values.equal(expected)
        assert not shard.exists()
        assert len(shards(FeatureStore(tmp_path))) == 1


def test_small_shards_are_merged_once(tiny_encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MANY", 4)
    store = FeatureStore(tmp_path)
    for text in TEXTS[:8]:
        store.encode(tiny_encoder, [text])
    assert len(shards(store)) <= 5


def test_the_rules_hold_here(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    with path.open("rb"):
        assert str(path) in held_paths()
        for act in (path.unlink, lambda: os.replace(path, tmp_path / "b"), lambda: os.rename(tmp_path, tmp_path / "c")):
            with pytest.raises(PermissionError):
                act()
    path.unlink()
