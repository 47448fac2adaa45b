"""Tiny encoders with random weights, saved as folders the way real ones come."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import decoders as token_decoders

from spacetune import Encoder
from spacetune.studies.demo_data import demo_texts

os.environ.setdefault("HF_HUB_OFFLINE", "1")

SINGLES = [
    "",
    "Hello",
    "my card was charged twice and nobody answers " * 4,
    "where is it?",
    "Crème brûlée 🍮 — שלום, 日本!",
    "where is it now?",
]
PAIRS = [
    ("a man plays a guitar", "someone makes music"),
    ("", "only the second"),
    ("only the first", ""),
    ("the bank raised its rates again " * 5, "rates went up"),
]

_SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 100,
    "pad_token_id": 0,
}
_AFTER_PADDING = {"max_position_embeddings": 102, "pad_token_id": 1}  # real texts begin at position 2
_ROBERTA = {**_SMALL, **_AFTER_PADDING, "type_vocab_size": 1}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": _SMALL,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": {**_SMALL, "embedding_size": 32},
    "electra-narrow": {**_SMALL, "embedding_size": 16},
    "distilbert": {
        "dim": 32,
        "n_layers": 3,
        "n_heads": 4,
        "hidden_dim": 48,
        "max_position_embeddings": 100,
        "pad_token_id": 0,
    },
    "mpnet": {**_SMALL, **_AFTER_PADDING},
    "albert": {**_SMALL, "embedding_size": 16},
    "albert-groups": {**_SMALL, "embedding_size": 16, "num_hidden_layers": 4, "num_hidden_groups": 2},
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 100, "bos_token_id": 2, "eos_token_id": 3},
    "deberta": _SMALL,
    "deberta-v2": {**_SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16},
    "modernbert": {
        **_SMALL,
        "cls_token_id": 2,
        "sep_token_id": 3,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "local_attention": 8,
        "global_attn_every_n_layers": 2,
    },
    "xlnet": {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 48, "pad_token_id": 0},
    "llama": {**_SMALL, "num_key_value_heads": 2},
    "qwen2": {**_SMALL, "num_key_value_heads": 2},
    "qwen3": {**_SMALL, "num_key_value_heads": 2, "head_dim": 16},
    "mistral": {**_SMALL, "num_key_value_heads": 2, "sliding_window": 6},
    "gpt_neox": _SMALL,
    "roformer": {**_SMALL, "embedding_size": 32},
    "ernie": _SMALL,
    "megatron-bert": _SMALL,
    "rembert": {**_SMALL, "input_embedding_size": 16},
    "eurobert": _SMALL,
    "convbert": _SMALL,
    "nystromformer": _SMALL,
    "fnet": _SMALL,
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 3, "num_heads": 4, "pad_token_id": 0},
}
WITH_SEGMENTS = {"bert", "electra", "electra-narrow", "albert", "albert-groups", "xlnet", "ernie", "deberta-v2"}
_BYTE_LEVEL = {"roberta", "xlm-roberta", "camembert", "gpt2"}
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_ROBERTA_ORDER = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]


def model_type(family: str) -> str:
    return {"electra-narrow": "electra", "albert-groups": "albert"}.get(family, family)


def word_pieces(*, segments: bool, specials: bool = True, order: list[str] = _SPECIAL) -> Any:
    tokenizer = Tokenizer.from_str(_trained_word_pieces(tuple(order)))
    if specials:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(name, order.index(name)) for name in ("[CLS]", "[SEP]")],
        )
    return _wrapped(tokenizer, segments)


@functools.cache
def _trained_word_pieces(order: tuple[str, ...]) -> str:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=list(order), show_progress=False)
    tokenizer.train_from_iterator(demo_texts("train").texts[:150], trainer)
    return tokenizer.to_str()


def byte_pairs(*, specials: bool) -> Any:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = token_decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=_ROBERTA_ORDER, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(demo_texts("train").texts[:150], trainer)
    if specials:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] [SEP] $B [SEP]",
            special_tokens=[("[CLS]", 0), ("[SEP]", 2)],
        )
    return _wrapped(tokenizer, segments=False)


def sentence_end(*, segments: bool) -> Any:
    """XLNet's way: special tokens behind the text, the last one in a segment of its own."""
    wrapped = word_pieces(segments=segments, specials=False)
    wrapped.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP] [CLS]:2",
        pair="$A [SEP] $B:1 [SEP]:1 [CLS]:2",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return wrapped


def _wrapped(tokenizer: Tokenizer, segments: bool) -> Any:
    names = ["input_ids", "attention_mask"] + ["token_type_ids"] * segments
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=names,
    )


def tokenizer_for(family: str) -> Any:
    if family == "xlnet":
        return sentence_end(segments=True)
    if family in _BYTE_LEVEL:
        return byte_pairs(specials=family != "gpt2")
    if family == "mpnet":
        return word_pieces(segments=False, order=_ROBERTA_ORDER)
    return word_pieces(segments=family in WITH_SEGMENTS)


def random_model(family: str, n_tokens: int, **changes: Any) -> Any:
    """Build a model whose every parameter, LayerNorm gains and biases too, is far from its initial value."""
    settings = {"vocab_size": n_tokens, **CONFIGS[family], **changes}
    config = transformers.AutoConfig.for_model(model_type(family), **settings)
    model = (transformers.T5EncoderModel if family == "t5" else transformers.AutoModel.from_config)(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.25 * noise if parameter.dim() > 1 else parameter + 0.3 * noise)
    return model


Made = Callable[..., Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give a function that saves a tiny random encoder of a family, once for equal settings."""
    transformers.utils.logging.disable_progress_bar()
    done: dict[str, Path] = {}

    def make(family: str = "bert", **changes: Any) -> Path:
        key = f"{family}{sorted(changes.items())}"
        if key not in done:
            done[key] = folder = tmp_path_factory.mktemp(family)
            tokenizer = tokenizer_for(family)
            random_model(family, len(tokenizer), **changes).save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        return done[key]

    return make


@pytest.fixture(scope="session")
def tiny(made: Made) -> Encoder:
    return Encoder.from_pretrained(made("bert"), dtype="float32")


def save_cutting_on_the_left(folder: Path) -> None:
    """Save a tiny BERT whose tokenizer cuts long texts at their beginning."""
    tokenizer = word_pieces(segments=True)
    random_model("bert", len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    place = folder / "tokenizer_config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"truncation_side": "left"}))
