"""A whole encoder of some thousand numbers: what is learnt on it is worthless, and saved and read in milliseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from spacetune.studies.demo_data import demo_texts

__all__ = ["save_tiny_encoder"]

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SIZE = 1500
NORMALIZER = normalizers.BertNormalizer(lowercase=True)
PRE_TOKENIZER = pre_tokenizers.BertPreTokenizer()


def save_tiny_encoder(folder: Path, seed: int = 0, n_layers: int = 2, n_positions: int = 64) -> Path:
    """Save a random BERT of a few layers of 16 with a tokenizer of 1,500 wordpieces."""
    words = _words(demo_texts("train").texts)
    tokenizer = Tokenizer(models.WordPiece(_vocabulary(words, SIZE), unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = NORMALIZER, PRE_TOKENIZER
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {name.strip("[]").lower() + "_token": name for name in SPECIAL}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=SIZE, hidden_size=16, num_hidden_layers=n_layers, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=n_positions,
        initializer_range=0.25,  # what stands before a token, and a prefix, can be told
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.BertModel(config).save_pretrained(folder)
    return folder


def _words(texts: Iterable[str]) -> list[str]:
    normal = (NORMALIZER.normalize_str(text) for text in texts)
    return [word for text in normal for word, _ in PRE_TOKENIZER.pre_tokenize_str(text)]


def _vocabulary(words: list[str], size: int) -> dict[str, int]:
    """Return all characters, at the start of a word and within one, and the most frequent words: the same every time.

    A trainer is not used: what it learns differs from process to process.
    """
    characters = sorted({character for word in words for character in word})
    known = [*SPECIAL, *characters, *(f"##{character}" for character in characters)]
    frequent = sorted(Counter(word for word in words if len(word) > 1).items(), key=lambda item: (-item[1], item[0]))
    return {token: number for number, token in enumerate([*known, *(word for word, _ in frequent)][:size])}
