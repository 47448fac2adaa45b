"""Explanations held to the model, turned into other answers, and summed up."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, LinearProbe, SpaceClassifier, SpaceRegressor
from spacetune.data import LabelledTexts
from spacetune.errors import DataError, UsageError
from spacetune.fitting import MultiLabel, SingleLabel
from spacetune.studies import check_explanations, find_counterfactual, summarise, word_reach
from spacetune.studies.explain.counterfactual import _Search
from spacetune.studies.explain.erasing import alone, ranked, without
from spacetune.studies.fit.matching import as_named

GOOD = ["a wonderful day", "what a wonderful meal", "wonderful service today", "the room was wonderful"]
BAD = ["an awful day", "what an awful meal", "awful service today", "the room was awful"]


@pytest.fixture(scope="module")
def model(tiny_encoder: Encoder) -> LinearProbe:
    texts = (GOOD + BAD) * 6
    return LinearProbe(encoder=tiny_encoder, store=None).fit(texts, (["good"] * 4 + ["bad"] * 4) * 6, progress=False)


def test_words_are_taken_out_of_texts_and_pairs() -> None:
    words = [{"part": 0, "start": 2, "stop": 6}, {"part": 1, "start": 0, "stop": 3}]
    assert without(("a very day", "not so"), words) == ("a day", "so")
    assert alone(("a very day", "not so"), words) == ("very", "not")
    assert without("  as it  is ", []) == "  as it  is "


def test_strongest_words_carry_the_prediction_more_than_random_ones(model: LinearProbe) -> None:
    texts = [f"{text} and then we all went home" for text in GOOD + BAD]
    found = check_explanations(model, texts, top=1)
    strongest, random, apart = found.rows()
    assert (found.n_texts, found.top, found.at) == (8, 1, "both")
    assert [row["words"] for row in found.rows()] == ["strongest", "random", "strongest less random"]
    assert strongest["comprehensiveness"] > random["comprehensiveness"] + 0.1
    assert strongest["sufficiency"] < random["sufficiency"]
    assert apart["comprehensiveness"] == pytest.approx(strongest["comprehensiveness"] - random["comprehensiveness"])
    assert apart["comprehensiveness_low"] <= apart["comprehensiveness"] <= apart["comprehensiveness_high"]


def test_the_falls_are_those_of_texts_read_anew(model: LinearProbe) -> None:
    text = "what an awful meal"
    found = check_explanations(model, [text, "word"], top=2)
    assert found.n_texts == 1
    one = model.explain([text])[0]
    strongest, column = ranked(one)[:2], one.column(one.predicted)
    before, after, kept = model.predict_proba([text, without(text, strongest), alone(text, strongest)])[:, column]
    row = found.rows()[0]
    assert row["comprehensiveness"] == pytest.approx(before - after, abs=1e-6)
    assert row["sufficiency"] == pytest.approx(before - kept, abs=1e-6)


def test_numbers_are_checked_by_how_far_they_move(tiny_encoder: Encoder) -> None:
    model = SpaceRegressor(encoder=tiny_encoder, store=None, n_epochs=2)
    model.fit((GOOD + BAD) * 4, [5.0] * 4 + [1.0] * 4 + ([5.0] * 4 + [1.0] * 4) * 3, progress=False)
    for row in check_explanations(model, GOOD + BAD).rows()[:2]:
        assert row["comprehensiveness"] >= 0
    with pytest.raises(UsageError, match="a number has no other class"):
        find_counterfactual(model, GOOD[0])


def test_what_cannot_be_checked(model: LinearProbe) -> None:
    with pytest.raises(DataError, match="no text of two words or more"):
        check_explanations(model, ["word", ""])
    with pytest.raises(UsageError, match="top and n_texts must be at least 1, got 0 and 200"):
        check_explanations(model, GOOD, top=0)


@pytest.mark.parametrize(
    "text", ["what a wonderful meal, not awful", GOOD[0], BAD[2], "awful awful awful day, wonderful"]
)
def test_a_counterfactual_is_what_the_model_says(model: LinearProbe, text: str) -> None:
    found = find_counterfactual(model, text)
    assert found.before == model.predict([text])[0]
    if not found.found:
        assert found.left == text
        return
    assert found.left == without(text, found.removed)
    assert found.after == model.predict([found.left])[0] != found.before
    column = model.classes_.tolist().index(found.before)
    assert found.answer_after == pytest.approx(model.predict_proba([found.left])[0, column], abs=1e-6)
    words = [word for word in model.explain([text])[0].words() if word["part"] == 0]
    if len(found.removed) > 1:  # no single word would have done
        singles = model.predict([without(text, [word]) for word in words])
        assert (singles == found.before).all()
    for word in found.removed:
        fewer = [each for each in found.removed if each is not word]
        assert model.predict([without(text, fewer)])[0] == found.before


def test_more_words_go_where_two_are_too_few(model: LinearProbe) -> None:
    """A model that says good as long as two of five words are there: four must go, and no fifth."""
    text = "one two three four five six seven"
    held = {"one", "two", "three", "four", "five"}

    class Counting:
        classes_ = np.array(["bad", "good"])

        def explain(self, texts: Any, at: Any = None) -> Any:
            (one,) = model.explain(texts, at=at)
            return [dataclasses.replace(one, predicted="good")]

        def read(self, texts: list[str], progress: Any = None) -> Any:
            good = [[0.0, 1.0] if len(held & set(each.split())) >= 2 else [1.0, 0.0] for each in texts]
            return type("Read", (), {"logits": np.array(good)})

        def predict_proba(self, texts: list[str]) -> Any:
            return self.read(texts).logits

        def outcome(self, logits: Any) -> dict[str, Any]:
            return {"predicted": self.classes_[logits[0].argmax()], "probabilities": logits[0]}

    find = find_counterfactual.__wrapped__  # type: ignore[attr-defined]
    found = find(Counting(), text)
    assert found.found
    assert len(found.removed) == 4
    assert {word["word"] for word in found.removed} < held
    assert find(Counting(), text, most=3).found is False


def test_words_are_summed_up_by_class(model: LinearProbe) -> None:
    explanation = model.explain([*GOOD, *BAD])
    found = summarise(explanation, ["good"] * 3 + ["bad"] * 5)
    assert found.n_texts == {"bad": 4, "good": 4}
    strongest = {row["class"]: row for row in reversed(found.rows()) if row["kind"] == "word"}
    assert strongest["good"]["words"] == "wonderful"
    assert strongest["bad"]["words"] == "awful"
    own = [
        word["score"] for one in explanation[:4] for word in one.words(against="rest") if word["word"] == "wonderful"
    ]
    row = strongest["good"]
    assert (row["texts"], row["wrong"]) == (4, 1)
    assert row["sum"] == pytest.approx(sum(own))
    assert row["mean"] == pytest.approx(np.mean(own))
    assert row["mean_wrong"] == pytest.approx(own[3])
    assert "wonderful" in row["example"]
    assert any(row["kind"] == "neighbours" for row in found.rows())
    assert "wrong" not in summarise(explanation).rows()[0]
    with pytest.raises(DataError, match="2 labels were given for 8 texts"):
        summarise(explanation, ["good", "bad"])


def test_labels_are_judged_as_the_model_writes_them(model: LinearProbe, tiny_encoder: Encoder) -> None:
    found = summarise(model.explain([*GOOD, *BAD]), ["good", None, None, "bad", *["bad"] * 4])
    strongest = next(row for row in found.rows() if row["words"] == "wonderful")
    assert strongest["wrong"] == 1
    years = LinearProbe(encoder=tiny_encoder, store=None).fit((GOOD + BAD) * 3, ([2024] * 4 + [2023] * 4) * 3)
    found = summarise(years.explain([*GOOD, *BAD]), [*["2024"] * 4, *["2023"] * 4])
    assert {row["wrong"] for row in found.rows()} == {0}
    several = LinearProbe(encoder=tiny_encoder, store=None).fit((GOOD + BAD) * 3, ([["x", "y"]] * 4 + [[]] * 4) * 3)
    explained = several.explain([*GOOD, *BAD])
    found = summarise(explained, [list(reversed(one.predicted)) for one in explained])  # type: ignore[arg-type]
    assert {row["wrong"] for row in found.rows()} == {0}
    with pytest.raises(DataError, match="--label-separator"):
        summarise(explained, ["x,y"] * 8)


def test_each_of_several_labels_has_its_own_words(tiny_encoder: Encoder) -> None:
    kinds = {"g": GOOD, "b": BAD}
    texts = [text for own in kinds.values() for text in own]
    labels = [[kind, "any"] if i else [kind] for kind, own in kinds.items() for i, _ in enumerate(own)]
    several = LinearProbe(encoder=tiny_encoder, store=None).fit(texts * 3, labels * 3)
    explanation = several.explain([*texts, "x"])
    said = [one.predicted for one in explanation]
    found = summarise(explanation, [["b"], *labels[1:], []])
    assert found.independent
    assert found.n_texts == {
        name: sum(name in own for own in said) for name in sorted({n for own in said for n in own})
    }
    assert found.n_without == sum(not own for own in said)
    assert {row["class"] for row in found.rows()} == set(found.n_texts)
    first = next(one for one in explanation if "g" in one.predicted)
    word = first.own_words("g")[0]["word"].casefold()
    own = [
        w["score"]
        for one in explanation
        if "g" in one.predicted
        for w in one.words("g")
        if w["word"].casefold() == word
    ]
    assert next(r for r in found.rows() if (r["class"], r["words"]) == ("g", word))["sum"] == pytest.approx(sum(own))
    assert "for the label alone" in str(found)


def test_labels_are_told_as_a_task_names_its_predictions() -> None:
    single, several = SingleLabel(["bad", 1]), MultiLabel(["rude", "loud"])
    by_place = MultiLabel([0, 1], indicator=True)
    for task, given, told in (
        (single, ["bad", None, "1", "new"], ["bad", None, 1, "new"]),
        (several, [["loud"], None, []], [["loud"], None, []]),
        (by_place, [[1, 0], None, [1, 1]], [[0], None, [0, 1]]),
        (single, [None, ""], None),
    ):
        assert as_named(task, LabelledTexts(["a"] * len(given), given)) == told
    assert as_named(several, LabelledTexts(["a"])) is None
    with pytest.raises(DataError, match="--label"):
        as_named(several, LabelledTexts(["a"], ["rude"]))


def test_numbers_are_neither_right_nor_wrong(tiny_encoder: Encoder) -> None:
    model = SpaceRegressor(encoder=tiny_encoder, store=None, n_epochs=2)
    model.fit((GOOD + BAD) * 4, [5.0, 1.0] * 16, progress=False)
    assert "wrong" not in summarise(model.explain([*GOOD, *BAD]), [5.0] * 8).rows()[0]


def test_a_text_of_too_many_words_is_not_carried_back_word_by_word(model: LinearProbe) -> None:
    with pytest.raises(UsageError, match="300 words at most, got 301"):
        word_reach(model, ("a " * 300, "b"))


@pytest.mark.parametrize("text", [GOOD[0], "What an awful, AWFUL meal!", "", "word"])
def test_rows_of_reach_are_scores_at_the_states_and_columns_those_at_the_input(model: LinearProbe, text: Any) -> None:
    one = model.explain([text])[0]
    for name in (None, "good", "bad"):
        found = word_reach(model, text, name)
        assert found.name == (name or one.predicted)
        for axis, view in ((1, "states"), (0, "input")):
            expected = [word["score"] for word in one.seen(view).words(found.name)]  # type: ignore[arg-type]
            np.testing.assert_allclose(found.scores.sum(axis), expected, atol=1e-5)
    assert list(found.words) == [word["word"] for word in one.words()]
    assert len(found.rows()) == len(found.words)


@pytest.mark.parametrize("kind", ["space", "pairs", "prefix", "top"])
def test_words_reach_states_in_every_kind_of_model(kind: str, tiny_encoder: Encoder) -> None:
    quick: Any = {"encoder": tiny_encoder, "store": None}
    texts: Any = (GOOD + BAD) * 3 if kind != "pairs" else list(zip(GOOD * 6, (BAD + GOOD) * 3, strict=True))
    made: Any = LinearProbe(**quick)
    if kind != "pairs":
        inside = kind if kind != "space" else None
        made = SpaceClassifier(**quick, n_epochs=1, inside=inside)
    model = made.fit(texts, (["good"] * 4 + ["bad"] * 4) * 3, progress=False)
    one, found = model.explain(texts[:1])[0], word_reach(model, texts[0])
    for axis, view in ((1, "states"), (0, "input")):
        expected = np.array([word["score"] for word in one.seen(view).words()])
        left = found.scores.sum(axis) - expected
        if kind != "prefix":  # what the prefix brought is a part of the states that no word sums to at the input
            np.testing.assert_allclose(left, 0, atol=1e-5)
    assert found.scores.sum() + one.bias[one.column(one.predicted)] == pytest.approx(
        one.logits[one.column(one.predicted)], abs=1e-5
    )


def test_long_texts_are_carried_back_a_few_words_at_a_time(model: LinearProbe, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "what an awful meal and such wonderful service today"
    whole = word_reach(model, text)
    monkeypatch.setattr("spacetune.studies.explain.reach.NUMBERS", 1)
    np.testing.assert_allclose(word_reach(model, text).scores, whole.scores, atol=1e-6)


def test_of_a_counterfactual_no_word_is_spare(model: LinearProbe) -> None:
    search = _Search(model, model.explain(["a b c d"])[0])
    changing = {"", "c", "ac", "acd"}  # by what is left: d can be put back once a has been

    def ask(texts: list[Any]) -> list[tuple[Any, float]]:
        return [("other" if "".join(text.split()) in changing else "good", 0.0) for text in texts]

    search.ask = ask  # type: ignore[method-assign]
    search.predicted = "good"
    words = [{"part": 0, "start": 2 * i, "stop": 2 * i + 1} for i in range(4)]
    assert search.greedy(words) == [words[1]]


def test_what_cannot_be_summed_up_is_refused(model: LinearProbe) -> None:
    explanation = model.explain(GOOD)
    for given, more in (([], {}), (explanation[0], {}), (explanation, {"top": -1})):
        with pytest.raises(UsageError, match="at least"):
            summarise(given, **more)  # type: ignore[arg-type]
