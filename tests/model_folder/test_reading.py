"""A damaged, changed or foreign model folder is an error, never an answer."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from spacetune.errors import ModelFileError
from spacetune.model_folder import check_config, check_tensors, read_model
from spacetune.model_folder.saved_model import config_digest

from .conftest import number_at, write


def flipped(file: Path, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "encoder/weights.bin", "encoder/config.json"])
def test_every_flipped_bit_is_found_or_changes_nothing(place: Path, name: str) -> None:
    write(place, 1, encoder=True)
    whole = read_model(place)
    file = place / name
    content = file.read_bytes()
    bits = range(8 * len(content))
    unnoticed = 0
    for bit in bits if len(bits) < 2000 else random.Random(0).sample(bits, 500):
        flipped(file, bit)
        try:
            found = read_model(place)
        except ModelFileError:
            pass
        else:
            unnoticed += 1
            assert found.config == whole.config  # white space between values
            assert torch.equal(found.tensors["n"], whole.tensors["n"])
        file.write_bytes(content)
    assert unnoticed == 0 or name == "config.json"


def test_an_encoder_put_beside_is_not_the_models(place: Path) -> None:
    write(place, 1)
    (place / "encoder").mkdir()
    (place / "encoder/config.json").write_text("{}")
    assert read_model(place).encoder is None


@pytest.mark.parametrize("change", ["added", "removed"])
def test_a_trained_encoder_has_all_of_its_files_and_no_others(place: Path, change: str) -> None:
    write(place, 1, encoder=True)
    if change == "added":
        (place / "encoder/modules.json").write_text("[]")
    else:
        (place / "encoder/weights.bin").unlink()
    with pytest.raises(ModelFileError, match=r"was not saved with it|is missing"):
        read_model(place)


def rewritten(place: Path, **changes: Any) -> None:
    """Change a config as somebody would who makes the digest anew."""
    config = json.loads((place / "config.json").read_text()) | changes
    config["digest"] = config_digest(config)
    (place / "config.json").write_text(json.dumps(config))


def test_a_config_changed_by_hand_is_named(place: Path) -> None:
    write(place, 1)
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"number": 2}))
    with pytest.raises(ModelFileError, match="changed by hand"):
        read_model(place)


def test_a_model_of_before_is_read_with_one_warning(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(place, 1)
    config = json.loads((place / "config.json").read_text())
    del config["digest"], config["files"]
    (place / "config.json").write_text(json.dumps(config | {"schema": 1}))
    assert number_at(place) == 1
    assert [record.message.count("without digests") for record in caplog.records] == [1]
    (place / "config.json").write_text(json.dumps(config | {"schema": 1, "files": {}}))
    with pytest.raises(ModelFileError, match="schema number is not its own"):
        read_model(place)


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, f'{{"schema": {"9" * 5000}}}', "{}", "[]", "\x00", '{"schema": true}', '{"schema": 3}'],
)
def test_configs_that_are_none_are_one_sentence(place: Path, content: str) -> None:
    write(place, 1)
    (place / "config.json").write_text(content)
    with pytest.raises(ModelFileError):
        read_model(place)


def test_a_missing_or_empty_file_is_named(place: Path) -> None:
    with pytest.raises(ModelFileError, match="no such folder"):
        read_model(place)
    for name in ("config.json", "model.safetensors"):
        write(place, 1)
        (place / name).write_bytes(b"")
        with pytest.raises(ModelFileError, match=f"{name} is empty"):
            read_model(place)
        (place / name).unlink()
        with pytest.raises(ModelFileError, match=f"{name} is missing"):
            read_model(place)
        write(place.parent / "n", 1)
        (place / name).write_bytes((place.parent / "n" / name).read_bytes())


GOOD: dict[str, Any] = {
    "model": "SpaceClassifier",
    "settings": {},
    "learned": {"classes": ["a", "b"], "kind": "single", "temperature": 1.0, "threshold": 0.0},
    "report": {},
    "encoder": {"encoder": "e", "sha256": "0" * 64, "layers": [2, 4], "max_length": 256, "max_windows": 16},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learned.temperature", 0),
        ("learned.temperature", -1.0),
        ("learned.temperature", float("nan")),
        ("learned.temperature", "1"),
        ("learned.classes", ["a", "a"]),
        ("learned.classes", ["a", 1]),
        ("learned.classes", []),
        ("learned.kind", "triple"),
        ("learned.threshold", float("inf")),
        ("learned", []),
        ("model", ["SpaceClassifier"]),
        ("encoder.layers", [4, 2]),
        ("encoder.layers", ["2"]),
        ("encoder.layers", []),
        ("encoder.max_length", True),
        ("encoder.max_length", "256"),
        ("encoder.max_windows", 0),
        ("encoder.sha256", "x"),
        ("encoder", "all"),
        ("settings", []),
        ("learned.shape", {"n_layers": 3000, "length": 10**6}),
    ],
)
def test_values_that_cannot_be_are_named(name: str, value: Any) -> None:
    check_config(GOOD, "m")
    config = json.loads(json.dumps(GOOD))
    *above, last = name.split(".")
    inner = config
    for key in above:
        inner = inner[key]
    inner[last] = value
    with pytest.raises(ModelFileError, match=rf"m is damaged: {name} must be"):
        check_config(config, "m")


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ModelFileError, match="report is missing"):
        check_config({k: v for k, v in GOOD.items() if k != "report"}, "m")


def test_numbers_that_are_not_finite_are_named() -> None:
    check_tensors({"a": torch.zeros(2), "train_hashes": torch.tensor([1])}, "m")
    with pytest.raises(ModelFileError, match="a has numbers of another kind"):
        check_tensors({"a": torch.tensor([1])}, "m")
    with pytest.raises(ModelFileError, match="b holds numbers that are not finite"):
        check_tensors({"b": torch.tensor([0.0, float("nan")])}, "m")


def test_a_part_that_is_renamed_while_it_is_read_is_found_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spacetune.model_folder import reading

    write(place, 1, encoder=True)
    digest, gone = reading.file_digest, iter([True])

    def renamed_meanwhile(file: Path) -> str:
        if next(gone, False):
            raise FileNotFoundError(2, "No such file or directory", str(file))
        return digest(file)

    monkeypatch.setattr(reading, "file_digest", renamed_meanwhile)
    assert number_at(place) == 1


def test_a_reader_while_the_model_is_replaced_finds_one_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spacetune.model_folder import reading

    write(place, 1)
    digests, turns = reading._check_digests, iter(range(2, 20))

    def meanwhile(*given: Any) -> None:
        if (turn := next(turns)) < 5:
            write(place, turn)
        digests(*given)

    monkeypatch.setattr(reading, "_check_digests", meanwhile)
    assert number_at(place) in range(1, 6)


@pytest.mark.parametrize("name", ["", " "])
def test_a_model_without_a_name_is_not_the_folder_one_is_in(name: str) -> None:
    with pytest.raises(ModelFileError, match="must not be empty"):
        read_model(name)
