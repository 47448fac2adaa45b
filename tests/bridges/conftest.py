"""A tiny BERT classifier on disk, the way plain transformers and peft load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from spacetune import Encoder
from spacetune.bridges import prepare_for_peft

transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

CLASSES = ["lost", "card", "cash"]
TEXTS = [f"{word} number {i} was not where it should be" for i in range(8) for word in ("lost", "card", "cash")]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = sorted({word for text in TEXTS for word in text.split()})
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask", "token_type_ids"],
    )
    config = transformers.BertConfig(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        vocab_size=len(vocabulary),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.BertModel(config)
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("tiny-bert")
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Encoder:
    return Encoder.from_pretrained(tiny_folder, dtype="float32", max_length=40)


def plain_inputs(encoder: Encoder, texts: list[str]) -> dict[str, torch.Tensor]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder.source.folder)
    return tokenizer(texts, padding=True, truncation=True, max_length=encoder.max_length, return_tensors="pt")


def classifier(encoder: Encoder, n_labels: int) -> Any:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        encoder.source.folder, num_labels=n_labels, dtype=torch.float32
    )
    return prepare_for_peft(model.eval())


def plain_encoder(encoder: Encoder) -> Any:
    model = transformers.AutoModel.from_pretrained(encoder.source.folder, dtype=torch.float32)
    return prepare_for_peft(model.eval())
