"""Encoders ranked for labels: what is seen is what a probe does on texts it did not learn from, and the record."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from spacetune import Encoder
from spacetune.data import LabelledTexts
from spacetune.encoders.perturbing import perturb
from spacetune.errors import DataError, UsageError
from spacetune.reports.encoder_choice import encoder_choice_document
from spacetune.studies import choose_encoder, demo_pairs, demo_texts
from spacetune.studies.geometry.encoder_evidence import EncoderEvidence, encoder_evidence, encoder_records, preferred

TRAIN = demo_texts("train")


@pytest.fixture(scope="module")
def noisy(shallow: Encoder) -> Encoder:
    return perturb(shallow, 60.0)


def test_an_encoder_of_noise_is_behind(shallow: Encoder, noisy: Encoder) -> None:
    found = choose_encoder([noisy, shallow], TRAIN, n_texts=300, store=None)
    first, second = found.rows()
    assert (found.best, first["encoder"], second["encoder"]) == (shallow.name, shallow.name, noisy.name)
    assert first["behind"] == 0
    assert second["behind"] == pytest.approx(first["accuracy"] - second["accuracy"])
    assert 0 < second["low"] < second["behind"] < second["high"]
    assert first["log_me"] > second["log_me"]
    assert found.level == (shallow.name,)
    assert found.notes == (f"300 texts of {len(TRAIN):,} were looked at",)
    assert json.loads(found.to_json())["best"] == shallow.name
    assert shallow.name in encoder_choice_document(found).finding
    assert choose_encoder([noisy, shallow], TRAIN, n_texts=300, store=None).rows() == found.rows()


def test_the_same_encoder_twice_is_level_and_pairs_are_read(shallow: Encoder) -> None:
    found = choose_encoder([shallow, shallow], demo_pairs("train"), n_texts=120, store=None)
    assert [row["behind"] for row in found.rows()] == [0.0, 0.0]
    assert found.notes[1:] == (f"{shallow.name} has the weights of another one in the list",)
    assert "smaller" not in found.verdict
    assert set(found.level) == {shallow.name}
    assert found.rows()[0]["accuracy"] > 0.5


def test_equal_texts_do_not_stand_on_both_sides(shallow: Encoder) -> None:
    rng = np.random.default_rng(0)
    labels = [str(label) for label in rng.integers(0, 2, 60)]
    texts = TRAIN.texts[:60]
    doubled = LabelledTexts(texts + [text.upper() for text in texts], labels * 2)
    found = choose_encoder([shallow, shallow], doubled, store=None)
    assert found.rows()[0]["accuracy"] < 0.75  # labels at random cannot be read off; a copy would give them away


def test_what_cannot_be_ranked(shallow: Encoder) -> None:
    with pytest.raises(UsageError, match="at least 2 encoders, got 1"):
        choose_encoder([shallow], TRAIN)
    with pytest.raises(UsageError, match="n_texts must be at least 2, got 1"):
        choose_encoder([shallow, shallow], TRAIN, n_texts=1)
    with pytest.raises(DataError, match="one label that is a class"):
        choose_encoder([shallow, shallow], LabelledTexts(["a", "b"], [0.5, 0.7]))
    with pytest.raises(DataError, match="two classes or more"):
        choose_encoder([shallow, shallow], LabelledTexts(["a", "b", "c"], ["x", "x", "x"]), store=None)


def test_a_class_of_two_texts_is_enough(shallow: Encoder) -> None:
    few = LabelledTexts(["good", "fine", "bad"], ["x", "x", "y"])
    found = choose_encoder([shallow, shallow], few, store=None)
    assert (found.n_texts, found.majority) == (3, pytest.approx(2 / 3))
    with pytest.raises(DataError, match="two different texts"):
        choose_encoder([shallow, shallow], LabelledTexts(["good", "Good", "bad"], ["x", "x", "y"]), store=None)


def test_the_best_is_one_that_the_probe_cannot_tell_from_its_best(
    shallow: Encoder, noisy: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[choose_encoder.__module__], "preferred", lambda scores, *_: len(scores) - 1)
    found = choose_encoder([noisy, shallow], TRAIN, n_texts=300, store=None)
    assert (found.best, found.level) == (shallow.name, (shallow.name,))


def test_the_record_is_of_the_stored_evidence() -> None:
    evidence = encoder_evidence()
    found = {record.by: record for record in encoder_records(evidence)}
    scores = np.array([each["scores"] for each in evidence.sets.values()])
    probes = np.array([each["measures"]["probe"] for each in evidence.sets.values()])
    lost = scores.max(1) - scores[np.arange(len(scores)), probes.argmax(1)]
    assert found["probe"].pick.regret == pytest.approx(lost.mean())
    assert found["probe"].worst == pytest.approx(lost.max())
    assert found["any encoder"].pick.regret > found["probe"].pick.regret
    assert found["choice"].pick.regret <= found["probe"].pick.regret


def test_between_encoders_that_the_probe_cannot_tell_log_me_decides() -> None:
    assert preferred([0.800, 0.805], [-0.3, -0.4], 500) == 0
    assert preferred([0.800, 0.905], [-0.3, -0.4], 500) == 1
    assert preferred([0.800, 0.805], [-0.4, -0.3], 500) == 1


def test_a_constant_measure_ranks_nothing() -> None:
    one = {"scores": [0.5, 0.9], "measures": {"size": [1, 1], "probe": [0.5, 0.8], "log_me": [-1, 0]}, "n_train": 99}
    found = encoder_records(EncoderEvidence(("a", "b"), {"x": one, "y": one}, ""))
    assert {record.by: record.correlation for record in found}["size"] == 0.0
