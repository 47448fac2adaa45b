"""The strongest pairs of words are those of the whole grid."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from spacetune import Encoder, LinearProbe, render
from spacetune.explanations import meetings
from spacetune.explanations.words import group_words
from spacetune.reports.terminal import draw_explanation
from spacetune.studies import demo_texts

TEXTS = demo_texts("train").texts[:30]
PAIRS: list[Any] = [*zip(TEXTS, TEXTS, strict=True), *zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True)]
LABELS = ["same"] * 30 + ["other"] * 30
PAIR = ("The reddish fish, unbelievably, swam.", "A fish swam away; nobody believed it!")


@pytest.fixture(scope="module")
def model(tiny_encoder: Encoder) -> LinearProbe:
    return LinearProbe(tiny_encoder, pairs="apart", store=None).fit(PAIRS, LABELS)


def grid_by_hand(model: LinearProbe, column: int) -> dict[tuple[int, int], float]:
    """Return the score of every pair of words by where they start, special tokens at -1."""
    head: Any = model.head_
    features = model.features([PAIR]).take(torch.tensor([0]))
    scores = head.meeting_scores(features)[:, :, column].numpy()
    encoder = model.encoder_
    starts: list[list[int]] = []
    for text in PAIR:
        seen = encoder.spans(text)
        words, word_of = group_words(text, np.where(seen.parts[:, None] < 0, -1, seen.spans))
        starts.append([words[w][0] if w >= 0 else -1 for w in word_of])
    sums: dict[tuple[int, int], float] = {}
    for i, a in enumerate(starts[0]):
        for j, b in enumerate(starts[1]):
            sums[a, b] = sums.get((a, b), 0.0) + float(scores[i, j])
    return sums


@pytest.mark.parametrize("rows", [2, 256])
def test_they_are_the_strongest_of_all(model: LinearProbe, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meetings, "ROWS", rows)
    one = model.explain([PAIR], at="states")[0]
    expected = grid_by_hand(model, one.column(one.predicted))
    found = {(m["first_start"], m["second_start"]): m["score"] for m in one.meetings}
    assert len(found) == len(one.meetings) == meetings.SHOWN
    for place, score in found.items():
        assert score == pytest.approx(expected[place], abs=1e-9)
    left = [abs(score) for place, score in expected.items() if place not in found]
    assert max(left) <= min(map(abs, found.values())) + 1e-12
    sizes = [abs(m["score"]) for m in one.meetings]
    assert sizes == sorted(sizes, reverse=True)


def test_words_are_named_as_they_stand_in_their_texts(model: LinearProbe) -> None:
    for m in model.explain([PAIR])[0].meetings:
        for side, text in zip(("first", "second"), PAIR, strict=True):
            if m[f"{side}_start"] >= 0:
                assert text[m[f"{side}_start"] : m[f"{side}_stop"]] == m[side]
            else:
                assert m[side] == "[special]"


def test_long_texts_and_empty_ones(model: LinearProbe) -> None:
    explained = model.explain([("word " * 700, "other words " * 400), ("", "")])
    assert len(explained[0].meetings) == meetings.SHOWN
    assert [m["first"] for m in explained[1].meetings] == ["[special]"]


def test_they_are_shown(model: LinearProbe, tmp_path: Any) -> None:
    explained = model.explain([PAIR])
    strongest = explained[0].meetings[0]
    screen = Console(file=io.StringIO(), width=200)
    draw_explanation(screen, explained)
    assert f"words that met: {strongest['first']} ~ {strongest['second']}" in screen.file.getvalue()  # type: ignore[attr-defined]
    render(explained, tmp_path / "why.html")
    assert "Words that met most strongly" in (tmp_path / "why.html").read_text()
    assert explained[0].to_dict()["meetings"][0] == strongest


def test_single_texts_have_none(tiny_encoder: Encoder) -> None:
    plain = LinearProbe(tiny_encoder, store=None).fit(TEXTS, [str(len(text) % 2) for text in TEXTS])
    assert plain.explain(TEXTS[:2])[0].meetings == ()
