"""Texts to token ids and back: cutting as transformers cuts, spans that map to the text's own characters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetune import Encoder
from spacetune.encoders import TextInput, as_inputs
from spacetune.errors import DataError, EncoderError, UsageError

from .conftest import PAIRS, SINGLES, Made, byte_pairs, random_model, save_cutting_on_the_left, word_pieces

LONG = "my card was charged twice and nobody answers " * 15
LONG_PAIRS = [
    (LONG, "short"),
    ("short", LONG),
    ("a few words here", LONG[:200]),
    (LONG[:90], LONG[:100]),
    ("one two three four five six", "one two three four five six seven"),
]
UNICODE = [
    "Hello world",
    "Crème brûlée, naïve café",
    "cafe\u0301 decomposed",
    "emoji 🍮🍮 and 👩‍👩‍👧 family",
    "שלום עולם, hello",
    "مرحبا بالعالم",
    "日本語 text",
    "tabs\tand\nlines  and   spaces ",
    "ﬁne ligature, STRASSE straße",
    "",
]


def expected_ids(encoder: Encoder, folder: Path, row: TextInput) -> list[int]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer([row], truncation=True, max_length=encoder.max_length)["input_ids"][0]


def short_encoder(folder: Path, max_length: int) -> Encoder:
    return Encoder.from_pretrained(folder, dtype="float32", max_length=max_length)


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "xlnet"])
@pytest.mark.parametrize("texts", [[*SINGLES, LONG], [*PAIRS, *LONG_PAIRS]], ids=["single", "pairs"])
@pytest.mark.parametrize("max_length", [7, 12, 64])
def test_cut_as_transformers_cuts(made: Made, family: str, texts: list[Any], max_length: int) -> None:
    encoder = short_encoder(made(family), max_length)
    features = encoder.encode(texts, layers=0)
    assert features.token_ids is not None
    for i, row in enumerate(texts):
        ids = features.token_ids[features.offsets[i] : features.offsets[i + 1]].tolist()
        assert ids == expected_ids(encoder, made(family), row)
        assert len(ids) <= max_length


def test_the_tokenizers_own_side_is_cut(tmp_path: Path) -> None:
    save_cutting_on_the_left(tmp_path)
    encoder = short_encoder(tmp_path, 6)
    row = "one two three four five six seven eight nine ten"
    assert encoder.encode([row]).token_ids.tolist() == expected_ids(encoder, tmp_path, row)  # type: ignore[union-attr]
    assert encoder.spans(row).tokens[-2] == encoder.spans("ten").tokens[-2]


def test_a_saved_padding_or_cutting_setting_is_not_taken_over(tmp_path: Path) -> None:
    tokenizer = word_pieces(segments=True)
    tokenizer.backend_tokenizer.enable_padding(length=50)
    tokenizer.backend_tokenizer.enable_truncation(4, stride=1, strategy="only_first")
    random_model("bert", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = Encoder.from_pretrained(tmp_path, dtype="float32")
    assert (
        encoder.encode(["one two three four five six"]).lengths[0]
        == encoder.count_tokens(["one two three four five six"])[0]
    )
    assert encoder.max_length == 100


def test_long_text_equals_its_first_tokens(tiny: Encoder, made: Made) -> None:
    encoder = short_encoder(made("bert"), 6)
    cut = encoder.encode(["my card was charged twice and nobody answers"])
    whole = encoder.tokenize(["my card was charged twice and nobody answers"])
    assert whole.lengths.tolist() == [6]
    shown = tiny.encode(["my card was charged twice and nobody answers"]).token_ids
    assert cut.token_ids is not None
    assert shown is not None
    assert cut.token_ids[:5].equal(shown[:5])
    assert cut.token_ids[-1] == shown[-1]


def test_cut_texts_are_counted(made: Made) -> None:
    encoder = short_encoder(made("bert"), 6)
    counts = encoder.count_tokens(["a b", "a b c d", "a b c d e", LONG])
    assert counts[:3] == [4, 6, 7]
    features = encoder.encode(["a b", "a b c d", "a b c d e", LONG])  # 6 tokens fit exactly
    assert features.provenance is not None
    assert features.provenance.n_truncated == 2
    assert features.provenance.max_length == 6
    pairs = encoder.encode([("a", "b"), ("a", "b c"), ("a b", "b c"), (LONG, "c")])
    assert pairs.provenance is not None
    assert pairs.provenance.n_truncated == 2


def test_equal_texts_that_are_cut_are_each_counted(made: Made) -> None:
    features = short_encoder(made("bert"), 6).encode([LONG] * 3)
    assert features.provenance is not None
    assert features.provenance.n_truncated == 3


@pytest.mark.parametrize("max_length", [-1, 2, 101])
def test_max_length_out_of_range(made: Made, max_length: int) -> None:
    with pytest.raises(UsageError, match=rf"max_length must lie between 3 and 100 for .*, got {max_length}$"):
        short_encoder(made("bert"), max_length)


def test_max_length_zero_is_out_of_range(made: Made) -> None:
    with pytest.raises(UsageError, match="got 0"):
        short_encoder(made("bert"), 0)


@pytest.mark.parametrize("family", ["bert", "roberta", "mpnet", "gpt2"])
def test_the_longest_allowed_text_runs(made: Made, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32").single_pass
    assert encoder.max_length == 100
    features = encoder.encode([LONG], layers="all")
    assert features.lengths.tolist() == [100]
    assert features.values.isfinite().all()


@pytest.mark.parametrize("text", UNICODE)
def test_spans_map_to_the_texts_characters(tiny: Encoder, text: str) -> None:
    spans = tiny.spans(text)
    assert spans.tokens[0] == "[CLS]"
    assert spans.tokens[-1] == "[SEP]"
    assert spans.spans[[0, -1]].tolist() == [[-1, -1], [-1, -1]]
    assert spans.parts[[0, -1]].tolist() == [-1, -1]
    covered = set()
    for token, (start, stop), part in list(zip(spans.tokens, spans.spans, spans.parts, strict=True))[1:-1]:
        assert part == 0
        assert 0 <= start < stop <= len(text)
        piece = token.removeprefix("##")
        if token != "[UNK]" and text.isascii():
            assert text[start:stop].lower() == piece
        covered |= set(range(start, stop))
    assert {i for i, c in enumerate(text) if c.isalpha()} <= covered


@pytest.mark.parametrize("text", UNICODE)
def test_byte_level_spans_hold_whole_characters(made: Made, text: str) -> None:
    spans = Encoder.from_pretrained(made("roberta"), dtype="float32").spans(text)
    inner = spans.spans[1:-1]
    assert (spans.parts[1:-1] == 0).all()
    assert set().union(*(range(a, b) for a, b in inner)) == set(range(len(text)))
    assert (np.diff(inner[:, 0]) >= 0).all()


@given(text=st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_spans_agree_with_the_features(tiny: Encoder, text: str) -> None:
    spans = tiny.spans(text)
    assert len(spans.tokens) == tiny.encode([text], layers=0).lengths[0] == tiny.count_tokens([text])[0]
    inner = spans.spans[1:-1]
    assert (inner[:, 0] < inner[:, 1]).all()
    assert inner.max(initial=0) <= len(text)


def test_spans_of_a_pair_name_the_part(tiny: Encoder) -> None:
    first, second = "Hello world", "Goodbye, moon"
    spans = tiny.spans((first, second))
    for token, (start, stop), part in zip(spans.tokens, spans.spans, spans.parts, strict=True):
        if part >= 0:
            assert (first, second)[part][start:stop].lower() == token.removeprefix("##")
    assert set(spans.parts.tolist()) == {-1, 0, 1}


def test_spans_of_a_cut_text_stop_where_the_features_stop(made: Made) -> None:
    encoder = short_encoder(made("bert"), 8)
    assert len(encoder.spans(LONG).tokens) == encoder.encode([LONG]).lengths[0] == 8


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("one string", "got one string; wrap it"),
        (np.array("one string"), "must be a list of strings or of pairs"),
        (None, "got None"),
        (5, "got 5"),
        (b"bytes", "got b'bytes'"),
        ({"a": 1}, "got {'a': 1}"),
        (["a", None], "number 2 is None"),
        (["a", float("nan")], "number 2 is nan"),
        ([b"a"], "number 1 is b'a'"),
        (["a", ("a", "b")], "all single or all pairs"),
        ([("a",)], "number 1 is"),
        ([("a", "b", "c")], "number 1 is"),
        ([("a", None)], "number 1 is"),
    ],
)
def test_what_is_no_text(tiny: Encoder, texts: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_inputs(texts)
    with pytest.raises(DataError, match=words):
        tiny.encode(texts)


def test_what_is_taken_as_texts() -> None:
    singles: list[TextInput] = ["a", "b"]
    pairs: list[TextInput] = [("a", "b"), ("c", "d")]
    for given_ in (singles, tuple(singles), np.array(singles), np.array(singles, dtype=object), iter(singles)):
        assert as_inputs(given_) == singles
    for given_ in (pairs, [["a", "b"], ["c", "d"]], np.array(pairs)):
        assert as_inputs(given_) == pairs
    pandas = pytest.importorskip("pandas")
    assert as_inputs(pandas.Series(singles)) == singles


@pytest.mark.parametrize("row", ["ab\ud800c", ("fine", "\udfff")])
def test_half_a_character_is_named(tiny: Encoder, row: TextInput) -> None:
    kind: list[Any] = ["fine", row] if isinstance(row, str) else [row]
    with pytest.raises(DataError, match="lone surrogate"):
        tiny.encode(kind)
    with pytest.raises(DataError, match="lone surrogate"):
        tiny.count_tokens(kind)


def test_nul_and_control_characters_run(tiny: Encoder) -> None:
    assert tiny.encode(["a\x00b", "\x01", "\u200b", "\ufeff"]).values.isfinite().all()


def test_a_tokenizer_without_spans_is_refused() -> None:
    from spacetune.encoders.tokenizing import Tokenizing

    with pytest.raises(EncoderError, match="object is not a fast tokenizer"):
        Tokenizing(object(), 10)


def test_loading_leaves_the_tokenizer_as_it_was() -> None:
    from spacetune.encoders.tokenizing import Tokenizing

    tokenizer = byte_pairs(specials=True)
    Tokenizing(tokenizer, 5)
    assert tokenizer.backend_tokenizer.truncation is None
    assert len(tokenizer(LONG)["input_ids"]) > 100
