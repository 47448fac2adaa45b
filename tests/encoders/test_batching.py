"""A text's features are its own: not of its neighbours, its place or its repetitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from spacetune import Encoder, SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.encoders.batching import runs_of, token_batches
from spacetune.encoders.passes import frozen
from spacetune.errors import DataError
from spacetune.studies.demo_data import demo_texts

from .conftest import SINGLES, Made, random_model, word_pieces
from .test_families import rows

FAMILIES = ["bert", "roberta", "mpnet", "albert", "gpt2", "deberta-v2", "modernbert", "xlnet", "fnet", "convbert"]
TEXTS = st.lists(st.text(max_size=40), min_size=1, max_size=12)


class _Products(TorchDispatchMode):
    """Counts the numbers that matrix products give, whichever kernel computes them."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if any(kernel in func.__name__ for kernel in ("linear", "addmm", "mm.")) and "reorder" not in func.__name__:
            self.total += out.numel()
        return out


def products(encoder: Encoder, texts: list[Any], layers: Any = -1) -> int:
    with _Products() as counter:
        encoder.encode(texts, layers=layers)
    return counter.total


def assert_each_alone(encoder: Encoder, texts: list[Any]) -> None:
    together = encoder.encode(texts, layers="all")
    assert len(together) == len(texts)
    for i, text in enumerate(texts):
        alone = encoder.encode([text], layers="all")
        torch.testing.assert_close(rows(together, i), alone.values, atol=1e-5, rtol=1e-5)
        assert together.token_ids is not None
        assert alone.token_ids is not None
        assert together.token_ids[together.offsets[i] : together.offsets[i + 1]].equal(alone.token_ids)


@pytest.mark.parametrize("family", FAMILIES)
def test_features_do_not_depend_on_the_batch(made: Made, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32")
    assert_each_alone(encoder, [*SINGLES, *reversed(SINGLES), "b" * 30])


def test_pairs_do_not_depend_on_the_batch(tiny: Encoder) -> None:
    assert_each_alone(tiny, [("a", "b c"), ("a long first text " * 9, "b"), ("", ""), ("a", "b c"), ("c", "")])


@given(texts=TEXTS)
@settings(max_examples=25, deadline=None)
def test_random_batches_on_the_tiny_encoder(tiny: Encoder, texts: list[str]) -> None:
    assert_each_alone(tiny, texts)


@given(texts=TEXTS)
@settings(max_examples=8, deadline=None)
def test_random_batches_on_the_default_encoder(encoder: Encoder, texts: list[str]) -> None:
    together = encoder.encode(texts)
    for i, text in enumerate(texts):
        torch.testing.assert_close(rows(together, i), encoder.encode([text]).values, atol=1e-5, rtol=1e-5)


def test_padding_other_texts_moves_no_mean_of_the_default_encoder(encoder: Encoder) -> None:
    texts = demo_texts("test").texts[:12]
    beside_long = encoder.encode([*texts, "a very long neighbour " * 60]).means()[:12]
    alone = torch.cat([encoder.encode([text]).means() for text in texts])
    assert (beside_long - alone).abs().max() <= 1e-5


@pytest.mark.parametrize("budget", [1, 7, 100_000])
def test_batch_size_and_windows_change_nothing(tiny: Encoder, monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    texts = [*SINGLES, *demo_texts("test").texts[:10]]
    usual = tiny.encode(texts, layers="all")
    monkeypatch.setattr(frozen, "TOKEN_BUDGET", budget)
    monkeypatch.setattr(frozen, "RUN_TEXTS", 3)
    cut = tiny.encode(texts, layers="all")
    assert cut.offsets.equal(usual.offsets)
    torch.testing.assert_close(cut.values, usual.values, atol=1e-5, rtol=1e-5)


def test_windows_come_in_order(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "RUN_TEXTS", 4)
    texts = demo_texts("test").texts[:10]
    parts = list(tiny.encode_runs(texts))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert TokenFeatures.concat(parts).token_ids.equal(tiny.encode(texts).token_ids)  # type: ignore[union-attr]


def test_counting_tokens_between_windows_does_not_lift_the_limit(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "RUN_TEXTS", 1)
    encoder = Encoder.from_pretrained(made("bert"), dtype="float32", max_length=5)
    for part in encoder.encode_runs(["long text " * 500] * 6):
        assert part.lengths.tolist() == [5]
        assert encoder.count_tokens(["long text " * 500])[0] > 1000


def test_equal_texts_are_computed_once(tiny: Encoder) -> None:
    texts = ["where is it?", "my card was charged twice"]
    repeated = [texts[0], texts[1], texts[0], texts[0], texts[1]]
    assert products(tiny, texts) > 0
    assert products(tiny, repeated) == products(tiny, texts)
    features = tiny.encode(repeated)
    for i, j in ((0, 2), (0, 3), (1, 4)):
        assert rows(features, i).equal(rows(features, j))
    assert not torch.equal(features.means()[0], features.means()[1])


def test_empty_text_is_its_special_tokens(tiny: Encoder) -> None:
    features = tiny.encode(["", "a"])
    assert features.lengths.tolist() == [2, 3]
    assert features.values.isfinite().all()


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_texts_without_any_token(tmp_path: Path, kind: str) -> None:
    tokenizer = word_pieces(segments=False, specials=False)
    random_model(kind, len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = Encoder.from_pretrained(tmp_path, dtype="float32")
    assert encoder.encode(["", " "]).lengths.tolist() == [0, 0]
    mixed = encoder.encode(["", "where is it?", " "], layers="all")
    alone = encoder.encode(["where is it?"], layers="all")
    torch.testing.assert_close(mixed.values, alone.values, atol=1e-5, rtol=1e-5)
    assert mixed.means()[0].abs().max() == 0


def test_nothing_to_encode_is_refused(tiny: Encoder) -> None:
    with pytest.raises(DataError, match="there are no texts to encode"):
        tiny.encode([])


def test_runs_in_eval_mode_without_gradients(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("bert", hidden_dropout_prob=0.5), dtype="float32")
    first, second = encoder.encode(SINGLES), encoder.encode(SINGLES)
    assert first.values.equal(second.values)
    assert not first.values.requires_grad


def test_clone_shares_the_encoder(tiny: Encoder) -> None:
    from sklearn.base import clone

    model = SpaceClassifier(tiny)
    assert model.encoder is tiny
    assert clone(model).encoder is tiny
    assert clone(clone(model)).get_params()["encoder"] is tiny


@given(lengths=st.lists(st.integers(0, 200), max_size=40), budget=st.integers(1, 400))
def test_token_batches_hold_every_text_once_within_about_the_budget(lengths: list[int], budget: int) -> None:
    sizes = np.asarray(lengths, dtype=np.int64)
    batches = [batch.tolist() for batch in token_batches(sizes, budget)]
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        in_order = [lengths[i] for i in batch]
        assert in_order == sorted(in_order)
        assert len(batch) == 1 or sum(in_order) <= budget + 64  # short texts are dealt out evenly, not exactly


@given(texts=TEXTS, characters=st.integers(1, 60), most=st.integers(1, 5))
def test_windows_are_consecutive_and_bounded(texts: list[str], characters: int, most: int) -> None:
    windows = list(runs_of(texts, characters, most))
    assert [text for window in windows for text in texts[window]] == texts
    assert all(len(texts[window]) <= most for window in windows)
    assert all(sum(map(len, texts[window][:-1])) < characters for window in windows)
