"""The data work around a classifier, held to values worked out by hand and to texts that were spoilt on purpose."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spacetune import Encoder, LabelledTexts, LinearProbe, render
from spacetune.errors import DataError, UsageError
from spacetune.estimators import load_estimator
from spacetune.studies import (
    choose_thresholds,
    compare_models,
    demo_texts,
    find_label_errors,
    find_near_duplicates,
    map_spaces,
    measure_drift,
    place_texts,
    predict_texts,
    read_thresholds,
    score_model,
    suggest_texts,
)
from spacetune.studies.data.confident_learning import confident_errors
from spacetune.studies.data.suggesting import choose_rows
from spacetune.studies.data.thresholds import cut_of

TRAIN, HELD = demo_texts("train").take(range(240)), demo_texts("test")


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> LinearProbe:
    return LinearProbe(shallow, C=1e-2, layers=-1, store=None).fit(TRAIN.texts, TRAIN.labels)


def test_confident_learning_by_hand() -> None:
    given = np.array([0, 0, 0, 1, 1, 2])
    table = np.array([
        [0.8, 0.1, 0.1],
        [0.6, 0.3, 0.1],
        [0.1, 0.8, 0.1],  # reaches class 1, and class 2 with its low threshold: the likelier counts
        [0.2, 0.6, 0.2],
        [0.7, 0.2, 0.1],  # likewise for class 0
        [0.5, 0.4, 0.1],  # reaches all three
    ])  # fmt: skip
    wrong, thresholds = confident_errors(given, table)
    assert thresholds.tolist() == pytest.approx([0.5, 0.4, 0.1])
    assert wrong.tolist() == [2, 5, 4], "the least likely label first; rows 2 and 5 are level at 0.1"


def test_a_label_counts_for_the_class_whose_threshold_it_reaches_and_never_against_the_likeliest() -> None:
    given, table = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.55, 0.45], [0.6, 0.4]])
    wrong, _ = confident_errors(given, table)  # row 1 reaches class 1 alone, and class 0 is still its likeliest
    assert wrong.tolist() == []


def test_labels_turned_round_on_purpose_are_found(shallow: Encoder) -> None:
    things = ("film", "play", "book", "song", "meal", "walk", "coat", "trip", "game", "talk", "shop", "room")
    texts = [f"{how} {thing}" for thing in things for how in ("such a lovely", "what an awful")]
    labels = ["good", "bad"] * 12
    spoilt = {0: "bad", 9: "good", 14: "bad"}
    data = LabelledTexts(texts, [spoilt.get(i, label) for i, label in enumerate(labels)])
    found = find_label_errors(data, shallow, n_folds=3)
    assert {each.row - 1: (each.label, each.text) for each in found.errors} == {
        i: (spoilt[i], texts[i]) for i in spoilt
    }
    for each in found.errors:
        assert each.suggested == labels[each.row - 1]
        assert each.confidence < found.thresholds[each.suggested] <= each.suggested_confidence + 1e-6


def test_sets_of_labels_lack_what_was_taken_out_and_hold_what_was_put_in(shallow: Encoder) -> None:
    things = ("film", "play", "book", "song", "meal", "walk", "coat", "trip", "game", "talk", "shop", "room")
    when = ("today", "at last, in the rain", "on Monday", "and so much rain")
    texts = [f"{how} {thing} {then}" for thing in things for how in ("such a lovely", "what an awful") for then in when]
    sets = [[*(["good"] if "lovely" in text else []), *(["wet"] if "rain" in text else [])] for text in texts]
    spoilt = {24: ["good", "wet"], 41: ["good"], 70: ["good"]}
    data = LabelledTexts(
        [*texts, f"{texts[0]} only"], [*(spoilt.get(i, each) for i, each in enumerate(sets)), ["good", "rare"]]
    )
    found = find_label_errors(data, shallow, n_folds=3)
    suggested = {each.row - 1: (each.label, each.suggested) for each in found.errors}
    assert {i: suggested.get(i) for i in spoilt} == {i: (spoilt[i], sets[i]) for i in spoilt}
    assert len(suggested) < 6  # of 97
    confidences = [each.confidence for each in found.errors]
    assert confidences == sorted(confidences)
    assert (found.kind, found.n_texts, list(found.thresholds)) == ("multi", 97, ["good", "wet"])
    assert found.notes == (
        "1 label is carried, or not carried, by fewer than 3 different texts and was not judged: 'rare'",
    )
    with pytest.raises(DataError, match="two labels, and one that at least 5 different texts carry and 5 do not"):
        find_label_errors(data.take(range(8)), shallow)


def test_labels_of_tiny_classes_are_not_judged_and_said_so(shallow: Encoder) -> None:
    texts = [*(f"good {i}" for i in range(9)), "odd", *(f"bad {i}" for i in range(9))]
    data = LabelledTexts(texts, [*"gggggggggobbbbbbbbb"])
    found = find_label_errors(data, shallow)
    assert (found.n_texts, list(found.thresholds)) == (18, ["b", "g"])
    assert found.notes == ("1 text was not judged: fewer than 5 different texts have the same label (row 10)",)
    with pytest.raises(DataError, match="in classes, one a text or several"):
        find_label_errors(LabelledTexts(["a", "b"], [0.5, 1.5]))
    with pytest.raises(DataError, match="two classes with at least 5 different texts each"):
        find_label_errors(data.take(range(10)))


def test_near_duplicates_name_both_rows_the_nearest_first(encoder: Encoder) -> None:
    train = LabelledTexts(["My coat never came.", "How do I change my password?"], ["parcel", "account"])
    texts = ["how do i change my password", "My coat  never came.", "Thanks!"]
    test = LabelledTexts(texts, ["parcel", "parcel", "other"])
    found = find_near_duplicates(test, train, encoder)
    assert [(each.row, each.other_row, each.exact) for each in found.found] == [(2, 1, True), (1, 2, False)]
    assert found.conflicts == 1
    numbers = [dataclasses.replace(found.found[0], label=a, other_label=b) for a, b in ((0, "0"), (0, "1"), (0, None))]
    assert dataclasses.replace(found, found=tuple(numbers)).conflicts == 1
    with pytest.raises(DataError, match="two sets of texts, or two of pairs"):
        find_near_duplicates(test, LabelledTexts(["a"], pairs=["b"]), encoder)
    with pytest.raises(UsageError, match="above 0 and at most 1, got 2"):
        find_near_duplicates(test, train, encoder, threshold=2)


def test_no_drift_between_halves_and_much_where_a_class_is_missing(model: LinearProbe) -> None:
    same = measure_drift(model, HELD.take(range(0, 120, 2)), HELD.take(range(1, 120, 2)))
    assert same.auc_low < 0.55
    assert [each for each in same.classes if each.p < 0.05] == []
    assert same.words == ()
    gone = (HELD.labels or [])[0]
    rest = HELD.take([i for i, label in enumerate(HELD.labels or []) if label != gone])
    said = model.predict(rest.texts).tolist()
    drift = measure_drift(model, rest, TRAIN)
    (change,) = (each for each in drift.classes if each.name == gone)
    assert change.now == pytest.approx(said.count(gone) / len(rest))
    assert change.low < change.now - change.before < change.high < 0
    assert drift.notes == ("train.jsonl: 240 of 240 texts repeat a training text (rows 1, 2, 3, 4, 5 and 235 more)",)


@pytest.mark.parametrize(
    ("asked", "level", "cut"),
    [("precision", 0.75, 0.55), ("precision", 0.81, 0.75), ("precision", 1.0, 0.75), ("cost", 0.5, 0.55),
     ("cost", 0.1, 0.75), ("keep", 0.5, 0.65), ("keep", 1.0, 0.5), ("keep", 0.01, 0.85)],
)  # fmt: skip
def test_cuts_by_hand(asked: str, level: float, cut: float) -> None:
    scores = np.array([0.5, 0.9, 0.7, 0.8, 0.7, 0.6])
    right = np.array([False, True, False, True, True, True])  # by score: T T (F T) T F; the two at 0.7 stay together
    assert cut_of(scores, right, asked, level) == pytest.approx(cut)


def test_nothing_is_kept_where_nothing_is_right_enough() -> None:
    assert cut_of(np.array([0.9, 0.8]), np.array([False, False]), "precision", 0.5) is None
    assert cut_of(np.array([0.9, 0.8]), np.array([False, False]), "cost", 0.5) is None
    assert cut_of(np.zeros(0), np.zeros(0, dtype=bool), "keep", 0.5) is None


def test_thresholds_do_on_their_texts_what_they_say_also_from_a_file(model: LinearProbe, tmp_path: Path) -> None:
    for settings in ({"precision": 0.95}, {"precision": 0.95, "by_class": True}, {"keep": 0.8}):
        found = choose_thresholds(model, HELD, **settings)
        again = read_thresholds(render(found, tmp_path / "thresholds.json"))
        assert again == found
        said = predict_texts(model, HELD, abstain=again)
        pairs = zip(said.predicted, HELD.labels or [], strict=True)
        kept = [(label, true) for label, true in pairs if label is not None]
        assert len(kept) == sum(each.kept for each in found.thresholds)
        assert sum(label == true for label, true in kept) == sum(each.right for each in found.thresholds)
    assert len(kept) >= 0.8 * len(HELD)
    unsure = said.predicted.index(None)
    assert (said.rows()[unsure]["predicted"], said.said[unsure]) == (None, "unsure")


def test_thresholds_are_of_one_fit(model: LinearProbe, tmp_path: Path) -> None:
    found = choose_thresholds(model, HELD, precision=0.95)
    model.save_pretrained(tmp_path / "m")
    loaded = load_estimator(tmp_path / "m", encoder=model.encoder_)
    assert predict_texts(loaded, HELD, abstain=found).said == predict_texts(model, HELD, abstain=found).said
    other = LinearProbe(model.encoder, C=10.0, layers=-1).fit(TRAIN.texts, TRAIN.labels)
    with pytest.raises(UsageError, match="were chosen with another model, or with an earlier fit of it"):
        predict_texts(other, HELD, abstain=found)
    assert predict_texts(other, HELD, abstain=dataclasses.replace(found, fit="")).said  # as from an older file


def test_thresholds_that_make_no_sense_are_refused(model: LinearProbe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give one of precision, cost and keep"):
        choose_thresholds(model, HELD, precision=0.9, cost=0.1)
    with pytest.raises(UsageError, match="abstain must be a probability between 0 and 1"):
        predict_texts(model, ["a"], abstain=2.0)
    two = LinearProbe(model.encoder, C=1.0, layers=-1).fit(["good", "bad"] * 9, ["g", "b"] * 9)
    with pytest.raises(UsageError, match="of other classes than the model's"):
        predict_texts(two, ["a"], abstain=choose_thresholds(model, HELD, cost=0.5, by_class=True))
    words: Any = "0.9"
    with pytest.raises(UsageError, match="give one of precision, cost and keep"):
        choose_thresholds(model, HELD, precision=words)
    with pytest.raises(UsageError, match="abstain must be a probability between 0 and 1"):
        predict_texts(model, ["a"], abstain=words)
    several = LinearProbe(model.encoder, C=1.0, layers=-1).fit(["good", "bad"] * 9, [["g"], ["g", "b"]] * 9)
    with pytest.raises(UsageError, match="only a model that gives one class per text"):
        predict_texts(several, ["a"], abstain=0.5)
    (tmp_path / "odd.json").write_text('{"thresholds": [{"predicted": null}]}')
    with pytest.raises(DataError, match="holds no thresholds"):
        read_thresholds(tmp_path / "odd.json")


@pytest.mark.slow
def test_two_models_are_compared_text_by_text(model: LinearProbe, shallow: Encoder) -> None:
    weak = LinearProbe(shallow, C=1e-2, layers=-1, store=None).fit(TRAIN.texts[:60], (TRAIN.labels or [])[:60])
    found = compare_models(model, weak, HELD, names=("all", "few"))
    labels, a, b = np.array(HELD.labels), model.predict(HELD.texts), weak.predict(HELD.texts)
    counts = found.mcnemar
    assert counts is not None
    right, other = a == labels, b == labels
    assert (counts.both, counts.neither) == (np.sum(right & other), np.sum(~right & ~other))
    assert [row["row"] - 1 for row in found.differing] == np.flatnonzero(a != b).tolist()
    assert found.difference["accuracy"] == pytest.approx((counts.only_first - counts.only_second) / len(HELD))
    low, high = found.intervals["accuracy"]
    assert low < found.difference["accuracy"] < high
    apart = score_model(model, HELD).intervals["accuracy"]
    assert found.scores[0] == score_model(model, HELD).scores
    assert high - low < 2 * (apart[1] - apart[0])
    same = compare_models(model, model, HELD)
    assert (same.differing, same.intervals["accuracy"], same.mcnemar and same.mcnemar.p) == ((), (0.0, 0.0), 1.0)


def test_pairs_are_suggested_in_their_two_columns(shallow: Encoder) -> None:
    pairs = [(f"question {i}", f"answer {i}") for i in range(12)]
    probe = LinearProbe(encoder=shallow, store=None).fit(pairs, [i % 2 for i in range(12)])
    fresh = LabelledTexts(["who, me?", "where?"], pairs=["yes", "there, on\nthe left"])
    rows = suggest_texts(probe, fresh, 2).rows()
    assert {(row["text"], row["text_pair"]) for row in rows} == set(fresh.inputs)


def test_a_sample_too_small_to_be_told_apart_is_refused(model: LinearProbe) -> None:
    with pytest.raises(UsageError, match="at least 5 texts a side, got 3"):
        measure_drift(model, TRAIN, TRAIN, sample=3)


def test_what_is_suggested_is_unsure_apart_and_not_labelled_yet(model: LinearProbe) -> None:
    data = LabelledTexts([*TRAIN.texts[:5], *HELD.texts, HELD.texts[0], " "])
    found = suggest_texts(model, data, 10)
    assert found.n_texts == 120
    assert found.notes == (
        "7 texts were passed over: empty, or the same as an earlier text or one that the model was trained on "
        "(rows 1, 2, 3, 4, 5 and 2 more)",
    )
    table = np.sort(model.predict_proba(HELD.texts), axis=1)
    least = np.argsort(table[:, -1] - table[:, -2], kind="stable")[:100]
    rows = [each.row - 6 for each in found.chosen]
    assert set(rows) <= set(least.tolist())
    assert [least.tolist().index(row) for row in rows] == sorted(least.tolist().index(row) for row in rows)
    with pytest.raises(DataError, match="no text that is not labelled yet"):
        suggest_texts(model, TRAIN)


def test_a_cluster_of_unsure_texts_is_asked_for_once() -> None:
    vectors = np.repeat(np.eye(3), (20, 20, 20), axis=0)
    table = np.column_stack([np.linspace(0.5, 0.6, 60), np.linspace(0.5, 0.4, 60)])
    chosen = choose_rows(vectors, table, 6, np.random.default_rng(0))
    assert chosen[[0, 1, 2, 3]].tolist() == [0, 1, 2, 3], "three clusters, filled up with the least sure"
    assert {0, 20, 40} <= set(chosen.tolist())


def test_models_of_other_things_are_not_compared(model: LinearProbe, shallow: Encoder) -> None:
    other: Any = LinearProbe(shallow, C=1.0, layers=-1).fit(["good", "bad"] * 9, ["g", "b"] * 9)
    with pytest.raises(DataError, match="two models that give the same are compared: first gives one class of"):
        compare_models(model, other, HELD)


def test_every_result_has_a_report_of_its_own(model: LinearProbe, encoder: Encoder, tmp_path: Path) -> None:
    found = {
        "Near duplicates": find_near_duplicates(HELD.take([0, 1]), HELD.take([1, 2]), encoder),
        "Thresholds": choose_thresholds(model, HELD, cost=0.3),
        "To label next": suggest_texts(model, HELD, 3),
        "Two models": compare_models(model, model, HELD.take(range(30))),
    }
    for title, each in found.items():
        assert render(each, tmp_path / "report.md").read_text().startswith(f"# {title}\n")


def test_thresholds_are_of_the_classes_they_were_chosen_for(model: LinearProbe, tmp_path: Path) -> None:
    found = choose_thresholds(model, HELD, precision=0.8)
    assert found.classes == tuple(model.classes_.tolist())
    other = LinearProbe(store=None).fit(["a", "b", "c"] * 6, ["x", "y", "z"] * 6)
    (tmp_path / "t.json").write_text(found.to_json())
    for each in (found, read_thresholds(tmp_path / "t.json")):
        with pytest.raises(UsageError, match="of other classes than the model's"):
            each.sure(other, other.predict_logits(["a"]))
        assert each.sure(model, model.predict_logits(HELD.texts)).shape == (len(HELD),)
    told = json.loads(found.to_json())
    del told["classes"]  # as they were written before
    (tmp_path / "old.json").write_text(json.dumps(told))
    assert read_thresholds(tmp_path / "old.json").classes == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": 5.0}, "each must be between 0 and 1"),
        ({"value": float("nan")}, "each must be between 0 and 1"),
        ({"value": "high"}, "each must be between 0 and 1"),
        ("twice", "a class has two"),
        ({"classes": [["a"]]}, "holds no thresholds"),
    ],
)
def test_thresholds_that_were_edited_are_looked_at(model: LinearProbe, tmp_path: Path, change: Any, said: str) -> None:
    place = render(choose_thresholds(model, HELD, precision=0.8), tmp_path / "t.json")
    told = json.loads(place.read_text())
    if change == "twice":
        told["thresholds"] *= 2
    elif "classes" in change:
        told |= change
    else:
        told["thresholds"][0] |= change
    place.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_thresholds(place)


def test_thresholds_are_whole_numbers_too_and_of_a_json_file(model: LinearProbe, tmp_path: Path) -> None:
    found = choose_thresholds(model, HELD, precision=0.8)
    place = render(found, tmp_path / "t.json")
    told = json.loads(place.read_text())
    told["thresholds"][0]["value"] = 1
    place.write_text("\ufeff" + json.dumps(told), encoding="utf-8")
    assert read_thresholds(place).thresholds[0].value == 1
    with pytest.raises(DataError, match=r"thresholds are read from a \.json file, got t\.csv"):
        read_thresholds(render(found, tmp_path / "t.csv"))


def test_a_share_is_met_where_binary_numbers_miss_it() -> None:
    scores, right = np.linspace(0.99, 0.5, 100), np.arange(100) < 7
    for level in (0.07, 0.14, 0.28, 0.55, 0.56):
        cut = cut_of(scores, np.ones(100, bool), "keep", level)
        assert (scores >= cut).sum() == round(100 * level)
    assert (scores >= cut_of(scores, right, "precision", 0.07)).all()


def test_a_map_is_of_the_fit_it_was_drawn_with(model: LinearProbe, shallow: Encoder) -> None:
    found = map_spaces(model, HELD.take(range(30)))
    assert place_texts(model, found, HELD.texts[:1])[0].nearest[0]["distance"] < 1e-3
    again = LinearProbe(shallow, C=1e-1, layers=-1, store=None).fit(TRAIN.texts[:200], TRAIN.labels[:200])
    with pytest.raises(UsageError, match="with another model, or with another fit"):
        place_texts(again, found, HELD.texts[:1])
    with pytest.raises(DataError, match="got one string"):
        place_texts(model, found, "ab")
    with pytest.raises(UsageError, match="n_nearest must be at least"):
        place_texts(model, found, HELD.texts[:1], n_nearest=-1)


def test_whole_numbers_are_asked_for(model: LinearProbe) -> None:
    for study, given in (
        (suggest_texts, (model, HELD, 2.5)),
        (find_label_errors, (TRAIN,)),
        (measure_drift, (model, HELD, TRAIN)),
    ):
        more = {find_label_errors: {"n_folds": "3"}, measure_drift: {"n_words": -1}}.get(study, {})
        with pytest.raises(UsageError, match=r"whole number|at least 0"):
            study(*given, **more)
    with pytest.raises(UsageError, match="names must be two"):
        compare_models(model, model, HELD, names=("a",))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="one label per text: 2 texts, 1 labels"):
        model.score(HELD.texts[:2], ["a"])
