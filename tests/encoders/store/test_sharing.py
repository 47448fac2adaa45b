"""Several runs at one store: nothing is stored twice, nobody waits for ever, what another takes away is no loss.

Locks belong to open files, so threads stand for processes here.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.encoders.store.conftest import TEXTS, check_close, litter_in, shards_of, take_all

from spacetune import Encoder
from spacetune.encoders import FeatureStore, TokenFeatures
from spacetune.encoders.store import reading, turns
from spacetune.encoders.store.keys import home_name
from spacetune.files import lock


def run_beside(targets: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def n_texts(place: Path) -> int:
    return sum(len(reading.read_shard(path).keys) for path in shards_of(place))


def test_those_who_encode_the_same_texts_at_once_store_them_once(
    tiny: Encoder, tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Encoder.encode_runs

    def slow(self: Encoder, inputs: Any, **options: Any) -> Iterator[TokenFeatures]:
        time.sleep(0.3)
        return original(self, inputs, **options)

    monkeypatch.setattr(Encoder, "encode_runs", slow)
    parts = [TEXTS, TEXTS[2:], TEXTS, TEXTS[::-1]]
    run_beside([functools.partial(FeatureStore(tmp_path).encode, tiny, texts) for texts in parts])
    assert n_texts(tmp_path) == len(TEXTS)
    assert sum(encoded) == len(TEXTS)  # who came later encoded only what was not there yet
    assert not litter_in(tmp_path)


def test_who_waits_says_so_and_takes_what_the_other_stored(
    tiny: Encoder, tmp_path: Path, warned: Any, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TELL_AFTER", 0.0)
    home = FeatureStore(tmp_path).folder / home_name(tiny, "full")
    home.mkdir(parents=True)
    with lock(home / "encoding.lock"):
        waiting = threading.Thread(target=FeatureStore(tmp_path).encode, args=(tiny, TEXTS))
        waiting.start()
        time.sleep(0.5)
        assert waiting.is_alive()
        other = FeatureStore(tmp_path)
        monkeypatch.setattr(turns, "_impatient", {home})
        other.encode(tiny, TEXTS)
        waiting.join(30)
    assert encoded == [len(TEXTS)]
    assert warned() == ["another process encodes with the same encoder: waiting for the features that it stores"]


@pytest.mark.parametrize("others_work", [False, True])
def test_nobody_waits_for_one_who_does_nothing_or_something_else(
    tiny: Encoder, tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch, others_work: bool
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60.0 if others_work else 0.5)
    home = FeatureStore(tmp_path).folder / home_name(tiny, "full")
    home.mkdir(parents=True)

    def something_else() -> None:
        time.sleep(0.3)
        if others_work:
            turns._impatient.add(home)
            FeatureStore(tmp_path).encode(tiny, ["another text"])

    with lock(home / "encoding.lock"):
        run_beside([lambda: FeatureStore(tmp_path).encode(tiny, TEXTS), something_else])
    assert len(TEXTS) in encoded
    assert n_texts(tmp_path) == len(TEXTS) + others_work


def test_what_was_stored_while_one_encoded_beside_is_not_stored_again(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Encoder.encode_runs
    expected = tiny.encode(TEXTS)

    def overtaken(self: Encoder, inputs: Any, **options: Any) -> Iterator[TokenFeatures]:
        monkeypatch.setattr(Encoder, "encode_runs", original)
        turns._impatient.add(FeatureStore(tmp_path).folder / home_name(tiny, "full"))
        FeatureStore(tmp_path).encode(tiny, TEXTS[3:7])
        return original(self, inputs, **options)

    monkeypatch.setattr(Encoder, "encode_runs", overtaken)
    check_close(FeatureStore(tmp_path).encode(tiny, TEXTS), expected)
    assert n_texts(tmp_path) == len(TEXTS)


def test_shards_that_go_while_they_are_looked_at_are_no_loss(
    tiny: Encoder, tmp_path: Path, warned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in TEXTS[:4]:
        FeatureStore(tmp_path).encode(tiny, [text])
    original = reading.read_shard
    gone: list[Path] = []

    def racing(path: Path) -> Any:
        if len(gone) < 2:
            gone.append(path)
            path.unlink()
        return original(path)

    monkeypatch.setattr(reading, "read_shard", racing)
    check_close(FeatureStore(tmp_path).encode(tiny, TEXTS[:4]), tiny.encode(TEXTS[:4]))
    assert len(gone) == 2
    assert not warned()


def test_a_store_cleared_after_every_write_is_no_loss(
    tiny: Encoder, tmp_path: Path, warned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spacetune.encoders.passes.frozen.RUN_TEXTS", 4)
    original = reading.Reader.open

    def pruned(self: reading.Reader, path: Path) -> Any:
        path.unlink()
        return original(self, path)

    monkeypatch.setattr(reading.Reader, "open", pruned)
    check_close(FeatureStore(tmp_path).encode(tiny, TEXTS), tiny.encode(TEXTS))
    assert len(warned()) <= 1


def test_features_in_use_stay_readable_when_another_clears_the_store(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spacetune.encoders.store.settings.IN_MEMORY", 0)
    source = FeatureStore(tmp_path).encode(tiny, TEXTS)
    FeatureStore(tmp_path).clear()
    assert not shards_of(tmp_path)
    assert take_all(source).values.equal(tiny.encode(TEXTS).values)


def test_a_killed_holder_is_not_waited_for(tiny: Encoder, tmp_path: Path, encoded: list[int]) -> None:
    home = FeatureStore(tmp_path).folder / home_name(tiny, "full")
    home.mkdir(parents=True)
    if (child := os.fork()) == 0:
        with lock(home / "encoding.lock"):
            os._exit(9)
    os.waitpid(child, 0)
    assert litter_in(tmp_path) == ["encoding.lock"]
    start = time.monotonic()
    FeatureStore(tmp_path).encode(tiny, TEXTS)
    assert time.monotonic() - start < 10
    assert not litter_in(tmp_path)
