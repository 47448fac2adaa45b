"""What is read without transformers is what transformers reads, to the bit; and what differs is left to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import transformers
from tests.loaded import loaded_by

from spacetune import Encoder
from spacetune.encoders.loading import load
from spacetune.encoders.loading.direct import read_directly
from spacetune.encoders.loading.resolving import resolve
from spacetune.errors import EncoderError

from .conftest import CONFIGS, PAIRS, SINGLES

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz?.,", *(f"##{c}" for c in "aeioun")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Save a tiny BERT as transformers saves one."""
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(**CONFIGS["bert"], vocab_size=len(WORDS)))
    model.save_pretrained(tmp_path)
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    transformers.BertTokenizer(vocab=vocabulary, model_max_length=60).save_pretrained(tmp_path)
    return tmp_path


def rewrite(file: Path, **entries: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def through_transformers(folder: Path, monkeypatch: pytest.MonkeyPatch, dtype: str) -> Encoder:
    with monkeypatch.context() as patch:
        patch.setattr(load, "read_directly", lambda folder, dtype: None)
        return Encoder.from_pretrained(folder, dtype=dtype)


def check_same(folder: Path, monkeypatch: pytest.MonkeyPatch, dtype: str = "float32") -> None:
    theirs, ours = through_transformers(folder, monkeypatch, dtype), Encoder.from_pretrained(folder, dtype=dtype)
    assert isinstance(theirs.loaded.weights, transformers.PreTrainedModel)
    assert not isinstance(ours.loaded.weights, transformers.PreTrainedModel)
    assert ours.tokenizing.fingerprint == theirs.tokenizing.fingerprint
    assert repr(ours) == repr(theirs)
    assert (ours.max_length, ours.dim, ours.source) == (theirs.max_length, theirs.dim, theirs.source)
    for texts in (SINGLES, PAIRS):
        one, other = ours.encode(texts, layers="all"), theirs.encode(texts, layers="all")
        assert torch.equal(one.values, other.values)
        assert torch.equal(one.token_ids, other.token_ids)
        assert one.provenance == other.provenance


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_a_bert_is_the_same_either_way(folder: Path, monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    check_same(folder, monkeypatch, dtype)


@pytest.mark.parametrize(
    "settings", [{"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": False}]
)
def test_cased_tokenizers_too(folder: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    transformers.BertTokenizer(vocab={w: i for i, w in enumerate(WORDS)}, **settings).save_pretrained(folder)
    check_same(folder, monkeypatch)


def test_the_default_encoder_is_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    check_same(resolve("all-MiniLM-L6-v2").folder, monkeypatch)


def without(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()

    return change


def config(**entries: Any) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder / "config.json", **entries)


def tokens(**entries: Any) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder / "tokenizer_config.json", **entries)


def described(**entries: Any) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder / "tokenizer.json", **entries)


def reshaped(folder: Path) -> None:
    file = folder / "model.safetensors"
    held = {f"bert.{name}": tensor for name, tensor in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(held, file, {"format": "pt"})


@pytest.mark.parametrize(
    "change",
    [
        config(model_type="electra"),
        config(is_decoder=True),
        config(hidden_act="silu"),
        config(num_hidden_layers=2),
        config(num_attention_heads=5),
        config(vocab_size=10),
        config(quantization_config={}),
        tokens(tokenizer_class="BertJapaneseTokenizer"),
        tokens(cls_token="<s>"),
        tokens(extra_special_tokens=["[X]"]),
        tokens(model_input_names=["input_ids"]),
        tokens(do_lower_case=False),
        described(normalizer=None),
        described(pre_tokenizer={"type": "Whitespace"}),
        described(added_tokens=[]),
        lambda folder: (folder / "added_tokens.json").write_text("{}"),
        reshaped,
        without("tokenizer.json"),
        without("tokenizer_config.json"),
        without("model.safetensors"),
        without("config.json"),
    ],
)
def test_anything_else_is_left_to_transformers(folder: Path, change: Callable[[Path], Any]) -> None:
    assert read_directly(folder, torch.float32) is not None
    change(folder)
    assert read_directly(folder, torch.float32) is None


def test_transformers_own_model_comes_when_it_is_asked_for_and_shares_the_weights(folder: Path) -> None:
    encoder = Encoder.from_pretrained(folder, dtype="float32")
    held = encoder.loaded
    assert isinstance(held.model, transformers.BertModel)
    assert held.model is held.model
    shared = held.model.embeddings.word_embeddings.weight.data_ptr()
    assert shared == held.weights.embeddings.word_embeddings.weight.data_ptr()
    assert not any(p.requires_grad for p in held.model.parameters())


def test_files_changed_in_between_are_not_taken_for_the_same(folder: Path) -> None:
    encoder = Encoder.from_pretrained(folder, dtype="float32")
    before = encoder.encode(SINGLES).values
    file = folder / "model.safetensors"
    held = {name: tensor + 1 for name, tensor in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(held, file, {"format": "pt"})
    assert torch.equal(encoder.encode(SINGLES).values, before)
    with pytest.raises(EncoderError, match="has changed since"):
        _ = encoder.prefixed
    shutil.rmtree(folder)
    with pytest.raises(EncoderError, match="has changed since"):
        encoder.save_pretrained(folder)


def test_neither_transformers_nor_scikit_learn_is_loaded_to_dissect_a_sentence() -> None:
    code = (
        "import sys; from spacetune.cli import main; sys.argv = ['spacetune', 'dissect', 'a sentence']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code"
    )
    assert {"torch", "transformers", "sklearn", "scipy", "pandas", "sympy"} & loaded_by(code) == {"torch"}
