"""Short names stand for encoders, and the list says which are at hand; nothing is downloaded for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spacetune import Encoder
from spacetune.encoders.loading.recommended import RECOMMENDED, named_in_full
from spacetune.encoders.loading.resolving import DEFAULT_ENCODER, locate
from spacetune.errors import EncoderError
from spacetune.studies import list_encoders


def test_short_names_are_known_once() -> None:
    assert len({each.alias for each in RECOMMENDED}) == len({each.name for each in RECOMMENDED}) == len(RECOMMENDED)
    assert named_in_full("default") == DEFAULT_ENCODER
    assert locate("default").origin == "bundled"
    with pytest.raises(EncoderError, match=r"encoder 'BAAI/bge-small-en-v1\.5' was not found"):
        locate("small", local_files_only=True)


def test_a_folder_of_that_name_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_encoder: Encoder
) -> None:
    shutil.copytree(tiny_encoder.source.folder, tmp_path / "small")
    monkeypatch.chdir(tmp_path)
    assert locate("small").origin == "folder"


@pytest.mark.slow
def test_what_is_at_hand_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_encoder: Encoder) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--me--enc" / "snapshots" / ("a" * 40)
    shutil.copytree(tiny_encoder.source.folder, snapshot)
    refs = tmp_path / "models--me--enc" / "refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    rows = {row["name"]: row for row in list_encoders(speed=True).rows()}
    assert rows[DEFAULT_ENCODER]["where"] == "bundled"
    assert rows[DEFAULT_ENCODER]["tokens_per_second"] > 0
    assert rows["me/enc"]["where"] == "cache"
    assert rows["me/enc"]["tokens_per_second"] > 0
    assert rows[named_in_full("long")]["where"] == "not here"
    assert rows[named_in_full("long")]["tokens_per_second"] is None
