"""A folder's files against each other: what does not fit is one sentence, soon, and without much memory."""

from __future__ import annotations

import json
import resource
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken

from spacetune import Encoder
from spacetune.errors import EncoderError

from .conftest import Made, byte_pairs, random_model, word_pieces


@pytest.fixture
def own(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made("bert"), tmp_path / "own"))


def state(folder: Path, name: str = "config.json", **entries: Any) -> None:
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def refusal(folder: Path) -> str:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EncoderError) as caught:
        Encoder.from_pretrained(folder, dtype="float32").encode(["a text"])
    words = str(caught.value)
    assert "\n" not in words
    assert len(words) < 600
    assert time.perf_counter() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000
    return words


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_hidden_layers", "3"),
        ("num_hidden_layers", 3.5),
        ("num_hidden_layers", True),
        ("num_hidden_layers", -3),
        ("num_hidden_layers", 0),
        ("num_hidden_layers", [3]),
        ("num_attention_heads", 0),
        ("hidden_size", {"a": 1}),
        ("vocab_size", "many"),
        ("intermediate_size", 10**30),
        ("layer_norm_eps", "small"),
        ("layer_norm_eps", float("nan")),
        ("layer_norm_eps", -1.0),
        ("model_type", 7),
        ("num_labels", 10**9),
        ("num_hidden_groups", 10**9),
        ("num_experts", 10**9),
    ],
)
def test_a_setting_of_another_kind_is_named(own: Path, name: str, value: Any) -> None:
    state(own, **{name: value})
    assert name in refusal(own)


@pytest.mark.parametrize(
    "words",
    [
        '{"hidden_size": ' + "9" * 5000 + "}",
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        "\ufeff{}",
        "null",
        " " * (1 << 25),
    ],
    ids=["digits", "deep list", "deep object", "mark", "null", "long"],
)
def test_json_that_cannot_be_read(own: Path, words: str) -> None:
    (own / "config.json").write_text(words, encoding="utf-8")
    assert "config.json" in refusal(own)


@pytest.mark.parametrize("claimed", [2, 4, 3000, 9999])
def test_layers_that_the_weights_do_not_hold(own: Path, claimed: int) -> None:
    state(own, num_hidden_layers=claimed)
    assert f"claims {claimed} layers, the weights beside it hold 3" in refusal(own)


@pytest.mark.parametrize("family", ["gpt2", "modernbert", "roberta", "convbert", "fnet", "albert", "distilbert"])
def test_the_layers_of_every_kind_are_counted(made: Made, tmp_path: Path, family: str) -> None:
    folder = Path(shutil.copytree(made(family), tmp_path / "own"))
    stated = json.loads((folder / "config.json").read_text())
    name = next(name for name in ("n_layer", "n_layers", "num_hidden_layers") if name in stated)
    state(folder, **{name: 3000})
    assert "3000 layers" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "value"), [("vocab_size", 299), ("vocab_size", 1 << 30), ("max_position_embeddings", 512)]
)
def test_a_table_of_another_size(own: Path, name: str, value: int) -> None:
    state(own, **{name: value})
    assert f"{name} is {value}, the weights beside it have" in refusal(own)


def test_states_of_another_width(own: Path) -> None:
    state(own, hidden_size=64, intermediate_size=128)
    assert "states have 64 numbers, in the weights beside it 32" in refusal(own)


def test_an_inner_size_that_would_need_terabytes(own: Path) -> None:
    state(own, intermediate_size=1 << 30)
    assert "the sizes in config.json are not those of the weights" in refusal(own)


@pytest.mark.parametrize("held", [b"", b"\x00" * 8, b"\xff" * 64, b"{}", b"\x02\x00\x00\x00\x00\x00\x00\x00[]"])
def test_weights_that_are_none(own: Path, held: bytes) -> None:
    (own / "model.safetensors").write_bytes(held)
    refusal(own)


def test_an_index_that_points_elsewhere(own: Path) -> None:
    tensors = load_file(own / "model.safetensors")
    save_file(tensors, own.parent / "other.safetensors", {"format": "pt"})
    index = {"metadata": {}, "weight_map": dict.fromkeys(tensors, "../other.safetensors")}
    (own / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "names ../other.safetensors, which is not a weights file of" in refusal(own)


@pytest.mark.parametrize("value", ["20", -1, 0, 1.5, [3], True, 10**4000])
def test_a_length_limit_that_is_none(own: Path, value: Any) -> None:
    (own / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": value}))
    assert "max_seq_length must be a whole number" in refusal(own)


BROKEN = ["", "[" * 100_000, '{"a": ' + "9" * 5000 + "}"]


@pytest.mark.parametrize(
    ("file", "words"),
    [("tokenizer.json", "{}"), *((f"tokenizer{end}.json", words) for end in ("", "_config") for words in BROKEN)],
)
def test_a_tokenizer_that_cannot_be_read(own: Path, file: str, words: str) -> None:
    (own / file).write_text(words)
    refusal(own)


def test_a_tokenizer_with_more_entries_than_the_weights(own: Path) -> None:
    tokenizer = word_pieces(segments=True)
    tokenizer.add_tokens([AddedToken("covid19")])
    tokenizer.save_pretrained(own)
    assert "has 1 tokens more than its weights, which have 300: first covid19 (number 300)" in refusal(own)


def test_a_special_token_beyond_the_weights_that_no_text_gives_does_no_harm(tmp_path: Path) -> None:
    tokenizer = byte_pairs(specials=False)
    random_model("gpt2", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|pad|>"]})
    tokenizer.save_pretrained(tmp_path)
    encoder = Encoder.from_pretrained(tmp_path, dtype="float32")
    assert encoder.encode(["typed <|pad|> here"]).values.isfinite().all()


def test_pickled_weights_are_refused_with_what_to_do(own: Path) -> None:
    (own / "model.safetensors").rename(own / "pytorch_model.bin")
    assert "save_pretrained" in refusal(own)


def test_code_in_the_folder_is_not_run(own: Path) -> None:
    (own / "evil.py").write_text("raise SystemExit('ran')")
    state(own, auto_map={"AutoModel": "evil.Model", "AutoConfig": "evil.Config"})
    assert Encoder.from_pretrained(own, dtype="float32").encode(["a"]).values.isfinite().all()
    state(own, model_type="unknown-kind")
    refusal(own)
