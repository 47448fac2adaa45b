"""`measure` of a file, block by block: the values of all texts at once, whatever a block holds."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from spacetune import Encoder, measure
from spacetune.data import TextBlocks
from spacetune.errors import DataError, UsageError
from spacetune.geometry import SampleSizeWarning
from spacetune.studies import MeasureTable, demo_texts

TEXTS = demo_texts("train").texts[:120]
MEASURES = ("eee", "isoscore", "average_cosine", "uniformity", "prompt_entropy", "pq_re", "pq_pp")


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        yield


def blocks(size: int, texts: list[Any] = TEXTS, **how: Any) -> TextBlocks:
    return TextBlocks({"text": texts}, size=size, **how)


def same(table: MeasureTable, whole: MeasureTable, rel: float) -> None:
    assert (table.n_texts, table.n_tokens, table.n_sample) == (whole.n_texts, whole.n_tokens, whole.n_sample)
    assert (table.layers, table.measures, table.notes) == (whole.layers, whole.measures, whole.notes)
    for entry, expected in zip(table.values, whole.values, strict=True):
        assert entry.n == expected.n
        for value, other in ((entry.value, expected.value), (entry.low, expected.low), (entry.high, expected.high)):
            assert value == (None if other is None else pytest.approx(other, rel=rel, abs=rel)), entry.measure


@pytest.mark.parametrize(("size", "intervals"), [(50, False), pytest.param(17, True, marks=pytest.mark.slow)])
def test_blocks_give_what_all_texts_give_at_once(shallow: Encoder, size: int, intervals: bool) -> None:
    how: dict[str, Any] = {"layers": [0, 1], "measures": MEASURES, "sample": 600, "intervals": intervals}
    whole = measure(shallow, TEXTS, store=None, **how)
    assert any("all tokens, in the cells of" in note for note in whole.notes)
    same(measure(shallow, blocks(size), **how), whole, 1e-3)  # a quantizer's cell may fall otherwise


def test_one_block_is_read_through_the_store_and_rows_without_a_text_are_left_out(shallow: Encoder) -> None:
    given = [*TEXTS[:20], None, *TEXTS[20:40]]
    whole = measure(shallow, TEXTS[:40], layers=1, measures=["eee", "uniformity"])
    for size in (100, 12):
        same(
            measure(shallow, blocks(size, given, on_error="keep"), layers=1, measures=["eee", "uniformity"]),
            whole,
            1e-5,
        )
    nothing = [None] * 30
    with pytest.raises(DataError, match="no texts"):
        measure(shallow, blocks(100, nothing, on_error="keep"))
    with pytest.raises(DataError, match="at least 2 tokens, got 0"):
        measure(shallow, blocks(10, nothing, on_error="keep"), layers=1)


def test_texts_that_were_cut_are_counted_over_blocks(tiny_encoder: Encoder) -> None:
    short = Encoder.from_pretrained(tiny_encoder.source.folder, max_length=4)
    table = measure(short, blocks(5, ["a", "far longer than it may be"] * 8), layers=1, measures=["eee"])
    assert [note for note in table.notes if "cut" in note] == ["8 of 16 texts were cut at 4 tokens"]


def test_who_works_is_checked_first(shallow: Encoder) -> None:
    with pytest.raises(UsageError, match="engine must be 'local', 'ray'"):
        measure(shallow, TEXTS, engine="spark")
    with pytest.raises(UsageError, match="workers are processes of Ray"):
        measure(shallow, blocks(10), workers=2)
    with pytest.raises(UsageError, match="read texts of files: pass TextBlocks"):
        measure(shallow, TEXTS, engine="ray")
