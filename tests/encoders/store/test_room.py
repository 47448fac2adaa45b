"""What features will take on disk: said before many texts are encoded, refused where there is no room."""

from __future__ import annotations

import logging
from collections import namedtuple
from pathlib import Path

import pytest

from spacetune import Encoder
from spacetune.encoders import FeatureStore
from spacetune.encoders.store import room
from spacetune.encoders.store.room import needed_bytes
from spacetune.encoders.store.shards import Form
from spacetune.errors import FeatureStoreError

TEXTS = [f"number {i} of many texts" + " and more" * (i % 7) for i in range(300)]
Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("form", ["full", "int8"])
def test_what_is_reckoned_is_what_it_takes(tiny_encoder: Encoder, tmp_path: Path, form: Form) -> None:
    FeatureStore(tmp_path, form=form).encode(tiny_encoder, TEXTS, layers=[0, 2])
    taken = sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors"))
    assert needed_bytes(tiny_encoder, TEXTS, (0, 2), form) == pytest.approx(taken, rel=0.2)
    short = Encoder.from_pretrained(tiny_encoder.source.folder, dtype="float32", max_length=4)
    assert needed_bytes(short, TEXTS, (0,), "full") == 300 * 4 * (16 * 4 + 8)


def test_it_is_said_of_many_and_refused_where_there_is_no_room(
    tiny_encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = FeatureStore(tmp_path)
    store.encode(tiny_encoder, TEXTS[:100], layers=0)
    monkeypatch.setattr(room, "MANY", 150)
    with caplog.at_level(logging.INFO, logger="spacetune"):
        store.encode(tiny_encoder, TEXTS[:240], layers=0)
        assert "will take" not in caplog.text  # 140 are new
        store.encode(tiny_encoder, [text + " now" for text in TEXTS], layers=0)
        assert "the features of 300 texts will take about 0.000" in caplog.text
    monkeypatch.setattr(room.shutil, "disk_usage", lambda place: Usage(1000, 0, 1000))
    with pytest.raises(FeatureStoreError, match=r"300 texts would take about 0\.000.* free: read fewer layers"):
        store.encode(tiny_encoder, [text + " again" for text in TEXTS], layers=0)
