"""Every model's scores add up wherever the tokens are looked at: input, states, every depth between."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from spacetune import (
    Encoder,
    LinearProbe,
    PrefixSimplexClassifier,
    SpaceClassifier,
    SpaceRegressor,
)
from spacetune.errors import UnsupportedByFamily, UsageError
from spacetune.estimators import LinearProbeRegressor, explaining
from spacetune.explanations import MEANINGS, REST, Explanation
from spacetune.reports.page import asset

TEXTS = ["my card was charged twice", "where is my order?", "a fine day, thank you", "the parcel never came"] * 6
LABELS = ["bill", "order", "thanks", "order"] * 6
ASKED = [*TEXTS[:4], "", "nobody answers " * 40]
PAIRS = [(a, b) for a, b in zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True)]
QUICK: dict[str, Any] = {"store": None, "n_epochs": 2}
MODELS: dict[str, tuple[Any, Any, Any]] = {
    "space": (lambda e: SpaceClassifier(encoder=e, lexicon=True, **QUICK), TEXTS, LABELS),
    "simplex": (lambda e: SpaceClassifier(encoder=e, n_vertices=3, **QUICK), TEXTS, LABELS),
    "labels": (lambda e: SpaceClassifier(encoder=e, **QUICK), TEXTS, [["x"], ["x", "y"], [], ["y"]] * 6),
    "number": (lambda e: SpaceRegressor(encoder=e, **QUICK), TEXTS, [1.0, 2.0, 3.0, 4.0] * 6),
    "probe": (lambda e: LinearProbe(encoder=e, store=None), TEXTS, LABELS),
    "many classes": (lambda e: LinearProbe(encoder=e, store=None), TEXTS, [f"c{i % 12}" for i in range(24)]),
    "top": (lambda e: SpaceClassifier(encoder=e, inside="top", **QUICK), TEXTS, LABELS),
    "lora": (lambda e: SpaceClassifier(encoder=e, inside="lora", **QUICK), TEXTS, LABELS),
    "prefix": (lambda e: SpaceClassifier(encoder=e, inside="prefix", **QUICK), TEXTS, LABELS),
    "prefix simplex": (lambda e: PrefixSimplexClassifier(encoder=e, n_epochs=1), TEXTS, LABELS),
    "pairs apart": (lambda e: LinearProbe(encoder=e, store=None), PAIRS, LABELS),
    "pairs together": (lambda e: LinearProbe(encoder=e, pairs="together", store=None), PAIRS, LABELS),
    "similarity": (lambda e: LinearProbeRegressor(encoder=e, store=None), PAIRS, [1.0, 2.0, 3.0, 4.0] * 6),
}


def fitted(name: str, encoder: Encoder) -> Any:
    make, texts, labels = MODELS[name]
    return make(encoder).fit(texts, labels, progress=False)


@pytest.mark.parametrize("name", MODELS)
def test_scores_add_up_in_every_view(name: str, tiny_encoder: Encoder) -> None:
    model = fitted(name, tiny_encoder)
    asked = [*PAIRS[:3], ("", "only the second"), ("nobody answers " * 40, "")] if "pairs" in name else ASKED
    asked = PAIRS[:3] if name == "similarity" else asked
    explanation = model.explain(asked)
    assert explanation.check() < 1e-5
    np.testing.assert_allclose([one.logits for one in explanation], model.predict_logits(asked), atol=1e-4)
    for one in explanation:
        assert one.at == "both"
        assert list(one.views) == ["input", "states", "both"]
        assert np.abs(one.views["input"] - one.views["states"]).max() > 1e-6
        expected = {"words", "places", "biases"} | ({"lexicon"} if model.lexicon_ is not None else set())
        assert set(one.sources) == expected | ({"prefix"} if "prefix" in name else set())
        for view in one.views:
            assert one.seen(view).at == view
            assert np.array_equal(one.seen(view).token_scores, one.views[view])
    states = model.explain(asked, at="states")
    for one, other in zip(explanation, states, strict=True):
        assert not other.views
        np.testing.assert_allclose(one.views["states"], other.token_scores, atol=1e-5)
        with pytest.raises(UsageError, match="made at the states alone: explain again with at='input'"):
            other.seen("input")


def test_many_classes_are_carried_back_a_few_at_a_time(tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted("many classes", tiny_encoder)
    few = model.explain(ASKED)
    monkeypatch.setattr(explaining, "OUTPUTS", 100)
    for one, other in zip(few, model.explain(ASKED), strict=True):
        np.testing.assert_allclose(one.token_scores, other.token_scores, atol=1e-6)


@pytest.mark.parametrize("view", ["input", "states", "both"])
def test_one_wrong_score_is_found_in_any_view(view: str, tiny_encoder: Encoder) -> None:
    one = fitted("probe", tiny_encoder).explain(TEXTS[:1])[0]
    spoilt = {name: scores + (name == view) * np.eye(len(scores), 3) * 0.5 for name, scores in one.views.items()}
    assert one.check() < 1e-5
    assert dataclasses.replace(one, views=spoilt).check() == pytest.approx(0.5, abs=1e-4)
    sources = {**one.sources, "places": one.sources["places"] + 0.25 / len(one.tokens)}
    assert dataclasses.replace(one, sources=sources).check() == pytest.approx(0.25, abs=1e-4)


def test_a_question_is_answered_along_the_classes(tiny_encoder: Encoder) -> None:
    one = fitted("probe", tiny_encoder).explain(TEXTS[:1])[0]
    y, rows = one.column(one.predicted), one.word_scores()[1]
    other = next(name for name in one.classes if name != one.predicted)
    against = one.direction(against=other)
    assert against[y] == 1
    assert against[one.classes.index(other)] == -1
    assert against.sum() == 0
    rest = one.direction(against="rest")
    assert rest.sum() == pytest.approx(0)
    shares = -np.delete(rest, y)
    odds = one.logits[y] - np.log(np.exp(np.delete(one.logits, y)).sum())
    entropy = -(shares * np.log(shares)).sum()
    assert one.logits @ rest - entropy == pytest.approx(odds)
    told = [word["score"] for word in one.words(against="rest")]
    assert told == pytest.approx((rows @ rest).tolist())
    np.testing.assert_array_equal(one.direction(against=REST), rest)
    np.testing.assert_array_equal(one.own, rest)
    for asked in ({"predicted": "nobody"}, {"against": "nobody"}):
        with pytest.raises(UsageError, match="there is no class 'nobody': it must be one of"):
            one.direction(**asked)
    with pytest.raises(UsageError, match="cannot be held against itself"):
        one.direction(against=one.predicted)


def test_a_class_may_be_called_rest(tiny_encoder: Encoder) -> None:
    model = LinearProbe(tiny_encoder, store=None).fit(TEXTS, ["rest" if y == LABELS[0] else y for y in LABELS])
    one = dataclasses.replace(model.explain(TEXTS[:1])[0], predicted="rest")
    y = one.classes.index("rest")
    assert one.own[y] == 1
    assert (np.delete(one.own, y) < 0).all()
    with pytest.raises(UsageError, match="'rest' cannot be held against itself"):
        one.direction(against="rest")
    other = next(name for name in one.classes if name != "rest")
    assert sorted(one.direction(other, against="rest").tolist()) == sorted([1, -1, *[0] * (len(one.classes) - 2)])


def test_labels_that_hold_together_have_no_rest(tiny_encoder: Encoder) -> None:
    labels = [[y] for y in LABELS]
    one = LinearProbe(tiny_encoder, store=None).fit(TEXTS, labels).explain(TEXTS[:1])[0]
    assert one.independent
    with pytest.raises(UsageError, match="have no rest"):
        one.direction(against=REST)
    column = one.column(one.predicted)
    assert one.own.tolist() == np.eye(len(one.classes))[column].tolist()
    assert [w["score"] for w in one.own_words()] == pytest.approx(one.word_scores()[1][:-1, column].tolist())


def test_there_is_no_other_place(tiny_encoder: Encoder) -> None:
    model = fitted("probe", tiny_encoder)
    with pytest.raises(UsageError, match="at must be 'input', 'states' or 'both', got 'words'"):
        model.explain(TEXTS[:1], at="words")
    pooled = PrefixSimplexClassifier(encoder=tiny_encoder, n_epochs=1, pooling="pooler").fit(
        TEXTS, LABELS, progress=False
    )
    assert pooled.explain(TEXTS[:1])[0].at == "states"
    with pytest.raises(UsageError, match="pooler reads no tokens' states to carry back: take at='states'"):
        pooled.explain(TEXTS[:1], at="input")


def test_an_encoder_that_is_no_known_sum_is_read_at_its_states(
    tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted("probe", tiny_encoder)
    monkeypatch.setattr(tiny_encoder.loaded.weights.config, "model_type", "roformer")
    assert model.explain(TEXTS[:1])[0].at == "states"
    with pytest.raises(UnsupportedByFamily, match=r'input of roformer encoders.* take at="states"'):
        model.explain(TEXTS[:1], at="input")


def test_the_page_says_what_python_says() -> None:
    script = asset("explanation.js")
    for at, meaning in MEANINGS.items():
        assert f'{at}: "{meaning}"' in script


def test_views_and_sources_are_told(tiny_encoder: Encoder) -> None:
    explanation = fitted("space", tiny_encoder).explain(TEXTS[:2])
    told = explanation.to_dict()["texts"][0]
    assert told["at"] == "both"
    assert told["word_scores"] == told["views"]["both"]
    assert np.sum(told["views"]["input"], axis=0) == pytest.approx(np.sum(list(told["sources"].values()), axis=0))
    seen = explanation.seen("input")
    assert isinstance(seen, Explanation)
    assert [one.at for one in seen] == ["input"] * 2


def test_a_number_says_what_its_scores_count(tiny_encoder: Encoder) -> None:
    one = fitted("similarity", tiny_encoder).explain(PAIRS[:1])[0]
    assert one.unit is not None
    assert one.unit.zero + one.unit.size * one.logits[0] == pytest.approx(one.predicted)
    told = one.to_dict()["unit"]
    assert (told["size"], told["zero"]) == (pytest.approx(1.118034), pytest.approx(2.5))
    assert told["name"] == "in standard deviations (1.118) from the mean learnt (2.5)"
    assert fitted("space", tiny_encoder).explain(TEXTS[:1])[0].unit is None
