"""Long texts in windows: no word is lost, each window is an ordinary pass, and what is over is counted."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetune import Encoder, LinearProbe, SpaceClassifier, dissect
from spacetune.encoders import FeatureStore
from spacetune.errors import UsageError
from spacetune.estimators import load_estimator

from .conftest import Made, save_cutting_on_the_left
from .test_tokenizing import expected_ids

LONG = "my card was charged twice and nobody answers " * 15
SHORT = "where is it?"


def windowed(folder: Path, max_length: int = 12, max_windows: int = 1000) -> Encoder:
    return Encoder.from_pretrained(folder, dtype="float32", max_length=max_length, max_windows=max_windows)


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "xlnet"])
def test_no_token_is_lost_and_none_comes_twice(made: Made, family: str) -> None:
    encoder = windowed(made(family))
    read, whole = encoder.spans(LONG), Encoder.from_pretrained(made(family), dtype="float32").tokenizing._uncut
    expected = [token for token, span in zip(*_content(whole.encode(LONG)), strict=True) if span]
    assert [t for t, part in zip(read.tokens, read.parts, strict=True) if part == 0] == expected
    tokenized = encoder.tokenize([LONG, SHORT, LONG])
    assert tokenized.lengths.max() <= 12
    assert tokenized.n_windows[1] == 1
    assert tokenized.text_lengths.tolist() == encoder.count_tokens([LONG, SHORT, LONG])
    assert len(read.tokens) == tokenized.text_lengths[0]
    assert not tokenized.truncated.any()


def _content(encoding: object) -> tuple[list[str], list[bool]]:
    return encoding.tokens, [not special for special in encoding.special_tokens_mask]  # type: ignore[attr-defined]


@settings(max_examples=30)
@given(st.integers(0, 80), st.integers(4, 20))
def test_spans_are_the_texts_own_characters_in_order(made: Made, n_words: int, max_length: int) -> None:
    encoder, text = windowed(made("bert"), max_length), "twice my card " * n_words
    found = encoder.spans(text)
    spans = found.spans[found.parts == 0]
    assert "".join(text[a:b] for a, b in spans) == text.replace(" ", "")
    assert (np.diff(spans[:, 0]) > 0).all()
    assert len(found.tokens) == encoder.count_tokens([text])[0]


@pytest.mark.parametrize("family", ["bert", "mpnet"])
def test_every_window_is_an_ordinary_pass(made: Made, family: str) -> None:
    encoder, text = windowed(made(family)), "a b c d e f g " * 9
    found = encoder.encode([SHORT, text], layers="all").take(torch.tensor([1]))
    spans = encoder.spans(text)
    windows = encoder.tokenize([text]).lengths.cumsum()
    for start, stop in zip([0, *windows[:-1]], windows, strict=True):
        real = spans.spans[start:stop][spans.parts[start:stop] == 0]
        alone = encoder.single_pass.encode([text[real[0][0] : real[-1][1]]], layers="all")
        torch.testing.assert_close(found.values[start:stop], alone.values, atol=1e-5, rtol=1e-5)


def test_what_is_over_the_last_window_is_cut_and_counted(made: Made) -> None:
    whole, cut = windowed(made("bert")), windowed(made("bert"), max_windows=3)
    features = cut.encode([LONG, SHORT])
    assert features.provenance is not None
    assert (features.lengths[0], features.provenance.n_truncated, features.provenance.longest) == (36, 1, 36)
    assert features.values[:36].allclose(whole.encode([LONG]).values[:36], atol=1e-6)
    assert cut.longest == 36


def test_the_last_windows_stay_where_the_tokenizer_cuts_on_the_left(tmp_path: Path) -> None:
    save_cutting_on_the_left(tmp_path)
    text = "one two three four five six seven eight nine ten"
    encoder = windowed(tmp_path, 6, 2)
    found = encoder.spans(text)
    read = found.spans[found.parts == 0]
    assert text.replace(" ", "").endswith("".join(text[a:b] for a, b in read))
    assert (len(read), read[-1][1]) == (8, len(text))
    assert encoder.encode([text]).provenance.n_truncated == 1  # type: ignore[union-attr]
    assert encoder.tokenize([("a b c d e f g", "h")]).token_ids.tolist() == expected_ids(
        encoder, tmp_path, ("a b c d e f g", "h")
    )


def test_pairs_are_read_in_one_window(made: Made) -> None:
    encoder = windowed(made("bert"))
    features = encoder.encode([(LONG, "short"), ("a", "b")])
    assert features.lengths[0] == 12
    assert features.provenance.n_truncated == 1  # type: ignore[union-attr]


def test_who_sets_the_length_cuts_there_unless_told_otherwise(made: Made) -> None:
    usual = Encoder.from_pretrained(made("bert"), dtype="float32")
    assert (usual.max_windows, usual.longest) == (16, 1600)
    assert Encoder.from_pretrained(made("bert"), dtype="float32", max_length=50).max_windows == 1
    with pytest.raises(UsageError, match="max_windows must be at least 1, got 0"):
        windowed(made("bert"), max_windows=0)


def test_a_pickle_reads_as_many_windows(made: Made) -> None:
    assert pickle.loads(pickle.dumps(windowed(made("bert"), max_windows=5))).max_windows == 5


@pytest.mark.parametrize("first", [1, 16])
def test_stored_features_of_long_texts_are_told_apart(made: Made, tmp_path: Path, first: int) -> None:
    store, texts = FeatureStore(tmp_path), [SHORT, LONG, ""]
    for max_windows in (first, 17 - first):
        encoder = windowed(made("bert"), max_windows=max_windows)
        found = store.encode(encoder, texts).take(torch.arange(3))
        assert found.lengths.tolist() == encoder.encode(texts).lengths.tolist()
        assert found.provenance == encoder.encode(texts).provenance
    [home] = (tmp_path / "features").iterdir()
    assert sum(len(_keys(path)) for path in home.glob("*.safetensors")) == 4  # the short ones are shared


def _keys(path: Path) -> torch.Tensor:
    from safetensors.torch import load_file

    return load_file(path)["hashes"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SpaceClassifier, LinearProbe])
def test_explanations_reach_the_last_word(made: Made, tmp_path: Path, kind: type) -> None:
    texts = [f"{LONG}{word}" for word in ("good", "bad") * 10]
    model = kind(str(made("bert")), max_length=12, max_windows=1000, seed=1).fit(texts, [0, 1] * 10)
    one = model.explain([texts[0]])[0]
    rounding = 1e-6 * np.abs(one.token_scores).sum()  # the weights of this tiny encoder are large, and cancel
    assert one.logits == pytest.approx(one.token_scores.sum(0) + one.bias, abs=rounding)
    assert not one.truncated
    assert one.words()[-2]["word"] == "good"
    model.save_pretrained(tmp_path / "model")
    again = load_estimator(tmp_path / "model")
    assert (again.encoder_.max_length, again.encoder_.max_windows) == (12, 1000)
    assert np.allclose(again.predict_logits(texts), model.predict_logits(texts), atol=1e-5)


def test_a_dissection_reads_all_windows_and_a_finer_split_one_and_says_so(made: Made) -> None:
    whole = dissect(windowed(made("bert")), [LONG, SHORT])
    states = windowed(made("bert")).encode([LONG, SHORT])
    assert whole.offsets.tolist() == states.offsets.tolist()
    torch.testing.assert_close(whole.states, states.values.float(), atol=1e-4, rtol=1e-4)
    assert whole.provenance.n_truncated == states.provenance.n_truncated
    found = dissect(windowed(made("bert")), [LONG, SHORT], splits=["head"])
    assert found.offsets.diff().tolist() == [12, len(windowed(made("bert")).spans(SHORT).tokens)]
    assert (found.provenance.n_truncated, found.provenance.longest) == (1, 12)
