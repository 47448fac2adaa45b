"""The perturbation ladder: no noise is the encoder itself, and what differs is said."""

from __future__ import annotations

import warnings

import pytest

from spacetune import Encoder
from spacetune.encoders import perturb
from spacetune.errors import UsageError
from spacetune.studies import PerturbationLadder, demo_texts, measure, measure_ladder

TEXTS = demo_texts("dev").texts[:24]
FEW = ("isoscore", "two_nn")


@pytest.fixture(scope="module")
def found(shallow: Encoder) -> PerturbationLadder:
    return measure_ladder(shallow, TEXTS, alphas=[10, 2], seeds=[1, 2], measures=FEW, layer=1, sample=200)


@pytest.mark.slow
def test_every_rung_is_a_measured_encoder(shallow: Encoder, found: PerturbationLadder) -> None:
    assert found.alphas == (0.0, 2.0, 10.0)
    warnings.simplefilter("ignore")
    for alpha, seed, noisy in ((0.0, 1, shallow), (10.0, 2, perturb(shallow, 10, 2))):
        table = measure(noisy, TEXTS, layers=[1], measures=FEW, sample=200, store=None)
        row = next(r for r in found.rows() if (r["alpha"], r["seed"]) == (alpha, seed))
        assert {m: row[m] for m in FEW} == {m: table[1, m] for m in FEW}


def test_one_value_a_seed(found: PerturbationLadder) -> None:
    assert [len(found.at("isoscore", alpha)) for alpha in found.alphas] == [1, 2, 2]
    assert len(set(found.at("isoscore", 2.0))) == 2
    assert len(found.rows()) == 5
    assert found.measures == FEW
    assert any("fewer than advised" in note for note in found.notes)


@pytest.mark.parametrize("alphas", [[], [0], [2, 101], [-1]])
def test_mistakes(shallow: Encoder, alphas: list[float]) -> None:
    with pytest.raises(UsageError, match="shares of noise above 0 up to 100"):
        measure_ladder(shallow, TEXTS, alphas=alphas)
