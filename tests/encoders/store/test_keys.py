"""The folder's name holds all that could change a feature: encoders that share all but one thing do not mix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.encoders.conftest import Made, save_cutting_on_the_left
from tests.encoders.store.conftest import TEXTS, take_all

from spacetune import Encoder
from spacetune.encoders import FeatureStore


def edited(source: Path, target: Path, name: str, old: str, new: str) -> Encoder:
    """Copy an encoder's folder with a change in one of its files; the weights stay."""
    shutil.copytree(source, target)
    content = (target / name).read_text()
    assert old in content
    (target / name).write_text(content.replace(old, new))
    return Encoder.from_pretrained(target, dtype="float32")


def check_apart(store: FeatureStore, encoders: list[Encoder], texts: list[str]) -> None:
    alone = [encoder.encode(texts) for encoder in encoders]
    assert alone[0].values.dtype != alone[1].values.dtype or not alone[0].values.equal(alone[1].values)
    for _ in range(2):
        for encoder, expected in zip(encoders, alone, strict=True):
            found = take_all(store.encode(encoder, texts))
            assert found.values.dtype == expected.values.dtype
            assert found.values.equal(expected.values)


def test_the_dtype_tells_apart(made: Made, store: FeatureStore) -> None:
    encoders = [Encoder.from_pretrained(made("bert"), dtype=dtype) for dtype in ("float32", "bfloat16")]
    check_apart(store, encoders, TEXTS)


def test_the_tokenizer_tells_apart(made: Made, tmp_path: Path, store: FeatureStore) -> None:
    usual = Encoder.from_pretrained(made("bert"), dtype="float32")
    cased = edited(made("bert"), tmp_path / "cased", "tokenizer.json", '"lowercase": true', '"lowercase": false')
    assert usual.source.sha256 == cased.source.sha256
    check_apart(store, [usual, cased], ["Cards and Trains", "TRAINS"])


def test_the_side_on_which_texts_are_cut_tells_apart(tmp_path: Path, store: FeatureStore) -> None:
    save_cutting_on_the_left(tmp_path / "left")
    place = tmp_path / "right"
    shutil.copytree(tmp_path / "left", place)
    facts = json.loads((place / "tokenizer_config.json").read_text()) | {"truncation_side": "right"}
    (place / "tokenizer_config.json").write_text(json.dumps(facts))
    encoders = [Encoder.from_pretrained(tmp_path / side, dtype="float32", max_length=6) for side in ("left", "right")]
    check_apart(store, encoders, TEXTS)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"num_attention_heads": 4', '"num_attention_heads": 2'), ('"hidden_act": "gelu"', '"hidden_act": "relu"')],
)
def test_what_the_configuration_alone_says_tells_apart(
    made: Made, tmp_path: Path, store: FeatureStore, old: str, new: str
) -> None:
    usual = Encoder.from_pretrained(made("bert"), dtype="float32")
    check_apart(store, [usual, edited(made("bert"), tmp_path / "other", "config.json", old, new)], TEXTS)


def test_the_form_tells_apart(tiny: Encoder, tmp_path: Path) -> None:
    full, small = FeatureStore(tmp_path), FeatureStore(tmp_path, form="int8")
    for _ in range(2):
        assert str(take_all(small.encode(tiny, TEXTS)).values.dtype) == "torch.bfloat16"
        assert take_all(full.encode(tiny, TEXTS)).values.equal(tiny.encode(TEXTS).values)


def test_the_same_encoder_elsewhere_finds_its_features(
    made: Made, tmp_path: Path, store: FeatureStore, encoded: list[int]
) -> None:
    shutil.copytree(made("bert"), tmp_path / "copy")
    for place in (made("bert"), tmp_path / "copy"):
        store.encode(Encoder.from_pretrained(place, dtype="float32"), TEXTS)
    assert encoded == [len(TEXTS)]
