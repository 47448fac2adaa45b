"""Whatever is wrong with the store's place: one warning, the same features, and nothing of another user's removed."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.encoders.store.conftest import TEXTS, litter_in, shards_of, take_all

from spacetune import Encoder, files
from spacetune.encoders import FeatureStore, StoredFeatures
from spacetune.encoders.store import holdings, reading, shard_files
from spacetune.errors import EncoderError, UsageError


class Failing:
    """The `os` module, one of whose calls fails: the n-th, or from there on all of some names."""

    def __init__(self, at: int, code: int, names: tuple[str, ...] = ()) -> None:
        self.at, self.code, self.names, self.calls = at, code, names, 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if not callable(real):
            return real

        def call(*given: Any, **named: Any) -> Any:
            if not self.names or name in self.names:
                self.calls += 1
                if self.calls == self.at or (self.names and self.calls > self.at):
                    raise OSError(self.code, os.strerror(self.code))
            return real(*given, **named)

        return call


def check_works(store: FeatureStore, encoder: Encoder, warned: Any, reason: str) -> None:
    expected = encoder.encode([*TEXTS, TEXTS[0]])
    for _ in range(2):
        found = take_all(store.encode(encoder, [*TEXTS, TEXTS[0]]))
        assert found.values.equal(expected.values)
        assert found.provenance == expected.provenance
    [message] = warned()
    assert reason in message
    assert "the work goes on without it" in message
    assert "\n" not in message


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("name", ["write", "open", "fsync", "replace"])
def test_a_full_or_read_only_place(
    tiny: Encoder, tmp_path: Path, warned: Any, monkeypatch: pytest.MonkeyPatch, code: int, name: str
) -> None:
    monkeypatch.setattr(files, "os", Failing(1, code, (name,)))
    check_works(FeatureStore(tmp_path), tiny, warned, os.strerror(code))
    monkeypatch.undo()
    assert not shards_of(tmp_path)


def test_any_single_failing_call_changes_nothing(
    tiny: Encoder, tmp_path: Path, warned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tiny.encode(TEXTS)
    monkeypatch.setattr("spacetune.encoders.passes.frozen.RUN_TEXTS", 6)
    for module in (files, holdings, shard_files, reading):
        for at in range(1, 200):
            place = tmp_path / f"{module.__name__} {at}"
            failing = Failing(at, errno.EIO)
            with monkeypatch.context() as patched:
                patched.setattr(module, "os", failing)
                found = take_all(FeatureStore(place).encode(tiny, TEXTS))
            assert found.values.equal(expected.values)
            assert len([line for line in warned() if str(place) in line]) <= 1
            again = take_all(FeatureStore(place).encode(tiny, TEXTS))
            assert again.values.equal(expected.values)
            assert not litter_in(place), at
            if failing.calls < at:
                break
        assert 1 < at < 199


def test_texts_are_encoded_once_when_the_disk_fills_up_meanwhile(
    tiny: Encoder, tmp_path: Path, warned: Any, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spacetune.encoders.passes.frozen.RUN_TEXTS", 4)
    monkeypatch.setattr(files, "os", Failing(3, errno.ENOSPC, ("replace",)))
    found = take_all(FeatureStore(tmp_path).encode(tiny, TEXTS))
    assert (encoded, len(shards_of(tmp_path)), len(warned())) == ([12], 1, 1)
    assert found.values.equal(tiny.encode(TEXTS).values)


@pytest.mark.parametrize("form", ["full", "int8"])
def test_features_are_the_same_with_and_without_a_disk(
    tiny: Encoder, tmp_path: Path, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    without = FeatureStore(tmp_path / "file", form=form)
    small = take_all(without.encode(tiny, TEXTS, layers=[1, 2]))
    assert small.values.equal(take_all(FeatureStore(tmp_path, form=form).encode(tiny, TEXTS, layers=[1, 2])).values)
    monkeypatch.setattr("spacetune.encoders.store.settings.IN_MEMORY", 0)
    large = without.encode(tiny, TEXTS, layers=[1, 2])
    assert isinstance(large, StoredFeatures)
    assert take_all(large).values.equal(small.values)


def test_a_file_where_the_folder_should_be(tiny: Encoder, tmp_path: Path, warned: Any) -> None:
    (tmp_path / "file").write_text("mine")
    store = FeatureStore(tmp_path / "file")
    check_works(store, tiny, warned, "Not a directory")
    assert (store.summary().n_bytes, store.clear(), store.prune()) == (0, 0, 0)
    assert (tmp_path / "file").read_text() == "mine"


def test_no_home_directory(tiny: Encoder, tmp_path: Path, warned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SPACETUNE_CACHE")
    monkeypatch.setattr(Path, "home", unknown)
    monkeypatch.chdir(tmp_path)
    store = FeatureStore()
    check_works(store, tiny, warned, "there is no home directory")
    assert (store.summary().n_shards, store.clear()) == (0, 0)
    assert not list(tmp_path.iterdir())


def test_what_the_encoder_raises_still_passes(
    tiny: Encoder, store: FeatureStore, warned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any, **named: Any) -> Any:
        raise EncoderError("no")

    monkeypatch.setattr(Encoder, "encode_runs", broken)
    with pytest.raises(EncoderError, match="no"):
        store.encode(tiny, TEXTS)
    assert not warned()
    assert not litter_in(store.folder.parent)


def test_a_form_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="form must be 'full' or 'int8', got 'int4'"):
        FeatureStore(tmp_path, form="int4")  # type: ignore[arg-type]


def test_nothing_foreign_is_removed(
    tiny: Encoder, tmp_path: Path, warned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    FeatureStore(tmp_path).encode(tiny, TEXTS)
    home = next((tmp_path / "features").iterdir())
    for name in (".tmpAbC", ".x.0123456789ab.tmp", "encoding.lock"):
        (home / name).write_bytes(b"theirs")
    before = {path: path.read_bytes() for path in home.iterdir()}
    with monkeypatch.context() as patched:
        patched.setattr(holdings.os, "geteuid", lambda: os.getuid() + 1)
        store = FeatureStore(tmp_path, max_bytes=1)
        store.encode(tiny, TEXTS)
        assert (store.clear(), store.prune()) == (0, 0)
        assert store.summary().n_shards == 1
    assert {path: path.read_bytes() for path in home.iterdir()} == before
    assert not [line for line in warned() if "damaged" in line]


def test_what_is_no_file_of_ours_by_name_is_not_removed(tiny: Encoder, store: FeatureStore) -> None:
    store.encode(tiny, TEXTS)
    home = next(store.folder.iterdir())
    kept = [home / "mine.safetensors", home / "notes.txt", store.folder / "thesis" / "weights.safetensors"]
    kept[2].parent.mkdir()
    for path in kept:
        path.write_bytes(b"mine")
    (home / f"{'a' * 32}-{'b' * 8}.safetensors.bak").write_bytes(b"mine")
    assert store.clear() > 0
    assert all(path.read_bytes() == b"mine" for path in kept)
    assert store.summary().n_shards == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_s_unreadable_features_are_neither_damaged_nor_deleted(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "shared"
    old = os.umask(0o077)
    FeatureStore(place).encode(tiny, TEXTS)
    os.umask(old)
    [theirs] = shards_of(place)
    for folder in (theirs.parent, theirs.parent.parent, place):
        folder.chmod(0o777)
    ready = list(tiny.encode_runs(TEXTS))  # a forked child had better not compute
    monkeypatch.setattr(Encoder, "encode_runs", lambda *given, **named: ready)
    if (child := os.fork()) == 0:
        os.setuid(65534)
        store = FeatureStore(place, max_bytes=1)
        same = take_all(store.encode(tiny, TEXTS)).values.equal(ready[0].values)
        store.clear()
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert theirs.exists()


def test_a_store_with_open_shards_is_pickled_without_them(tiny: Encoder, store: FeatureStore) -> None:
    store.encode(tiny, TEXTS)
    held = pickle.dumps(store)
    assert len(held) < 2000
    assert take_all(pickle.loads(held).encode(tiny, TEXTS)).values.equal(tiny.encode(TEXTS).values)


def test_the_command_shows_and_clears_a_place_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "SPACETUNE_CACHE": str(tmp_path / "file")}
    command = [sys.executable, "-m", "spacetune", "cache", "--clear", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"n_shards": 0' in done.stdout


def test_rows_of_any_file_are_mapped_without_a_descriptor(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(16)))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    maps = [shard_files._map(tmp_path / "a")[0] for _ in range(20)]
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before
    assert maps[0].equal(torch.arange(16, dtype=torch.uint8))
