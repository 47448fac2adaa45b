"""A head of pairs is what was fitted: its logits are those that chose it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spacetune.encoders import PairedFeatures, TokenFeatures
from spacetune.encoders.ragged import offsets_of
from spacetune.fitting import FitData, FrozenInputs, SingleLabel, logits_of
from spacetune.fitting.pair_spaces import fit_pair_spaces
from spacetune.fitting.pairs import PairRows, centred_means, choose_pairs, learn_pairs
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.spaces import HeadSettings
from spacetune.heads import Meeting, PairHead


def made(n: int, seed: int) -> tuple[FrozenInputs, torch.Tensor]:
    """Return pairs of equal texts and of others, by turns, and whether they are equal."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 6, (n,), generator=generator)
    values = torch.randn(int(lengths.sum()), 2, 6, generator=generator) + 0.5
    first = torch.arange(n)
    places = torch.stack([first, torch.where(first % 2 == 0, first, (first + 1) % n)], dim=1)
    return FrozenInputs(PairedFeatures(TokenFeatures(values, offsets_of(lengths)), places)), first % 2


@pytest.mark.parametrize("symmetric", [True, False])
def test_dev_logits_are_the_heads(symmetric: bool) -> None:
    (train, targets), (dev, dev_targets) = made(80, 0), made(40, 1)
    task = SingleLabel(["same", "other"])
    data = FitData(train, targets, dev, dev_targets)
    head, chosen, logits = choose_pairs(data, PairRows.of(data), task, (0.1, 1.0), symmetric)
    assert (head.symmetric, chosen.symmetric) == (symmetric, symmetric)
    np.testing.assert_allclose(logits_of(head, dev), logits, atol=1e-6)
    assert task.scores(logits, dev_targets.numpy())["accuracy"] > 0.9
    whole = FitData.whole(train, targets)
    again = learn_pairs(whole, PairRows.of(whole), task, chosen)
    np.testing.assert_allclose(logits_of(again, dev), logits, atol=1e-6)


def test_what_is_read_apart_is_told_from_single_texts() -> None:
    paired, _ = made(4, 0)
    assert paired.first is not None
    single = FrozenInputs(TokenFeatures(torch.randn(3, 1, 2), torch.tensor([0, 1, 3])))
    assert single.first is None


def test_spaces_of_pairs_train_alike_in_bfloat16_and_read_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    (train, targets), (dev, dev_targets) = made(160, 0), made(80, 1)
    data = FitData(train, targets, dev, dev_targets)
    text_mean = centred_means(data)
    nothing = PairHead(torch.zeros(2), [Meeting(text_mean, torch.zeros(3, 2, *text_mean.mean.shape))])
    settings = HeadSettings(4, 0.0, 0.0, "labelled", 0.0, 0.05, 0.01, seed=0)
    schedule = Schedule(len(train), 4, 16, monitor="neg_log_loss")
    task, beside = SingleLabel(["same", "other"]), torch.zeros(len(train), 2)
    heads: list[PairHead] = []
    for dtype in (None, torch.bfloat16):
        monkeypatch.setattr("spacetune.fitting.pair_spaces.compute_dtype_of", lambda _, dtype=dtype: dtype)
        head, history = fit_pair_spaces(data, nothing, beside, True, settings, task, schedule)
        assert history.best_epoch > 0
        assert [part.text_mean.compute_dtype for part in head.parts] == [None, None]
        heads.append(head)
    plain, half = (logits_of(head, dev) for head in heads)
    assert task.scores(plain, dev_targets.numpy())["accuracy"] > 0.8
    assert 0 < np.abs(half - plain).max() < 0.1 * np.abs(plain).max()
