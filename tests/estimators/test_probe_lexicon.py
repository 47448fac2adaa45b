"""A lexicon beside a linear head: off by default on a frozen encoder, on over tuned layers, exact and saved with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.estimators.marked import FILLER

from spacetune import Encoder, LinearProbe
from spacetune.bridges.transformers import to_transformers
from spacetune.errors import UsageError
from spacetune.estimators import LinearProbeRegressor, load_estimator

PLAIN: dict[str, Any] = {"C": 1e-3, "store": None}


def texts_of_orders(n: int, seed: int = 0) -> tuple[list[str], list[int]]:
    """Return texts and labels that the order of two neighbours decides: a mean of states knows little of it."""
    rng = np.random.default_rng(seed)
    texts: list[str] = []
    for i in range(n):
        words = rng.choice(FILLER, 8).tolist()
        place = int(rng.integers(0, 8))
        texts.append(
            " ".join([*words[:place], *(("banana", "velvet") if i % 2 else ("velvet", "banana")), *words[place:]])
        )
    return texts, [i % 2 for i in range(n)]


TEXTS, LABELS = texts_of_orders(240)


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> LinearProbe:
    return LinearProbe(shallow, lexicon=True, **PLAIN).fit(TEXTS, LABELS)


def test_words_are_weighed_against_the_head(model: LinearProbe, shallow: Encoder) -> None:
    fresh, labels = texts_of_orders(60, seed=1)
    assert model.lexicon_ is not None
    assert model.score(fresh, labels) > 0.9
    plain = LinearProbe(shallow, **PLAIN).fit(TEXTS, LABELS)
    assert plain.lexicon_ is None
    assert plain.score(fresh, labels) < model.score(fresh, labels)


def test_the_report_scores_what_is_predicted(model: LinearProbe, shallow: Encoder) -> None:
    fresh, labels = texts_of_orders(60, seed=1)
    again = LinearProbe(shallow, lexicon=True, **PLAIN).fit(TEXTS, LABELS, dev=(fresh, labels))
    assert again.report_["dev_scores"]["accuracy"] == pytest.approx(again.score(fresh, labels))


@pytest.mark.parametrize("at", ["states", "both"])
def test_scores_of_words_and_states_sum_to_the_logit(model: LinearProbe, at: Any) -> None:
    assert model.explain(["banana of the in on copper", "a velvet of it"], at=at).check() < 1e-4


def test_it_is_saved_and_learnt_again(shallow: Encoder, tmp_path: Path) -> None:
    model = LinearProbe(shallow, lexicon=True, **PLAIN).fit(TEXTS[:160], LABELS[:160], dev=(TEXTS[160:], LABELS[160:]))
    assert model.lexicon_ is not None
    before = len(model.lexicon_.grams)
    model.refit(TEXTS, LABELS)
    assert len(model.lexicon_.grams) > before
    model.save_pretrained(tmp_path / "m")
    loaded = load_estimator(tmp_path / "m", encoder=shallow)
    assert np.array_equal(loaded.predict_logits(TEXTS[:20]), model.predict_logits(TEXTS[:20]))


def test_transformers_runs_both(model: LinearProbe) -> None:
    ids = torch.from_numpy(model.encoder_.tokenize(TEXTS[:1]).token_ids).long()[None]
    with torch.no_grad():
        logits = to_transformers(model)(ids, torch.ones_like(ids)).logits[0]
    np.testing.assert_allclose(logits.numpy(), model.predict_logits(TEXTS[:1])[0], atol=1e-4)


def test_numbers_have_one_too(shallow: Encoder) -> None:
    numbers = LinearProbeRegressor(shallow, lexicon=True, **PLAIN).fit(TEXTS, [float(label) for label in LABELS])
    assert numbers.lexicon_ is not None
    assert numbers.score(*texts_of_orders(60, seed=1)) > 0.5


def test_tuned_layers_have_one_by_default(shallow: Encoder) -> None:
    settings: dict[str, Any] = {**PLAIN, "inside": "top", "inside_epochs": 1, "encoder_learning_rate": 1e-9}
    assert LinearProbe(shallow, **settings).fit(TEXTS, LABELS).lexicon_ is not None
    assert LinearProbe(shallow, lexicon=False, **settings).fit(TEXTS, LABELS).lexicon_ is None


def test_what_is_no_flag_is_refused(shallow: Encoder) -> None:
    with pytest.raises(UsageError, match="lexicon must be True, False or None"):
        LinearProbe(shallow, lexicon="yes").fit(TEXTS, LABELS)  # type: ignore[arg-type]
