"""What a vector of a text is made of where the length was chosen, and files that are too long to be what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacetune import Encoder
from spacetune.encoders.loading import stated
from spacetune.errors import EncoderError


def test_a_length_that_was_chosen_stays(tiny_encoder: Encoder) -> None:
    chosen = Encoder.from_pretrained(tiny_encoder.source.folder, dtype="float32", max_length=12)
    assert chosen.reading(lowercase=False).max_length == 12
    assert tiny_encoder.reading(lowercase=True).max_length == tiny_encoder.loaded.full_length


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert stated.stated_json(tmp_path / "config.json") == {"a": 1}
    monkeypatch.setattr(stated, "LONGEST_FILE", 4)
    with pytest.raises(EncoderError, match="which no such file of an encoder is"):
        stated.stated_json(tmp_path / "config.json")
