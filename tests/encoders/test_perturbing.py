"""Fact 41 and the promises of `perturb`: seeded, on any family, the given encoder untouched, features kept apart."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from spacetune import Encoder
from spacetune.encoders import FeatureStore, perturb, perturbation_ladder
from spacetune.encoders.loading.load import weights_digest
from spacetune.encoders.passes.trainable import TrainableEncoder
from spacetune.encoders.perturbing import perturbed_names
from spacetune.errors import EncoderError, UsageError

from .conftest import CONFIGS, Made

TEXTS = ["where is it?", "my card was charged twice"]


def weights(encoder: Encoder) -> dict[str, torch.Tensor]:
    return dict(encoder.loaded.model.named_parameters())


def states(encoder: Encoder) -> torch.Tensor:
    return encoder.encode(TEXTS, layers="all").values.float()


def test_41_alpha_0_leaves_the_model_unchanged(tiny: Encoder) -> None:
    same = perturb(tiny, 0)
    assert all(torch.equal(weights(same)[name], weight) for name, weight in weights(tiny).items())
    assert torch.equal(states(same), states(tiny))


def test_41_alpha_100_is_noise_in_every_weight_of_the_layers_and_nowhere_else(encoder: Encoder) -> None:
    noise, before = weights(perturb(encoder, 100, seed=3)), weights(encoder)
    changed = {name for name in before if not torch.equal(noise[name], before[name])}
    assert changed == {name for name in before if name.startswith("encoder") and name.endswith("weight")}
    assert any(name.endswith("LayerNorm.weight") for name in changed)
    for name in changed:
        few = 6 / noise[name].numel() ** 0.5
        assert noise[name].mean().item() == pytest.approx(0.0, abs=few)
        assert noise[name].var().item() == pytest.approx(1.0, abs=1.5 * few)


def test_the_equation(tiny: Encoder) -> None:
    noise, mixed, before = weights(perturb(tiny, 100, 7)), weights(perturb(tiny, 5, 7)), weights(tiny)
    for name in perturbed_names(tiny.loaded.model):
        torch.testing.assert_close(mixed[name], 0.95 * before[name] + 0.05 * noise[name])


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_every_family_is_perturbed_in_its_layers_alone(family: str, made: Made) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32")
    before = {name: weight.clone() for name, weight in weights(encoder).items()}
    first = states(encoder)
    other = perturb(encoder, 20, seed=1)
    names = perturbed_names(encoder.loaded.model)
    assert names
    assert not any("bias" in name.split(".")[-1] or "pooler" in name or "word_emb" in name for name in names)
    paper = [name for name in before if name.startswith("encoder") and name.endswith("weight")]
    assert not paper or names == paper
    assert {n for n in before if not torch.equal(weights(other)[n], before[n])} == set(names)
    assert all(torch.equal(weights(encoder)[name], weight) for name, weight in before.items())
    assert torch.equal(states(encoder), first)
    assert not torch.allclose(states(other), first)


def test_the_seed_decides(tiny: Encoder) -> None:
    global_state = torch.get_rng_state()
    assert torch.equal(states(perturb(tiny, 5, 1)), states(perturb(tiny, 5, 1)))
    assert not torch.equal(states(perturb(tiny, 5, 1)), states(perturb(tiny, 5, 2)))
    assert torch.equal(torch.get_rng_state(), global_state)


def test_features_of_a_perturbed_encoder_are_never_taken_for_the_original_s(tiny: Encoder, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    encoders = [tiny, perturb(tiny, 5, 1), perturb(tiny, 5, 2), perturb(perturb(tiny, 5, 1), 5, 1)]
    assert len({encoder.source.sha256 for encoder in encoders}) == 4
    for _ in range(2):
        for encoder in encoders:
            kept = store.encode(encoder, TEXTS, layers="all").take(torch.arange(2)).values
            assert torch.equal(kept.float(), states(encoder))
    assert store.summary().n_shards == 4
    assert encoders[1].provenance((3,)).origin == "perturbed"


def test_weights_that_stand_in_no_file_are_neither_pickled_nor_replaced_by_the_file(tiny: Encoder) -> None:
    other = perturb(tiny, 5)
    with pytest.raises(EncoderError, match="a perturbed encoder has no name to be pickled by"):
        pickle.dumps(other)
    trainable = TrainableEncoder(other, (3,), seed=0)
    assert weights_digest(trainable.runner.model) == other.source.sha256
    assert all(p.requires_grad for n, p in trainable.runner.model.named_parameters() if "pooler" not in n)


def test_bfloat16(tiny: Encoder, made: Made) -> None:
    half = Encoder.from_pretrained(made("bert"), dtype="bfloat16")
    assert perturb(half, 5).dtype == torch.bfloat16
    assert torch.equal(states(perturb(half, 0)), states(half))


def test_a_ladder(tiny: Encoder) -> None:
    rungs = list(perturbation_ladder(tiny, [0, 1.5, 100], seeds=[4, 5]))
    assert [(rung.alpha, rung.seed) for rung in rungs] == [(0, 4), (1.5, 4), (1.5, 5), (100, 4), (100, 5)]
    assert rungs[1].encoder.name.endswith("perturbed by 1.5 % with seed 4")


@pytest.mark.parametrize("alpha", [-1, 100.5, float("nan"), True])
def test_a_wrong_alpha_raises(tiny: Encoder, alpha: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 100"):
        perturb(tiny, alpha)
    with pytest.raises(UsageError, match="seed must be at least 0"):
        perturb(tiny, 1, -1)
