"""Special tokens that a user types are plain text, whatever the tokenizer and the spelling."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from spacetune import Encoder
from spacetune.encoders import FeatureStore
from spacetune.encoders.tokenizing import Tokenizing
from spacetune.studies.demo_data import demo_texts

from .conftest import Made, byte_pairs, random_model, sentence_end, word_pieces

TEXTS = demo_texts("train").texts[:150]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})


def wrapped(tokenizer: Tokenizer, **named: str) -> Any:
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)


def unigram() -> Any:
    """A sentencepiece model as XLM-RoBERTa, ALBERT and XLNet have: its special tokens are pieces of score 0."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>", initial_alphabet=list("<>/[]"), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)]
    )
    return wrapped(tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", mask_token="<mask>")


def merged() -> Any:
    """A byte-pair model whose merges spell a special token."""
    pieces = ["<unk>", "</s>", "▁", "</", "</s", "▁b", *"abdehilnorstuw?<>/s"]
    merges = [("<", "/"), ("</", "s"), ("</s", ">"), ("▁", "b")]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    assert tokenizer.encode("a</s>").ids[-1] == 1
    tokenizer.add_special_tokens(["</s>", "<unk>"])
    return wrapped(tokenizer, eos_token="</s>", unk_token="<unk>")


def words() -> Any:
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordLevelTrainer(special_tokens=["[UNK]", "[SEP]", "[CLS]"], show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_special_tokens(["[UNK]", "[SEP]", "[CLS]"])
    return wrapped(tokenizer, sep_token="[SEP]", cls_token="[CLS]", unk_token="[UNK]")


def gpt2() -> Any:
    made = byte_pairs(specials=False)
    made.add_special_tokens({"additional_special_tokens": ["<|user|>"]})
    made.add_tokens([AddedToken("covid19")])
    return made


KINDS = {
    "wordpiece": lambda: word_pieces(segments=True),
    "xlnet": lambda: sentence_end(segments=True),
    "roberta": lambda: byte_pairs(specials=True),
    "gpt2": gpt2,
    "unigram": unigram,
    "merged": merged,
    "words": words,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_special_token_in_a_text_is_plain_text(kind: str) -> None:
    tokenizer = KINDS[kind]()
    plain = Tokenizing(tokenizer, 64)
    names = tokenizer.all_special_tokens
    unknown = {tokenizer.unk_token_id}
    special = set(tokenizer.convert_tokens_to_ids(names)) - unknown
    around = plain(["a"]).token_ids.tolist()
    n_around = sum(number in special for number in around)
    for name in names:
        spellings = name, name.lower(), f"some {name} words", f"some{name}words", name * 3, name.translate(WIDE)
        for text in spellings:
            ids = plain([text]).token_ids.tolist()
            assert sum(number in special for number in ids) == n_around, (text, ids)
            spans = plain.spans(text)
            assert len(spans.tokens) == len(ids) == plain.count([text])[0]
            inner = spans.spans[spans.parts == 0]
            covered = set().union(*(range(first, last) for first, last in inner)) if len(inner) else set()
            assert covered >= {i for i, c in enumerate(text) if not c.isspace()}
    assert plain(["a"]).token_ids.tolist() == around


@pytest.mark.parametrize("kind", KINDS)
def test_texts_without_one_are_read_as_before(kind: str) -> None:
    tokenizer = KINDS[kind]()
    plain = Tokenizing(tokenizer, 500)
    texts = [*TEXTS[:20], "covid19 is one", "Ω and ?", ""]
    expected = [tokenizer(text)["input_ids"] for text in texts]
    found = plain(texts)
    assert found.token_ids.tolist() == [number for ids in expected for number in ids]
    for text in texts:
        assert list(plain.spans(text).tokens) == tokenizer.backend_tokenizer.encode(text).tokens


def test_a_mark_that_is_padding_too_is_still_read() -> None:
    tokenizer = byte_pairs(specials=False)
    tokenizer.pad_token = "!"
    assert Tokenizing(tokenizer, 9).spans("no!").tokens[-1] == "!"


def test_the_second_text_of_a_pair_is_not_opened_by_hand(tiny: Encoder) -> None:
    pair, typed = tiny.tokenize([("a bank", "rates")]), tiny.tokenize(["a bank [SEP] rates"])
    assert pair.token_ids.tolist() != typed.token_ids.tolist()
    assert (typed.token_ids == pair.token_ids[-1]).sum() == 1


def test_features_kept_from_before_are_not_found(made: Made, tmp_path: Path) -> None:
    folder = made("bert")
    encoder = Encoder.from_pretrained(folder, dtype="float32")
    described = transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer.to_str()
    assert json.loads(described)["added_tokens"]
    assert encoder.tokenizing.fingerprint != hashlib.sha256(described.encode()).hexdigest()
    store = FeatureStore(tmp_path)
    texts = ["with [SEP] inside", "without"]
    found: Any = store.encode(encoder, texts)
    np.testing.assert_allclose(found.values.numpy(), encoder.encode(texts).values.numpy())


def test_a_tokenizer_with_an_entry_beyond_its_vocabulary(tmp_path: Path) -> None:
    """Numbers of added tokens stay what they were when special ones among them are renamed."""
    tokenizer = gpt2()
    random_model("gpt2", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = Encoder.from_pretrained(tmp_path, dtype="float32")
    assert encoder.tokenize(["covid19"]).token_ids.tolist() == [tokenizer.convert_tokens_to_ids("covid19")]
