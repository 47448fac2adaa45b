"""No flipped bit of a shard changes an answer: it is found, named once, and the texts are encoded again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from tests.encoders.store.conftest import TEXTS, shards_of, take_all

from spacetune import Encoder
from spacetune.encoders import FeatureStore
from spacetune.encoders.store import holdings


@pytest.mark.parametrize("form", ["full", "int8"])
def test_any_flipped_bit_is_found_and_changes_no_feature(tiny: Encoder, tmp_path: Path, warned: Any, form: Any) -> None:
    expected = take_all(FeatureStore(tmp_path, form=form).encode(tiny, TEXTS[:3], layers=[0, 2]))
    [shard] = shards_of(tmp_path)
    whole = shard.read_bytes()
    head = 8 + int.from_bytes(whole[:8], "little")
    places = {*range(0, head, 7), *np.random.default_rng(0).integers(head, len(whole), 60).tolist(), len(whole) - 1}
    for n, place in enumerate(sorted(places)):
        for old in shards_of(tmp_path):
            old.unlink()
        content = bytearray(whole)
        content[place] ^= 1 << n % 8
        shard.write_bytes(content)
        found = take_all(FeatureStore(tmp_path, form=form).encode(tiny, TEXTS[:3], layers=[0, 2]))
        assert found.values.equal(expected.values), place
        assert found.offsets.equal(expected.offsets)
        assert found.token_ids.equal(expected.token_ids)
        assert found.provenance == expected.provenance
        assert len(warned()) == n + 1, place
        assert shard.name in warned()[-1]
        assert "are encoded again" in warned()[-1]
        assert not shard.exists()


@pytest.mark.parametrize("size", [0, 3, 100, -1])
def test_a_shard_cut_off_is_damaged(tiny: Encoder, tmp_path: Path, warned: Any, size: int) -> None:
    expected = take_all(FeatureStore(tmp_path).encode(tiny, TEXTS))
    [shard] = shards_of(tmp_path)
    shard.write_bytes(shard.read_bytes()[:size])
    assert take_all(FeatureStore(tmp_path).encode(tiny, TEXTS)).values.equal(expected.values)
    assert len(warned()) == 1


def test_many_damaged_shards_are_named_in_one_warning(tiny: Encoder, tmp_path: Path, warned: Any) -> None:
    for text in TEXTS[:5]:
        FeatureStore(tmp_path).encode(tiny, [text])
    for shard in shards_of(tmp_path):
        shard.write_bytes(shard.read_bytes()[:-1])
    FeatureStore(tmp_path).encode(tiny, TEXTS[:5])
    [message] = warned()
    assert "and 2 more" in message


def test_a_damaged_shard_of_another_user_is_left_alone(
    tiny: Encoder, tmp_path: Path, warned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = take_all(FeatureStore(tmp_path).encode(tiny, TEXTS))
    [theirs] = shards_of(tmp_path)
    content = bytearray(theirs.read_bytes())
    content[-20] ^= 4
    theirs.write_bytes(content)
    monkeypatch.setattr(holdings.os, "geteuid", lambda: os.getuid() + 1)
    store = FeatureStore(tmp_path, max_bytes=1)
    for _ in range(2):
        assert take_all(store.encode(tiny, TEXTS)).values.equal(expected.values)
    assert theirs.read_bytes() == bytes(content)
    [message] = [line for line in warned() if "damaged" in line]
    assert "files of other users stay where they are" in message


def test_a_shard_is_a_safetensors_file(tiny: Encoder, tmp_path: Path) -> None:
    found = take_all(FeatureStore(tmp_path).encode(tiny, TEXTS, layers=[1, 3]))
    with safe_open(shards_of(tmp_path)[0], framework="pt") as file:
        assert file.get_tensor("values").equal(found.values)
        assert file.metadata()["layers"] == "[1, 3]"


def test_features_of_a_store_copied_elsewhere_are_found(tiny: Encoder, tmp_path: Path, encoded: list[int]) -> None:
    FeatureStore(tmp_path / "a").encode(tiny, TEXTS)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    FeatureStore(tmp_path / "b").encode(tiny, TEXTS)
    assert encoded == [len(TEXTS)]
