"""A lexicon of two texts that are read apart: exact, swapped where that must change nothing, saved, learnt again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.estimators.marked import FILLER

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.estimators import LinearProbeRegressor, load_estimator

ITEMS = ["banana", "velvet", "copper", "tunnel", "orchid", "pepper"]
Pair = tuple[str, str]


def pairs_of_items(n: int, seed: int = 0, *, directed: bool = False) -> tuple[list[Pair], list[int]]:
    """Return pairs whose label is whether both name the same thing; directed: whether the second names *banana*."""
    rng = np.random.default_rng(seed)
    pairs, labels = list[Pair](), list[int]()
    for i in range(n):
        one, other = rng.choice(ITEMS, 2, replace=False)
        second = one if i % 2 and not directed else other
        if directed:
            one, second = ("velvet", "banana") if i % 2 else ("banana", "velvet")
        pairs.append((_among(rng, one), _among(rng, second)))
        labels.append(i % 2)
    return pairs, labels


def _among(rng: np.random.Generator, word: str) -> str:
    return " ".join(rng.permutation([*rng.choice(FILLER, 7), word]).tolist())


PAIRS, LABELS = pairs_of_items(300)
FRESH, TRUTH = pairs_of_items(80, seed=1)
WEAK: dict[str, Any] = {"store": None, "lexicon": True, "C": 1e-7}


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> LinearProbe:
    return LinearProbe(shallow, symmetric=True, **WEAK).fit(PAIRS, LABELS)


def test_it_knows_what_both_texts_have(model: LinearProbe, shallow: Encoder) -> None:
    assert model.lexicon_ is not None
    without = LinearProbe(shallow, symmetric=True, **{**WEAK, "lexicon": False}).fit(PAIRS, LABELS)
    assert model.score(FRESH, TRUTH) > without.score(FRESH, TRUTH)


@pytest.mark.parametrize("at", ["states", "both"])
def test_scores_of_both_texts_sum_to_the_logit(model: LinearProbe, at: Any) -> None:
    assert model.explain([*FRESH[:5], ("", "banana of it"), ("the in", "the in")], at=at).check() < 1e-4


def test_a_pair_alone_reads_as_among_others(model: LinearProbe) -> None:
    together = model.predict_logits(FRESH[:7])
    alone = np.concatenate([model.predict_logits([pair]) for pair in FRESH[:7]])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_swapped_texts_read_alike_where_they_must(model: LinearProbe, shallow: Encoder) -> None:
    swapped = [(b, a) for a, b in FRESH]
    np.testing.assert_allclose(model.predict_logits(swapped), model.predict_logits(FRESH), atol=1e-5)
    pairs, labels = pairs_of_items(300, directed=True)
    directed = LinearProbe(shallow, symmetric=False, **WEAK).fit(pairs, labels)
    assert not np.allclose(
        directed.predict_logits([(b, a) for a, b in pairs[:9]]), directed.predict_logits(pairs[:9]), atol=1e-3
    )


def test_it_is_saved_and_learnt_again(shallow: Encoder, tmp_path: Path) -> None:
    model = LinearProbe(shallow, symmetric=True, **WEAK).fit(PAIRS[:200], LABELS[:200], dev=(PAIRS[200:], LABELS[200:]))
    assert model.lexicon_ is not None
    model.refit(PAIRS, LABELS)
    assert model.lexicon_ is not None
    model.save_pretrained(tmp_path / "m")
    again = load_estimator(tmp_path / "m", encoder=shallow)
    assert np.array_equal(again.predict_logits(FRESH), model.predict_logits(FRESH))


def test_spaces_have_one_and_so_has_a_similarity(shallow: Encoder) -> None:
    quick: dict[str, Any] = {"store": None, "n_epochs": 1, "n_latent": 4, "learning_rate": 1e-6}
    spaces = SpaceClassifier(shallow, **quick).fit(PAIRS, LABELS)
    assert spaces.explain(FRESH[:5]).check() < 1e-4
    assert spaces.set_params(lexicon=False).fit(PAIRS, LABELS).lexicon_ is None
    numbers = LinearProbeRegressor(shallow, **WEAK).fit(PAIRS, [float(label) for label in LABELS])
    assert numbers.lexicon_ is not None
    firsts, seconds = [a for a, _ in FRESH[:6]], [b for _, b in FRESH[2:6]]
    one_by_one = [numbers.predict([(a, b) for b in seconds]) for a in firsts]
    np.testing.assert_allclose(numbers.similarity(firsts, seconds), one_by_one, atol=1e-5)
