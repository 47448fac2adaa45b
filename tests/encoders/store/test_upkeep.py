"""The store keeps to its bound, its small shards merge, and what killed runs left goes at the next start."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest
from tests.encoders.store.conftest import TEXTS, check_close, litter_in, shards_of, take_all

from spacetune import Encoder, files
from spacetune.encoders import FeatureStore
from spacetune.encoders.store import merging, turns


def test_the_least_recently_used_shard_goes_first(tiny: Encoder, tmp_path: Path, encoded: list[int]) -> None:
    first, second, third = TEXTS[:3]
    store = FeatureStore(tmp_path)
    for n, text in enumerate((first, second)):
        store.encode(tiny, [text])
        for path in shards_of(tmp_path):
            os.utime(path, (n, path.stat().st_mtime if n else 0))
    store.encode(tiny, [first])  # used again, in the same process: now the second is the older one
    size = store.summary().n_bytes
    FeatureStore(tmp_path, max_bytes=size + 1000).encode(tiny, [third])
    encoded.clear()
    FeatureStore(tmp_path).encode(tiny, [first, third])
    assert encoded == []
    FeatureStore(tmp_path).encode(tiny, [second])
    assert encoded == [1]


def test_shards_go_in_the_order_of_use_until_the_rest_fits(tiny: Encoder, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    for text in TEXTS[:6]:
        store.encode(tiny, [text])
    shards = shards_of(tmp_path)
    order = [shards[i] for i in (3, 0, 5, 1, 4, 2)]
    for n, path in enumerate(order):
        os.utime(path, ns=(n, n))
    freed = sum(path.stat().st_size for path in order[1:3])
    store.max_bytes = sum(path.stat().st_size for path in order) - freed
    assert store.prune(keep=frozenset(order[:1])) == freed
    assert shards_of(tmp_path) == sorted([order[0], *order[3:]])


def test_one_shard_that_cannot_go_does_not_stop_the_others(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeatureStore(tmp_path)
    for text in TEXTS[:3]:
        store.encode(tiny, [text])
    stuck, *others = shards_of(tmp_path)
    original = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self == stuck:
            raise PermissionError(13, "no")
        original(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    freed = sum(path.stat().st_size for path in others)
    assert store.clear() == freed
    assert shards_of(tmp_path) == [stuck]
    store.max_bytes = 1
    assert store.prune() == 0


def test_many_small_shards_become_one(
    tiny: Encoder, tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MANY", 5)
    store = FeatureStore(tmp_path)
    for text in TEXTS[:5]:
        store.encode(tiny, [text])
    store.encode(tiny, TEXTS[:3], layers=[1, 2])
    assert len(shards_of(tmp_path)) == 2  # one of each kind of layers
    for again in (store, FeatureStore(tmp_path)):
        check_close(again.encode(tiny, TEXTS[:5]), tiny.encode(TEXTS[:5]))
        check_close(again.encode(tiny, TEXTS[:3], layers=[1, 2]), tiny.encode(TEXTS[:3], layers=[1, 2]))
    assert encoded == [1, 1, 1, 1, 1, 3, *[5, 3] * 2]  # the last four: `tiny.encode` itself


@pytest.mark.parametrize("after", ["writing", "the first removal"])
def test_a_kill_amid_merging_loses_nothing(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoded: list[int], after: str
) -> None:
    store = FeatureStore(tmp_path)
    for text in TEXTS[:5]:
        store.encode(tiny, [text])
    monkeypatch.setattr(merging, "MANY", 3)

    class Killed(BaseException):
        pass

    def die(holdings: Any) -> int:
        if after != "writing":
            next(iter(holdings)).path.unlink()
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(merging, "remove", die)
        with pytest.raises(Killed):
            FeatureStore(tmp_path).encode(tiny, TEXTS[:5])
    encoded.clear()
    FeatureStore(tmp_path).encode(tiny, TEXTS[:5])
    assert encoded == []
    [shard] = shards_of(tmp_path)
    assert len(merging.read_shard(shard).keys) == 5


def test_small_shards_that_cannot_go_are_not_doubled(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in TEXTS[:5]:
        FeatureStore(tmp_path).encode(tiny, [text])
    monkeypatch.setattr(merging, "MANY", 3)
    monkeypatch.setattr(merging, "remove", lambda holdings: 0)
    FeatureStore(tmp_path).encode(tiny, TEXTS[:5])
    assert len(shards_of(tmp_path)) == 5


def test_more_shards_than_descriptors(tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacetune.encoders.passes.frozen.RUN_TEXTS", 1)
    monkeypatch.setattr(merging, "MANY", 10_000)
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)
    texts = [f"text {i}" for i in range(70)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 30, hard))
    try:
        FeatureStore(tmp_path).encode(tiny, texts)
        store = FeatureStore(tmp_path)
        found = take_all(store.encode(tiny, texts))
        assert len(shards_of(tmp_path)) == 70
        monkeypatch.setattr(merging, "MANY", 64)
        store.encode(tiny, texts)
        assert len(shards_of(tmp_path)) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    check_close(found, tiny.encode(texts))


def test_leftovers_of_killed_runs_count_and_go_at_the_next_start(tiny: Encoder, tmp_path: Path) -> None:
    FeatureStore(tmp_path).encode(tiny, TEXTS)
    before = FeatureStore(tmp_path).summary().n_bytes
    other = tmp_path / "features" / "0123456789abcdef01234567"
    other.mkdir()
    names = [".tmpXyZ123", f".{'a' * 32}-{'b' * 8}.safetensors.0123456789ab.tmp", f".{'a' * 32}.safetensors.4711"]
    for name in [*names, ".about.txt.0123456789ab.tmp", "writing.lock"]:
        (other / name).write_bytes(b"x" * 100)
    assert FeatureStore(tmp_path).summary().n_bytes == before + 400
    FeatureStore(tmp_path).encode(tiny, TEXTS)
    assert not litter_in(tmp_path)
    assert FeatureStore(tmp_path).summary().n_bytes == before


def test_a_run_killed_while_it_writes_leaves_nothing_after_the_next_start(tiny: Encoder, tmp_path: Path) -> None:
    FeatureStore(tmp_path).encode(tiny, TEXTS)
    [path] = shards_of(tmp_path)
    shard = merging.read_shard(path)
    path.unlink()
    if (child := os.fork()) == 0:
        files.os.replace = lambda *given: os._exit(9)  # type: ignore[assignment]
        with turns.turn_to_encode(path.parent, lambda: 0), turns.turn_to_write(path.parent):
            merging.write_shard(path.parent, shard)
    os.waitpid(child, 0)
    assert len(litter_in(tmp_path)) == 3
    FeatureStore(tmp_path).encode(tiny, TEXTS)
    assert not litter_in(tmp_path)
    assert len(shards_of(tmp_path)) == 1


def test_files_have_the_mode_of_the_umask(tiny: Encoder, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        FeatureStore(tmp_path).encode(tiny, TEXTS)
    finally:
        os.umask(before)
    paths = list((tmp_path / "features").glob("*/*"))
    assert len(paths) == 2
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o640}
