"""`choose_method`: paired rounds within a budget, and a reason that can be read."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from spacetune import Encoder, LabelledTexts
from spacetune.errors import UsageError
from spacetune.studies import Trial, choose_method, demo_texts, fit_model
from spacetune.studies.fit import choosing, race
from spacetune.studies.fit.race import (
    drop_the_clearly_worse,
    next_to_play,
    reason_for,
    standing_of,
    unrefuted,
    winner_of,
)

TRAIN = demo_texts("train").take(range(160))
QUICK = {"n_epochs": 2}


@pytest.mark.slow
def test_every_method_sees_the_same_rounds_and_the_best_mean_wins(shallow: Encoder) -> None:
    settings = {**QUICK, "encoder": shallow}
    choice = choose_method(TRAIN, methods=("probe", "space"), settings=settings, budget=600, seed=3)
    assert {t.method for t in choice.trials} == {"probe", "space"}
    assert choice.measure == "macro_f1"
    best = winner_of(choice.trials)
    assert choice.method == best.method
    assert choice.reason.startswith(f"{best.method} has the best mean macro-f1, {standing_of(best, choice.trials):.4f}")
    assert [row["method"] for row in choice.rows()] == ["probe", "space"]
    again = choose_method(TRAIN, methods=("probe", "space"), settings=settings, budget=600, seed=3)
    for one, other in zip(again.trials, choice.trials, strict=True):  # who drops out when is a matter of time
        shared = min(len(one.scores), len(other.scores))
        assert one.scores[:shared] == other.scores[:shared]


def test_the_budget_is_kept_after_the_first_fit() -> None:
    choose_method(TRAIN, methods=("probe",), budget=0.001)
    began = time.perf_counter()
    choice = choose_method(TRAIN, methods=("probe", "space"), settings=QUICK, budget=0.001)
    assert time.perf_counter() - began < 20
    assert choice.method == "probe"
    assert [len(t.scores) for t in choice.trials] == [1, 0]
    assert [t.ended for t in choice.trials] == ["", "a fit does not end within what was left of the budget"]


def test_what_takes_long_is_tried_on_few_texts_only() -> None:
    assert choosing._affordable(500, 1, 60) == ["probe", "space", "space-simplex", "prefix-simplex"]
    assert choosing._affordable(2000, 21, 60) == ["probe", "space", "space-simplex"]
    assert choosing._affordable(2001, math.inf, 60) == ["probe", "space"]


def test_layers_are_tuned_where_two_rounds_fit_the_budget() -> None:
    assert choosing._affordable(2001, 20, 60) == ["probe", "space", "tuned"]
    assert choosing._affordable(999, 0.1, 60) == ["probe", "space", "space-simplex"]


def test_a_method_clearly_behind_drops_out_and_a_close_one_stays() -> None:
    trials = [
        Trial("space", [0.80, 0.82, 0.81]),
        Trial("probe", [0.79, 0.83, 0.80]),
        Trial("prefix-simplex", [0.60, 0.62, 0.60]),
    ]
    drop_the_clearly_worse(trials)
    assert [t.ended for t in trials] == ["", "", "clearly behind space after 3 rounds"]
    assert "probe 0.8067 (3), prefix-simplex 0.6067 (3)" in reason_for(trials[0], trials, "macro_f1")


def test_a_lead_of_one_standard_error_is_not_clear() -> None:
    """Leads of .00, .02 and .04: a mean of .02 at a standard error of .0115, of which t asks 4.3."""
    trials = [Trial("space", [0.80, 0.82, 0.84]), Trial("probe", [0.80, 0.80, 0.80])]
    drop_the_clearly_worse(trials)
    assert trials[1].ended == ""
    assert unrefuted(trials[1], [Trial("space", [0.80, 0.78, 0.76]), trials[1]]) is not None
    trials[0].scores[0] = 0.81
    drop_the_clearly_worse(trials)
    assert trials[1].ended == ""
    trials[0].scores[:] = [0.83, 0.84, 0.85]
    drop_the_clearly_worse(trials)
    assert trials[1].ended == "clearly behind space after 3 rounds"


def test_every_round_divides_the_texts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[tuple[tuple[str, ...], int]]] = {"probe": [], "space": []}

    def play(trial: Trial, train: LabelledTexts, held: LabelledTexts, *rest: Any) -> str:
        assert not set(train.texts) & set(held.texts)
        seen[trial.method].append((tuple(held.texts), rest[-1]))
        trial.scores.append(0.5)
        trial.seconds += 0.001
        return "macro_f1"

    monkeypatch.setattr(choosing, "_play", play)
    monkeypatch.setattr(choosing, "_encode_once", lambda *given: None)
    choose_method(TRAIN, methods=("probe", "space"), budget=600, seed=3)
    assert seen["probe"] == seen["space"]
    assert len(seen["probe"]) == race.MOST_ROUNDS
    assert len(set(seen["probe"])) == len({held for held, _ in seen["probe"]}) == race.MOST_ROUNDS


def test_methods_are_compared_over_the_rounds_they_share() -> None:
    trials = [Trial("probe", [0.9, 0.5, 0.5, 0.5], 1.0), Trial("space", [0.88], 8.0), Trial("space-simplex", [], 0.0)]
    standing = [standing_of(t, trials) for t in trials]
    assert standing == pytest.approx([0.6, 0.58, -math.inf])
    assert "space 0.5800 (1)" in reason_for(trials[0], trials, "macro_f1")


def test_one_round_wins_only_where_nobody_played_more() -> None:
    trials = [Trial("probe", [0.6, 0.7]), Trial("space", [0.9])]
    assert winner_of(trials) is trials[0]
    trials[0].scores.pop()
    assert winner_of(trials) is trials[1]


def test_the_default_stays_where_a_part_of_the_texts_does_not_refute_it() -> None:
    probe = Trial("probe", [0.80, 0.82, 0.81])
    for space, stays in (
        (Trial("space", [0.79, 0.80, 0.82]), True),
        (Trial("space", [0.70, 0.70, 0.70]), False),
        (Trial("space", [0.70, 0.70]), True),
        (Trial("space", [], ended=choosing.OUT_OF_TIME), True),
        (Trial("space", [], ended="labels are not what it reads"), False),
    ):
        assert unrefuted(probe, [probe, space]) is (space if stays else None)
    assert unrefuted(probe, [probe]) is None


def test_a_sample_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_TEXTS", 100)
    choice = choose_method(TRAIN, methods=("probe", "space"), settings=QUICK, budget=0.001)
    assert (choice.method, choice.n_texts) == ("space", 100)
    assert choice.reason.startswith("space stays, since nothing is clearly ahead of it on 100 of 160 texts; probe has")


def test_first_fits_come_in_order_and_then_the_least_time_spent() -> None:
    trials = [Trial("probe", [0.9], 1.0), Trial("space", [], 0.0), Trial("space-simplex", [], 0.0)]
    assert next_to_play(trials) is trials[1]
    trials = [Trial("probe", [0.9] * 3, 3.0), Trial("space", [0.8], 2.0), Trial("space-simplex", [], 0.0, "too slow")]
    assert next_to_play(trials) is trials[1]
    trials[1].ended = "the budget was used up"
    assert next_to_play(trials) is None
    assert next_to_play([Trial("probe", [])]) is not None


def test_what_cannot_be_chosen_is_said() -> None:
    with pytest.raises(UsageError, match="a budget above 0 seconds"):
        choose_method(TRAIN, budget=0)
    with pytest.raises(UsageError, match="needs methods to try"):
        choose_method(TRAIN, methods=[])
    with pytest.raises(UsageError, match="too few to choose a method by"):
        choose_method(TRAIN.take([0, 1]), methods=("probe",))


def test_fit_takes_the_choice_and_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "FEW_FOR_PREFIXES", 0)  # prefixes take long
    model, report = fit_model(TRAIN, method="auto", settings=QUICK, budget=0.001, baselines=False)
    assert report.choice is not None
    assert report.method == report.choice.method
    assert type(model).__name__ == "LinearProbe"
