"""The record of layer picks: directions settled on other data sets, regrets by hand, and the verdict's honesty."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spacetune import Encoder
from spacetune.encoders import perturb
from spacetune.studies import demo_texts, rank_layers
from spacetune.studies.geometry.layer_evidence import BASELINES, LayerEvidence, records, stored_evidence
from spacetune.studies.geometry.pick_record import PickRecord
from spacetune.studies.geometry.ranking import verdict


def evidence(scores: list[list[float]], **measures: list[list[float]]) -> LayerEvidence:
    sets = {
        str(i): {"scores": row, "small probe": row, "measures": {name: values[i] for name, values in measures.items()}}
        for i, row in enumerate(scores)
    }
    return LayerEvidence("an encoder", "", tuple(range(len(scores[0]))), sets, "by hand")


def test_regrets_by_hand() -> None:
    found = {r.by: r for r in records(evidence([[0.5, 0.7, 0.9], [0.8, 0.6, 0.7]], eee=[[1, 2, 3], [1, 2, 3]]))}
    assert (found["last layer"].best, found["last layer"].regret) == (1, pytest.approx(0.05))
    assert found["any layer"].best == pytest.approx(2 / 3)
    assert found["any layer"].regret == pytest.approx((0.2 + 0.1) / 2)
    assert (found["small probe"].best, found["small probe"].regret) == (2, 0)


def test_a_direction_is_never_settled_on_the_set_it_is_judged_on() -> None:
    # on each set alone the measure's end would be perfect; the other set says the opposite
    found = {r.by: r for r in records(evidence([[0.1, 0.9], [0.9, 0.1]], eee=[[1, 2], [1, 2]]))}
    assert (found["eee"].best, found["eee"].regret) == (0, pytest.approx(0.8))
    assert (found["same layer"].best, found["same layer"].regret) == (0, pytest.approx(0.8))


def test_noise_measures_do_no_better_than_chance() -> None:
    rng = np.random.default_rng(0)
    scores, noise = rng.random((200, 7)).tolist(), rng.random((200, 7)).tolist()
    found = {r.by: r for r in records(evidence(scores, eee=noise))}
    assert found["eee"].best == pytest.approx(200 / 7, abs=14)
    assert found["any layer"].best == pytest.approx(200 / 7)
    assert found["eee"].low < found["any layer"].regret < found["eee"].high


def test_the_verdict_asks_for_more_than_luck() -> None:
    def record(by: str, regret: float, high: float) -> PickRecord:
        return PickRecord(by, "least", 5, 10, regret, 0.0, high)

    plain = {by: record(by, 0.03, 0.05) for by in BASELINES}
    assert verdict({"eee": record("eee", 0.01, 0.02), **plain}).endswith("follow it")
    assert "no measure is shown to be better than" in verdict({"eee": record("eee", 0.01, 0.04), **plain})
    few = dataclasses.replace(record("eee", 0.01, 0.02), of=5)
    assert verdict({"eee": few, **plain}).endswith("5 data sets are too few to tell")


SECOND = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""Of the weights of all-mpnet-base-v2."""


@pytest.mark.parametrize(("sha256", "n_layers"), [("", 7), ("of no encoder", 7), (SECOND, 13)])
def test_the_stored_evidence_is_whole_and_of_the_weights_where_it_has_them(sha256: str, n_layers: int) -> None:
    found = stored_evidence(sha256)
    assert (len(found.sets), len(found.layers)) == (12, n_layers)
    for held in found.sets.values():
        assert len(held["scores"]) == len(held["small probe"]) == len(found.layers)
        assert all(len(values) == len(found.layers) for values in held["measures"].values())
    assert {r.by for r in records(found)} >= set(BASELINES)


@pytest.mark.slow
def test_layers_are_ranked_with_their_record(encoder: Encoder) -> None:
    texts = demo_texts("train").texts[:60]
    found = rank_layers(encoder, texts, sample=400)
    record = {r.by: r for r in records(stored_evidence())}
    assert [row["by"] for row in found.picks] == [by for by in record if by not in BASELINES]
    for row in found.picks:
        values = [found.table[layer, row["by"]] for layer in row["order"]]
        assert values == sorted(values, reverse=row["direction"] == "greatest")
        assert (row["first"], row["of"]) == (row["order"][0], record[row["by"]].of)
    assert {r.by for r in found.baselines} == set(BASELINES)
    assert f"of {len(stored_evidence().sets)} data sets" in found.verdict
    assert not any("the evidence is of" in note for note in found.notes)
    other = rank_layers(perturb(encoder, 1), texts, sample=400)
    assert any("the evidence is of" in note and "perturbed" in note for note in other.notes)
