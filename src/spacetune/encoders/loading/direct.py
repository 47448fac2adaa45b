"""Encoders read from their files without transformers, where these say all there is to know: BERT and its WordPiece.

The default encoder is one. transformers takes some seconds to be imported, more than such an encoder needs to be read
and to run a text; what it would make of the files is the same, to the bit. Any other folder is left to transformers.
"""

# The types of torch, tokenizers and safetensors are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from spacetune.encoders.families import EncoderModel, bare_bert

__all__ = ["DirectTokenizer", "read_directly"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CLASSES = ("BertTokenizer", "BertTokenizerFast")
UNUSED = frozenset({
    "backend", "clean_up_tokenization_spaces", "do_basic_tokenize", "model_max_length", "name_or_path", "never_split",
    "tokenizer_class",
})  # fmt: skip
"""Entries of a tokenizer's configuration that do not change its tokens."""
OPTIONS = {"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None}
"""Those that do, and what they are unsaid."""


@dataclasses.dataclass(frozen=True)
class DirectTokenizer:
    """What is asked of a transformers tokenizer before it has to be one."""

    backend_tokenizer: Tokenizer
    model_max_length: float
    truncation_side: str
    model_input_names: tuple[str, ...] = ("input_ids", "token_type_ids", "attention_mask")

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Return how many special tokens stand around a text, or a pair."""
        return self.backend_tokenizer.num_special_tokens_to_add(pair)


def read_directly(folder: Path, dtype: torch.dtype) -> tuple[EncoderModel, DirectTokenizer] | None:
    """Read an encoder in this dtype; None where transformers must read it, or say what is wrong with it."""
    weights = folder / "model.safetensors"
    if not weights.is_file() or (folder / "model.safetensors.index.json").exists():
        return None
    tokenizer = _tokenizer(folder)
    if tokenizer is None:
        return None
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        held = safetensors.torch.load_file(weights)  # mapped; copied, since the file may be written anew
        model = bare_bert(config, {name: tensor.to(dtype, copy=True) for name, tensor in held.items()})
    except (OSError, ValueError, AttributeError, safetensors.SafetensorError):
        return None
    return None if model is None else (model, tokenizer)


def _tokenizer(folder: Path) -> DirectTokenizer | None:
    """Read ``tokenizer.json`` where transformers' `BertTokenizer` would make the same of it."""
    if (folder / "added_tokens.json").exists():
        return None
    try:
        stated = _object(folder / "tokenizer_config.json")
        named = folder / "special_tokens_map.json"
        names = _object(named) if named.exists() else {}
        found = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception:  # tokenizers raises nothing narrower
        return None
    if not _plain(stated | names) or not _as_built(found, stated):
        return None
    side = (found.truncation or {}).get("direction", "right")
    return DirectTokenizer(found, stated.get("model_max_length", 1e30), side)


def _object(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _plain(stated: dict[str, Any]) -> bool:
    """Return whether these settings name BERT's own special tokens, and nothing whose effect is not known here."""
    special = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    known = special.keys() | OPTIONS.keys() | UNUSED
    return stated.get("tokenizer_class") in CLASSES and stated.keys() <= known and stated == stated | special


def _as_built(found: Tokenizer, stated: dict[str, Any]) -> bool:
    """Return whether a tokenizer is what `BertTokenizer` builds of its vocabulary and these settings."""
    lowercase, chinese, strip = (stated.get(name, usual) for name, usual in OPTIONS.items())
    model, special = found.model, [(token, found.token_to_id(token)) for token in SPECIAL]
    if not isinstance(model, models.WordPiece) or None in dict(special).values():
        return False
    pieces = found.normalizer, found.pre_tokenizer, found.post_processor, found.decoder
    built = (
        normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lowercase
        ),
        pre_tokenizers.BertPreTokenizer(),
        processors.TemplateProcessing("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special[2:4]),
        decoders.WordPiece(prefix="##"),
    )
    added = {place: repr(AddedToken(token, normalized=False, special=True)) for token, place in special}
    return (
        (model.unk_token, model.continuing_subword_prefix, model.max_input_chars_per_word) == ("[UNK]", "##", 100)
        and {place: repr(token) for place, token in found.get_added_tokens_decoder().items()} == added
        and all(p is not None and p.__getstate__() == b.__getstate__() for p, b in zip(pieces, built, strict=True))
    )
